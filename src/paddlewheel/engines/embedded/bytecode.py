"""Byte-compiling, reproducibly, with the image's own interpreter and without a sandbox.

The interpreter is started from the unpacked base through the base's own dynamic loader
(``ld-linux-*.so --library-path ... python3.X``), which needs no namespace and no privilege, only a kernel for the
same machine. Another interpreter of the same X.Y serves where that cannot run, and the user is told.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.errors import NativeCodeError

_WORKER: Final = Path(__file__).with_name("_compile_worker.py")
_BATCH_FILES: Final = 200
_BATCH_APART: Final = 25
"""Where modules are compiled each by itself, small batches keep all cores busy."""
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}

_FAULT: Final = """
import sys
try:
    compile(sys.stdin.buffer.read(), "module", "exec", dont_inherit=True)
except SyntaxError as fault:
    print(f"line {fault.lineno}: {fault.msg}" if fault.lineno else fault.msg)
except Exception as fault:
    print(fault)
"""

Source = tuple[str, str, Callable[[], bytes]]
"""A module: its name in the pack, the path that tracebacks show, and what reads its source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """An interpreter to compile with. `identity` is part of the key that compiled modules are kept under."""

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    identity: str
    exact: bool
    """It is the image's own, not merely one of the same X.Y."""
    tag: str
    """As in ``module.cpython-311.pyc``."""


def image_compiler(rootfs: Path, python: tuple[int, int], identity: str, architecture: str) -> Compiler | None:
    """The interpreter of an unpacked base, or None where this machine cannot run it.

    `identity` names its build, as the version of its Debian package does; `architecture` is Debian's name.
    """
    short = f"{python[0]}.{python[1]}"
    executable = rootfs / f"usr/bin/python{short}"
    loaders = sorted(rootfs.glob("usr/lib/*/ld-linux*.so.*"))
    if _MACHINES.get(architecture) != platform.machine() or not executable.exists() or not loaders:
        return None
    libraries = f"{loaders[0].parent}:{rootfs}/usr/lib"
    compiler = Compiler(
        command=(str(loaders[0]), "--library-path", libraries, str(executable)),
        environment=(("PYTHONHOME", str(rootfs / "usr")),),
        identity=identity,
        exact=True,
        tag=f"cpython-{python[0]}{python[1]}",
    )
    return compiler if _works(compiler, short) else None


def other_compiler(python: tuple[int, int]) -> Compiler | None:
    """An interpreter of this machine with the same X.Y, or None."""
    short = f"{python[0]}.{python[1]}"
    candidates = [sys.executable] if sys.version_info[:2] == python else []
    candidates.append(f"python{short}")
    for candidate in candidates:
        compiler = Compiler(
            command=(candidate,), environment=(), identity="", exact=False, tag=f"cpython-{python[0]}{python[1]}"
        )
        if _works(compiler, short):
            version = _ask(compiler, "import sys; print(sys.version)")
            return Compiler(
                command=compiler.command,
                environment=(),
                identity=f"other {version}",
                exact=False,
                tag=compiler.tag,
            )
    return None


def _works(compiler: Compiler, short: str) -> bool:
    return _ask(compiler, "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)") == (
        f"{short} cpython"
    )


def syntax_fault(compiler: Compiler, source: bytes) -> str:
    """Why a module does not compile, as ``line 8: invalid syntax``; empty where that cannot be told."""
    return _ask(compiler, _FAULT, source).partition("\n")[0]


def _ask(compiler: Compiler, program: str, text: bytes = b"") -> str:
    try:
        done = subprocess.run(
            [*compiler.command, "-S", "-s", "-B", "-P", "-W", "ignore", "-c", program],
            input=text,
            env={"PYTHONUTF8": "1", **dict(compiler.environment)},
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def compile_sources(
    compiler: Compiler, sources: Sequence[Source], executor: Executor, *, each: bool = False
) -> Iterator[list[tuple[str, bytes]]]:
    """Compile `sources`, which must be in an order of their own, in batches side by side.

    Yield each batch's (name, .pyc) pairs in order; sources that are no valid Python are left out. Batches depend on
    nothing but the sources, so that every machine makes the same ones. With `each`, a module's bytes do not depend
    on the others either, which costs a fork per module and lets a caller keep results by module.
    """
    futures: list[Future[list[tuple[str, bytes]]]] = [
        executor.submit(_compile, compiler, batch, each)
        for batch in _batches(sources, _BATCH_APART if each else _BATCH_FILES)
    ]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _batches(sources: Sequence[Source], length: int) -> Iterator[Sequence[Source]]:
    for start in range(0, len(sources), length):
        yield sources[start : start + length]


def _compile(compiler: Compiler, batch: Iterable[Source], each: bool) -> list[tuple[str, bytes]]:
    names = []
    frames = []
    for name, path, read in batch:
        source = read()
        shown = path.encode()
        names.append(name)
        frames += [len(shown).to_bytes(4, "big"), len(source).to_bytes(4, "big"), shown, source]
    done = subprocess.run(
        [*compiler.command, "-S", "-s", "-B", "-P", "-W", "ignore", str(_WORKER), *(["each"] if each else [])],
        input=b"".join(frames),
        env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", **dict(compiler.environment)},
        cwd=os.sep,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        end = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise NativeCodeError(
            f"the image's Python could not byte-compile {names[0]} and {len(names) - 1} more: {end[0]}",
            hint="set bytecode = false in [tool.paddlewheel] to go without",
        )
    pycs = []
    position = 0
    for name in names:
        length = int.from_bytes(done.stdout[position : position + 4], "big")
        position += 4
        if length:
            pycs.append((name, done.stdout[position : position + length]))
        position += length
    return pycs


def pyc_name(path: str, tag: str) -> str:
    """Where the compiled form of the module at `path` goes: ``a/b.py`` -> ``a/__pycache__/b.<tag>.pyc``."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc".lstrip("/")
