"""From a Python project to a slim, reproducible container image, in seconds, with or without Docker.

::

    folder --read--> Project --lock--> Lock --plan--> Plan --build--> Built --deliver--> file | Docker | Podman
                                                                        |
                                                                        +--run--> exit status

Each verb takes the value that the one before gives::

    import paddlewheel

    project = paddlewheel.read("examples/flask-service")
    built = paddlewheel.build(project)
    print(built.reference)                             # flask-service:latest@sha256:...
    paddlewheel.deliver(built, "oci-archive:shop.oci.tar")

`Context` says with which cache, network and reporter the verbs work; its defaults suit a library. Whatever a user
can cause is a `PaddlewheelError` with a `message` and a `hint`; `paddlewheel.errors` draws the whole tree.

Names are loaded when they are first used, so that ``import paddlewheel`` costs next to nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paddlewheel.errors import PaddlewheelError
    from paddlewheel.image.model import Image, Platform
    from paddlewheel.lock.model import Lock
    from paddlewheel.plan.model import Plan
    from paddlewheel.project.model import Project, Settings
    from paddlewheel.verbs import (
        Built,
        Context,
        LayerReport,
        Overrides,
        build,
        deliver,
        load,
        lock,
        plan,
        read,
        run,
    )

__version__ = "0.1.0"

__all__ = [
    "Built",
    "Context",
    "Image",
    "LayerReport",
    "Lock",
    "Overrides",
    "PaddlewheelError",
    "Plan",
    "Platform",
    "Project",
    "Settings",
    "__version__",
    "build",
    "deliver",
    "load",
    "lock",
    "plan",
    "read",
    "run",
]

_HOMES = {
    "PaddlewheelError": "errors",
    "Image": "image.model",
    "Platform": "image.model",
    "Lock": "lock.model",
    "Plan": "plan.model",
    "Project": "project.model",
    "Settings": "project.model",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'verbs')}"), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """Keeps the verbs `lock` and `plan` apart from the folders of the same names, which `import` would set here."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
