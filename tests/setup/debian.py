"""The Debian packages and accounts that the tests need."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    "buildah",
    "busybox-static",
    "docker-registry",
    "docker.io",
    "faketime",
    "gcc",
    "git",
    "libc6-dev",
    "podman",
    "python3",
    "python3-venv",
    "runc",
    "skopeo",
    "uidmap",
)

USER: Final = "paddlewheel-test"
"""An account as `useradd` makes them: with subordinate ids, where uidmap is installed."""
BARE_USER: Final = "paddlewheel-bare"
"""An account without subordinate ids."""

_POLICY: Final = Path("/usr/sbin/policy-rc.d")


class SetupError(Exception):
    """The machine cannot be set up; the text says what is missing."""


def why_not() -> str | None:
    """Why this machine cannot be set up, or None where it can."""
    if not Path("/etc/debian_version").exists():
        return "the test set-up installs Debian packages, and this is no Debian"
    if os.geteuid() != 0:
        return "the test set-up installs packages and starts engines, which needs root"
    return None


def missing_packages() -> list[str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES]
    out = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in out.splitlines() if line.endswith(" installed")}
    return [name for name in PACKAGES if name not in installed]


def install_packages(names: list[str], attempts: int = 4) -> None:
    """Install with apt-get, without starting any service. Mirrors and networks fail for moments: try again."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=600"]
    install = [*apt, "install", "-y", "--no-install-recommends", *names]
    with _no_services():
        for attempt in range(attempts):
            # The update may fail for a source that none of these packages come from; the install then tells.
            subprocess.run([*apt, "update"], env=environment, capture_output=True, check=False)
            done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            time.sleep(2**attempt)
    raise SetupError(f"{' '.join(install)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting a dockerd or a registry of their own, by Debian's invoke-rc.d policy."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def make_accounts() -> None:
    for name, options in ((USER, ["--create-home"]), (BARE_USER, ["--create-home", "--system"])):
        try:
            pwd.getpwnam(name)
        except KeyError:
            command = ["useradd", *options, "--shell", "/bin/sh", "--comment", "paddlewheel's tests", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            # 9: made by another process in the meantime.
            if done.returncode not in (0, 9):
                raise SetupError(f"{' '.join(command)}: {done.stderr.strip()}") from None
