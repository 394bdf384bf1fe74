"""Which users the sandbox has, and how they are mapped: user_namespaces(7), newuidmap(1), subuid(5).

Three ways, the first that the machine allows:

- ``whole`` as root: every user of the machine is itself inside.
- ``whole`` as an ordinary user with newuidmap, newgidmap and a range in /etc/subuid and /etc/subgid: the caller is
  root inside, the range gives the users from 1 on.
- ``caller``: the image's one user is the caller, and there is no other. Files that belong to root in the image belong
  to the program's user then, so it could write what it could not elsewhere; changing users fails.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paddlewheel.sandbox.spec import RunSpec

Mapping = Literal["whole", "caller", "none"]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Subordinate users and groups of the caller: first number and how many there are."""

    uid: tuple[int, int]
    gid: tuple[int, int]


def choose(spec: RunSpec, ranges: Ranges | None) -> Mapping:
    """The mapping to try first. `ranges` comes from `subordinate` and counts for ordinary users only."""
    if os.geteuid() == 0:
        whole = _exist({spec.uid}, "uid_map") and _exist({spec.gid, *spec.groups}, "gid_map")
        return "whole" if whole else "caller"
    if spec.identity == "caller" or ranges is None:
        return "caller"
    enough = spec.uid <= ranges.uid[1] and max((spec.gid, *spec.groups)) <= ranges.gid[1]
    return "whole" if enough else "caller"


def _exist(numbers: set[int], kind: str) -> bool:
    """Whether these users or groups exist here: a container may have been given few, or root alone."""
    rows = [[int(word) for word in row] for row in _rows(kind)]
    return all(any(first <= number < first + count for first, _, count in rows) for number in numbers)


def _rows(kind: str) -> list[list[str]]:
    """The lines of this process's uid_map or gid_map: first inside, first outside, how many."""
    return [line.split() for line in Path(f"/proc/self/{kind}").read_text().splitlines()]


def subordinate(etc: Path = Path("/etc")) -> Ranges | None:
    """The caller's ranges; None without newuidmap and newgidmap, or when a file names none for the caller."""
    if not (shutil.which("newuidmap") and shutil.which("newgidmap")):
        return None
    user = os.getuid()
    names = {str(user)}
    try:
        names.add(pwd.getpwuid(user).pw_name)
    except KeyError:
        return None  # newuidmap refuses users whom /etc/passwd does not know
    uid, gid = _range(etc / "subuid", names), _range(etc / "subgid", names)
    return Ranges(uid, gid) if uid and gid else None


def _range(path: Path, names: set[str]) -> tuple[int, int] | None:
    """The longest range of any of `names`. Lines are ``name:first:count``."""
    found: tuple[int, int] | None = None
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        owner, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if owner in names and first.isdecimal() and count.isdecimal() and int(count) > (found[1] if found else 0):
            found = int(first), int(count)
    return found


def map_users(pid: int, ranges: Ranges | None) -> bool:
    """Map users of the user namespace that process `pid` is in. False: refused, nothing is mapped."""
    if os.geteuid() == 0:
        return _map_same(pid)
    return ranges is not None and _map_ranges(pid, ranges)


def _map_same(pid: int) -> bool:
    """Every user that exists here is itself there, also where here is a container with its own users."""
    try:
        for kind in ("uid_map", "gid_map"):
            text = "".join(f"{first} {first} {count}\n" for first, _, count in _rows(kind))
            Path(f"/proc/{pid}/{kind}").write_text(text)
    except OSError:
        return False
    return True


def _map_ranges(pid: int, ranges: Ranges) -> bool:
    for tool, caller, (first, count) in (
        ("newuidmap", os.getuid(), ranges.uid),
        ("newgidmap", os.getgid(), ranges.gid),
    ):
        command = [tool, str(pid), "0", str(caller), "1", "1", str(first), str(count)]
        if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0:
            return False
    return True
