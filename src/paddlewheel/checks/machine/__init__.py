"""What this machine can do: one `Probe` for each thing that a build, an output or `run` may need.

::

    host      Python, uv, the cache folder, the trust store, proxies
    servers   the Debian mirror and the package index, asked as a build asks them
    sandbox   namespaces and overlayfs, for `run`
    engines   Docker, Podman, Buildah, Skopeo, for outputs of their own

All are asked side by side. A probe never raises: what it cannot find out is its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from paddlewheel.checks.machine.probe import Probe, State

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

__all__ = ["Probe", "State", "can_build", "examine"]


def examine(cache: Cache, *, mirror: str | None = None, offline: bool = False) -> list[Probe]:
    """All probes, in the order for people. `mirror`: from the command line. `offline`: servers are not asked."""
    from paddlewheel.checks.machine import engines, host, sandbox, servers

    # Threads that import modules which import each other may see them half made: they are loaded before.
    for module in ("debian.mirror", "lock.uv", "net", "net.machine", "sandbox.probe"):
        import_module(f"paddlewheel.{module}")
    asked: list[Callable[[], Iterable[Probe]]] = [
        host.python,
        host.uv,
        partial(host.cache, cache),
        host.trust,
        host.proxies,
        partial(servers.mirror, mirror, offline=offline, cache=cache),
        partial(servers.index, offline=offline),
        partial(sandbox.sandbox, cache),
        *(partial(engines.engine, name) for name in engines.NAMES),
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        return [probe for found in pool.map(_safely, asked) for probe in found]


def can_build(probes: Iterable[Probe]) -> bool:
    """Whether a build has a chance: nothing that every build needs has failed."""
    return not any(probe.needed and probe.state is State.FAIL for probe in probes)


def _safely(ask: Callable[[], Iterable[Probe]]) -> list[Probe]:
    try:
        return list(ask())
    except Exception as error:
        function = getattr(ask, "func", ask)
        name = getattr(function, "__name__", "probe")
        return [Probe(name, State.WARN, f"could not be examined: {type(error).__name__}: {error}")]
