"""Running things as somebody else."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.setup import pythons
from tests.setup.places import CHECKOUT, SHARED, reachable


@dataclass(frozen=True)
class User:
    """An account without privileges, a folder of its own, and a Python that it may run paddlewheel with."""

    name: str
    uid: int
    gid: int
    home: Path
    """Empty at first, removed after the test."""
    python: Path
    sources: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key.partition("_")[0] not in ("XDG", "PADDLEWHEEL")}
        own = {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, "TMPDIR": str(self.home)}
        return kept | own | {"PYTHONPATH": str(self.sources)}

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, its output captured as text."""
        switch = self.uid != os.geteuid()
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.home,
            env=self.environment | dict(env or {}),
            user=self.uid if switch else None,
            group=self.gid if switch else None,
            extra_groups=() if switch else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def paddlewheel(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run the command ``paddlewheel`` as this user."""
        command = [self.python, "-m", "paddlewheel", *arguments]
        return self.run(command, cwd=cwd, env=env, check=check, timeout=timeout)

    def own(self, path: Path) -> Path:
        """Copy a file or folder into the user's home, to belong to the user. Return the copy."""
        copy = self.home / path.name
        if path.is_dir():
            shutil.copytree(path, copy, symlinks=True)
        else:
            shutil.copy2(path, copy)
        for place in (copy, *copy.rglob("*")) if copy.is_dir() else (copy,):
            os.chown(place, self.uid, self.gid, follow_symlinks=False)
        return copy


def enter(name: str) -> User:
    """The account `name`, or the one that runs the tests where that is no root. Its home is new and empty."""
    account = pwd.getpwnam(name) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    home = Path(tempfile.mkdtemp(prefix="paddlewheel-home-", dir="/var/tmp"))
    if os.geteuid() == 0:
        os.chown(home, account.pw_uid, account.pw_gid)
    python = pythons.public_environment()
    return User(account.pw_name, account.pw_uid, account.pw_gid, home, python, _sources())


def leave(user: User) -> None:
    shutil.rmtree(user.home, ignore_errors=True)


def _sources() -> Path:
    """The sources where every user can read them: in place, or a copy."""
    here = CHECKOUT / "src"
    if reachable(here):
        return here
    copy = Path(tempfile.mkdtemp(prefix="src-", dir=_shared()))
    shutil.copytree(here, copy, dirs_exist_ok=True)
    copy.chmod(0o755)
    return copy


def _shared() -> Path:
    SHARED.mkdir(mode=0o755, exist_ok=True)
    return SHARED
