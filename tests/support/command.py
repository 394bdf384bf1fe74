"""The command `paddlewheel`, started as users start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PADDLEWHEEL: Final = str(Path(sys.executable).with_name("paddlewheel"))
REFERENCE: Final = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def paddlewheel(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = 900,
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, its output captured as text."""
    done = subprocess.run(
        [PADDLEWHEEL, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check and done.returncode:
        raise AssertionError(f"paddlewheel {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def build(project: Path, *options: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Build a project; return ``name@sha256:...``, the one line that the command prints on stdout."""
    told = paddlewheel("build", project, *options, env=env).stdout.strip()
    assert REFERENCE.fullmatch(told), told
    return told


@contextmanager
def running(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """``paddlewheel run ARGUMENTS`` in the background, ended by SIGTERM at the end of the block."""
    command = [PADDLEWHEEL, "run", *map(str, arguments)]
    process = subprocess.Popen(command, env=os.environ | dict(env or {}))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
