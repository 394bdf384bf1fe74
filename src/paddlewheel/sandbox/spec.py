"""What is to run, and in which root file system: `RunSpec`. Frozen values without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from paddlewheel.errors import SandboxError

Network = Literal["host", "none"]
Identity = Literal["auto", "caller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of the host that the program sees at `target`, an absolute path in the image."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A path of the image (absolute) that belongs to another user than root.

    An ordinary user cannot unpack files for others; the sandbox sets these owners on its writable copy.
    """

    path: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """A command in an image's root file system.

    `layers`: unpacked layers, lowest first, with whiteouts as overlayfs has them (a character device 0:0, the
    attribute ``user.overlay.opaque``); none of them is ever written to.
    `scratch`: a folder for what the program writes, removed afterwards; on the cache's disk.
    `writable`: directories, made when missing, that stay writable under `read_only`.
    `identity`: ``auto`` gives the image's whole range of users where the machine allows it; ``caller`` makes the
    image's user and the user who runs paddlewheel the same, so that a host folder bound read-write can be written.
    `overlay`: False copies the layers instead of stacking them.
    """

    layers: tuple[Path, ...]
    argv: tuple[str, ...]
    scratch: Path
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    read_only: bool = False
    writable: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    mounts: tuple[Bind, ...] = ()
    network: Network = "host"
    hostname: str | None = None
    identity: Identity = "auto"
    overlay: bool = True

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise SandboxError("there is no command to run", hint="give one after `--`, or set entrypoint or cmd")
        for text in (*self.argv, *(part for pair in self.env for part in pair), self.cwd):
            if "\0" in text:
                raise SandboxError(f"{text!r} holds a zero byte, which no program can be given")
        for path in (self.cwd, *self.writable, *(bind.target for bind in self.mounts)):
            if not path.startswith("/"):
                raise SandboxError(f"{path!r} is no absolute path in the image")

    def to_json(self) -> dict[str, Any]:
        """Plain values for the child process, which knows no classes of this package."""
        return {
            "layers": [str(layer) for layer in self.layers],
            "argv": list(self.argv),
            "env": [list(pair) for pair in self.env],
            "cwd": self.cwd,
            "uid": self.uid,
            "gid": self.gid,
            "groups": list(self.groups),
            "read_only": self.read_only,
            "writable": list(self.writable),
            "owners": [[owner.path, owner.uid, owner.gid] for owner in self.owners],
            "mounts": [[str(bind.source), bind.target, bind.read_only] for bind in self.mounts],
            "network": self.network,
            "hostname": self.hostname,
        }
