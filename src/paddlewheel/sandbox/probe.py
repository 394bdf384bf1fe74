"""What this machine allows a sandbox to do, tried out. For `paddlewheel doctor`."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from paddlewheel.sandbox import mapping
from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox.explain import ALTERNATIVE, Settings, namespaces_refused
from paddlewheel.sandbox.launch import Message, launch
from paddlewheel.sandbox.scratch import run_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One ability: `name`, whether it is there, what was found, and what to do where something is missing.

    `needed`: without it `paddlewheel run` does not work; otherwise it works with a restriction.
    """

    name: str
    ok: bool
    detail: str
    hint: str | None = None
    needed: bool = True


def probe(scratch: Path) -> tuple[Check, ...]:
    """Try everything that a sandbox needs, in a folder below `scratch` (a place on the cache's disk)."""
    root = os.geteuid() == 0
    ranges = None if root else mapping.subordinate()
    seen: list[Message] = []
    refused: Failure | None = None
    with run_folder(scratch.absolute()) as (folder, lock):
        request: Message = {
            "probe": True,
            "network": "host",
            "uid": 0,
            "gid": 0,
            "folder": str(folder),
            "scratch": str(folder.parent),
            "mapping": "whole" if root or ranges else "caller",
        }
        quiet = (subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL)
        try:
            started = launch(request, streams=quiet, lock=lock, own_group=False, ranges=ranges, told=seen.append)
            started.end()
        except Failure as failure:
            refused = failure
    if refused is not None:
        error = namespaces_refused(refused, Settings.read(), root=root)
        return (Check(name="namespaces", ok=False, detail=error.message, hint=error.hint),)
    mapped = next((message["mapping"] for message in seen if "mapping" in message), "none")
    results = {message["probe"]: message["errno"] for message in seen if "probe" in message}
    return (
        Check(name="namespaces", ok=True, detail=_namespaces(mapped)),
        _users(mapped, ranges, root=root),
        _overlay(results.get("overlay", errno.ECHILD)),
        _proc(results.get("proc", errno.ECHILD)),
    )


def _namespaces(mapped: str) -> str:
    if mapped == "none":
        return "pid and mount namespaces; user namespaces are refused, which root does without"
    return "user, pid and mount namespaces"


def _users(mapped: str, ranges: mapping.Ranges | None, *, root: bool) -> Check:
    name = "users"
    if root:
        return Check(name=name, ok=True, detail="all, as root", needed=False)
    if mapped == "whole" and ranges is not None:
        return Check(name=name, ok=True, detail=f"root and {ranges.uid[1]} subordinate users", needed=False)
    if ranges is not None:
        detail = "newuidmap or newgidmap failed, so an image has one user, who owns all its files"
        hint = "both need the set-user-id bit: sudo chmod u+s $(which newuidmap newgidmap)"
    else:
        detail = "no subordinate users, so an image has one user, who owns all its files"
        hint = (
            "install newuidmap (Debian: uidmap), then "
            "`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`"
        )
    return Check(name=name, ok=False, detail=detail, hint=hint, needed=False)


def _overlay(number: int) -> Check:
    name = "overlayfs"
    if number == 0:
        return Check(name=name, ok=True, detail="stacks layers", needed=False)
    return Check(
        name=name,
        ok=False,
        detail=f"refused ({os.strerror(number)}), so layers are copied for each run",
        hint="Linux 5.13 and newer allow it to ordinary users; `sudo modprobe overlay` where it is a module",
        needed=False,
    )


def _proc(number: int) -> Check:
    name = "procfs"
    if number == 0:
        return Check(name=name, ok=True, detail="a /proc of the sandbox's own", needed=False)
    return Check(
        name=name,
        ok=False,
        detail=f"refused ({os.strerror(number)}), so a program sees the processes outside",
        hint=f"in a container: start it with `--security-opt systempaths=unconfined`;\n{ALTERNATIVE}",
        needed=False,
    )
