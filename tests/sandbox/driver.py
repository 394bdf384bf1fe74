"""Runs as a process of its own, as any user: a run of the sandbox described by a JSON file.

``python driver.py REQUEST RESULT``: the request holds the fields of `RunSpec` and what `_hinder` knows; the result,
how it ended and what the reporter heard. The program's output is this process's own.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

from paddlewheel.errors import PaddlewheelError
from paddlewheel.progress import Silent
from paddlewheel.sandbox.probe import probe
from paddlewheel.sandbox.run import run
from paddlewheel.sandbox.spec import Bind, Owner, RunSpec


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    result = Path(sys.argv[2])
    _hinder(request.pop("hinder", None))
    timeout = request.pop("timeout", None)
    reporter = Silent()
    out: dict[str, Any] = {"status": None, "error": None, "hint": None, "exit": None}
    try:
        if request.pop("probe", False):
            out["probe"] = [[c.name, c.ok, c.detail, c.hint] for c in probe(Path(request["scratch"]))]
        else:
            out["status"] = run(_spec(request), reporter=reporter, timeout=timeout)
    except PaddlewheelError as error:
        out |= {"error": error.message, "hint": error.hint, "exit": error.exit_status}
    result.write_text(json.dumps(out | {"warnings": reporter.warnings}))


def _spec(request: dict[str, Any]) -> RunSpec:
    return RunSpec(
        **request
        | {
            "layers": tuple(Path(layer) for layer in request["layers"]),
            "argv": tuple(request["argv"]),
            "scratch": Path(request["scratch"]),
            "env": tuple((key, value) for key, value in request.get("env", ())),
            "groups": tuple(request.get("groups", ())),
            "writable": tuple(request.get("writable", ())),
            "owners": tuple(Owner(path=path, uid=uid, gid=gid) for path, uid, gid in request.get("owners", ())),
            "mounts": tuple(
                Bind(source=Path(source), target=target, read_only=read_only)
                for source, target, read_only in request.get("mounts", ())
            ),
        }
    )


def _hinder(how: str | None) -> None:
    """Forbid this process something, as machines do."""
    if how == "seccomp":
        _forbid_call({"x86_64": 272, "aarch64": 97}[os.uname().machine])  # unshare
    elif how == "no-user-namespaces":
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
    elif how == "no-user-namespaces-as-root":
        _enter_namespace(count=65536)
        _hinder("no-user-namespaces")
    elif how == "one-user":
        _enter_namespace(count=1)
    elif how is not None:
        raise ValueError(how)


def _enter_namespace(count: int) -> None:
    """Go on in a process that is root in a user namespace with so many users."""
    ready, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child:
        os.read(ready[0], 1)
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{kind}").write_text(f"0 0 {count}")
        os.write(mapped[1], b"x")
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if ctypes.CDLL(None).unshare(0x10000000) != 0:
        raise OSError("unshare")
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)


def _forbid_call(number: int) -> None:
    """A seccomp filter as Docker's default one: the call fails with EPERM (seccomp(2), BPF)."""

    def instruction(code: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    program = b"".join(
        (
            instruction(0x20, 0, 0, 0),  # load the call's number
            instruction(0x15, 0, 1, number),  # equal: the next one, else the one after
            instruction(0x06, 0, 0, 0x00050000 | 1),  # return EPERM
            instruction(0x06, 0, 0, 0x7FFF0000),  # allow
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(filters), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


main()
