"""``python -m tests.cli.faked SCENARIO WORDS...``: the real command over faked verbs, in a process of its own."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from typing import Any

from paddlewheel import verbs
from paddlewheel.cli import main
from paddlewheel.errors import NetworkError


def nothing(context: verbs.Context) -> None:
    """Nothing changed: answered at once."""


def plain(context: verbs.Context) -> None:
    context.reporter.note("using uv.lock")
    context.reporter.warn("a wheel is old")
    with context.reporter.task("numpy", 15_300_000, unit="B") as task:
        for _ in range(12):
            time.sleep(0.05)
            task.advance(1_275_000)


def slow(context: verbs.Context) -> None:
    """Works for a minute in a temporary folder of the cache; says when it is there."""
    with context.cache.directory("build") as folder, context.reporter.task("compiling", unit="files"):
        (folder / "half").write_text("half a layer")
        Path(os.environ["READY"]).touch()
        time.sleep(60)


def full(context: verbs.Context) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/var/cache/blob")


def refused(context: verbs.Context) -> None:
    raise NetworkError("https://user:geheim@index.example.org/simple/flask/: 503", hint="try again later")


def broken(context: verbs.Context) -> None:
    raise ValueError("no such thing")


def fake(scenario: str) -> None:
    """Replace the verbs that `build` calls; import nothing that it would not."""
    from tests.cli.values import built

    def build(project: Any, *, context: verbs.Context, **given: Any) -> verbs.Built:
        globals()[scenario](context)
        return built()

    replaced: dict[str, Any] = {
        "build": build,
        "deliver": lambda built, destination, **given: destination.partition(":")[2],
    }
    for name, function in replaced.items():
        setattr(verbs, name, function)


if __name__ == "__main__":
    scenario, *words = sys.argv[1:]
    fake(scenario)
    status = main(words)
    if os.environ.get("SHOW_MODULES"):
        sys.stderr.write("\n".join(sorted(sys.modules)))
    sys.exit(status)
