"""``paddlewheel lock``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paddlewheel import verbs
from paddlewheel.cli import options, units
from paddlewheel.cli.terminal import told
from paddlewheel.errors import UsageError

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal
    from paddlewheel.lock.model import Lock


@click.command("lock")
@options.project
@click.option("--check", "--locked", "check", is_flag=True, help="Change nothing; fail when a lock would change.")
@click.option("--upgrade", is_flag=True, help="Take the newest versions, not those that the locks have.")
@options.target
@options.offline
@options.json
@options.talk
@click.pass_obj
def command(terminal: Terminal, /, project: Path, check: bool, upgrade: bool, as_json: bool, **given: Any) -> int:
    """Make or check the locks of a project; build nothing.

    The project's own lock (uv.lock, pylock.toml, hashed requirements.txt) stays as it is. paddlewheel keeps
    paddlewheel.lock, the Debian packages of the base, and pylock.paddlewheel.toml where the project has no
    complete lock of its own. Both are made to be committed.

    \b
    Examples:
      paddlewheel lock
      paddlewheel lock --check           in CI: exit status 21 when a lock is missing or stale
      paddlewheel lock --upgrade
    """
    if check and upgrade:
        raise UsageError("--check and --upgrade contradict each other", hint="give one of them")
    with options.context(terminal, given) as context:
        read = verbs.read(project, context=context)
        lock = verbs.lock(read, context=context, locked=check, upgrade=upgrade)
    if not given["quiet"]:
        for line in summary(lock, read.root):
            terminal.line(told(line))
    if as_json:
        import json

        terminal.data(json.dumps(to_json(lock), indent=2, ensure_ascii=False))
    return 0


def summary(lock: Lock, root: Path) -> list[str]:
    """Two or three aligned lines."""
    from paddlewheel.lock.model import BASE_LOCK

    base = lock.base
    path = lock.python.path
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    packages = units.count(len(lock.python.pylock.packages), "Python package")
    debs = units.count(len(base.packages), "package")
    rows = [
        ("packages", f"{packages} in {shown} ({lock.python.locker})"),
        ("base", f"Debian {base.suite} {base.architecture}, {debs} in {BASE_LOCK}, snapshot {base.snapshot}"),
    ]
    if lock.build:
        rows.append(("build", units.count(len(lock.build), "pinned build requirement")))
    return [f"  {label:<8}  {text}" for label, text in rows]


def to_json(lock: Lock) -> dict[str, Any]:
    """The object of `lock --json`; docs/cli.md describes it."""
    base = lock.base
    return {
        "python": {
            "path": str(lock.python.path),
            "locker": lock.python.locker,
            "packages": [_package(package) for package in lock.python.pylock.packages],
        },
        "base": {
            "suite": base.suite,
            "architecture": base.architecture,
            "snapshot": base.snapshot,
            "packages": [
                {"name": package.name, "version": package.version, "sha256": package.sha256}
                for package in base.packages
            ],
        },
        "build": [{"name": requirement.name, "version": requirement.version} for requirement in lock.build],
    }


def _package(package: Any) -> dict[str, str | None]:
    return {"name": str(package.name), "version": None if package.version is None else str(package.version)}
