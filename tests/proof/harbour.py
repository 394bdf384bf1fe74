"""All that a build needs, on loopback: wheels, Debian packages, and a project whose locks name them by hash.

The base is a small one of made-up packages; everything on the way to the image is real.
"""

from __future__ import annotations

import os
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.lock.base import BaseLock, format_base_lock
from tests.support.debs import Deb, deb
from tests.support.server import FileServer
from tests.support.tree import write_tree
from tests.support.wheels import make_wheel, sha256

ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), "amd64")
MODULES = 60
LARGE = 3 << 20
"""Bytes of the largest wheel's data, which does not compress: enough for a download to be cut in the middle."""


@dataclass
class Harbour:
    """A server with what the projects' locks name. `folder` holds ``wheels`` and ``debian``."""

    folder: Path
    server: FileServer
    debs: list[Deb] = field(default_factory=list)

    @property
    def mirror(self) -> str:
        return f"{self.server.url}/debian"

    def environment(self, cache: Path) -> dict[str, str]:
        """For the command: this mirror, a cache, no proxy."""
        names = {"PADDLEWHEEL_CACHE_DIR": str(cache), "PADDLEWHEEL_MIRROR": self.mirror, "PADDLEWHEEL_DEBUG": ""}
        return os.environ | names | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def project(self, root: Path, *, wheels: list[Path] | None = None, bytecode: bool = True) -> Path:
        """Write a project that wants `wheels` (None: all that are served)."""
        listed = sorted((self.folder / "wheels").iterdir()) if wheels is None else wheels
        modules = {f"pages/page{number}.py": f"NUMBER = {number}\n" for number in range(8)}
        return write_tree(
            root,
            {
                "app.py": "import alpha\nprint(alpha.__name__)\n",
                **modules,
                "paddlewheel.toml": 'name = "boat"\nbase = "distroless:bookworm"\ncmd = ["python", "app.py"]\n'
                + ("" if bytecode else "bytecode = false\n"),
                "pylock.toml": self.lock(listed),
                "paddlewheel.lock": format_base_lock(BaseLock().with_base(self.base())),
            },
        )

    def lock(self, wheels: list[Path]) -> str:
        """A pylock file. The sizes of some wheels are not told, as in locks that come from requirements."""
        lines = ['lock-version = "1.0"', 'created-by = "tests"', 'requires-python = ">=3.11"']
        for number, wheel in enumerate(wheels):
            name, version, *_ = wheel.name.split("-")
            lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"', "[[packages.wheels]]"]
            lines += [f'name = "{wheel.name}"', f'url = "{self.server.url}/wheels/{wheel.name}"']
            lines += [f"size = {wheel.stat().st_size}"] if number % 2 == 0 else []
            lines += [f'hashes = {{sha256 = "{sha256(wheel)}"}}']
        return "\n".join(lines) + "\n"

    def base(self) -> PinnedBase:
        packages = tuple(
            PinnedPackage(
                name=one.name,
                version=one.version,
                architecture=one.architecture,
                archive="debian",
                path=one.path,
                size=len(one.data),
                sha256=one.sha256,
            )
            for one in sorted(self.debs, key=lambda one: one.name)
        )
        return PinnedBase(
            suite="bookworm",
            architecture=ARCHITECTURE,
            snapshot="20260301T120000Z",
            requested=(),
            packages=packages,
        )


@contextmanager
def opened(folder: Path) -> Iterator[Harbour]:
    """Make wheels and packages below `folder` and serve them."""
    make_wheels(folder / "wheels")
    harbour = Harbour(folder, FileServer(folder), _debs())
    for one in harbour.debs:
        place = folder / "debian" / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.data)
    with harbour.server:
        yield harbour


def make_wheels(folder: Path) -> None:
    """Five wheels: sources that are worth compiling, scripts, data of some weight."""
    noise = random.Random(4711)
    code = "".join(f"def call{n}(x, *, y={n}):\n    return [x + y for _ in range({n})]\n" for n in range(40))
    sources = {f"alpha/part{number}.py": f"NUMBER = {number}\n{code}" for number in range(MODULES)}
    make_wheel(folder, "alpha", files={"alpha/__init__.py": "", **sources}, console_scripts={"alpha": "alpha:main"})
    make_wheel(folder, "beta", files={"beta/__init__.py": "", "beta/data.bin": noise.randbytes(LARGE)})
    make_wheel(folder, "gamma", files={"gamma/__init__.py": "", "gamma/zeros.bin": bytes(LARGE)})
    make_wheel(folder, "delta", stored=True, data={"scripts/delta": "#!python\nprint(1)\n", "data/share/delta": "x"})
    make_wheel(folder, "epsilon", files={f"epsilon/part{number}.py": code for number in range(MODULES)})


def _debs() -> list[Deb]:
    noise = random.Random(42)
    library = {"usr/lib/python3.11/os.py": "x = 1\n", "usr/lib/python3.11/abc.py": "y = 2\n"}
    return [
        deb("libc6", "2.36-9", architecture=ARCHITECTURE, files={"usr/lib/libc.txt": noise.randbytes(1 << 20)}),
        deb(
            "python3.11-minimal",
            "3.11.2-6",
            architecture=ARCHITECTURE,
            files={"usr/bin/python3.11": "no program\n", **library},
            modes={"usr/bin/python3.11": 0o755},
        ),
    ]
