"""The mounts that make a root file system of an image's layers. Runs as PID 1 of the sandbox, before the program.

overlayfs gets one short name a layer, a link in a folder in memory: all options of a mount must fit into one page,
and 127 absolute paths do not.
"""

from __future__ import annotations

import errno
import os

from paddlewheel.sandbox import _libc
from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox._files import ensure_file, ensure_folder, inside
from paddlewheel.sandbox._libc import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_PROTECTED = ("bus", "fs", "irq", "sys", "sysrq-trigger")
"""Below /proc: settings of the whole machine, which root's user id alone may change."""
_MASKED = ("kcore", "keys", "latency_stats", "sched_debug", "timer_list")
"""Below /proc: what tells about the machine's memory."""
_HOST_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname")


def build_root(request: dict[str, Any], warn: Callable[[str], None]) -> str:
    """Mount everything below ``<folder>/root``; return that path. The caller has a mount namespace of its own."""
    folder: str = request["folder"]
    root = f"{folder}/root"
    _libc.mount("private", None, "/", None, MS_REC | MS_PRIVATE)
    os.chdir(folder)
    os.makedirs("root", exist_ok=True)
    if request["merged"]:
        # A copy of the layers, made by paddlewheel in this very folder.
        _libc.mount("bind", request["merged"], root, None, MS_BIND)
    else:
        stack(folder, request["layers"])
    if request["mapping"] != "caller":
        _set_owners(root, request["owners"])
    for path in (request["cwd"], *request["writable"]):
        place = inside(root, path)
        if not os.path.isdir(place) and ensure_folder(place) and path in request["writable"]:
            os.chown(place, request["uid"], request["gid"])
    _system(root, warn)
    _host_files(root, request)
    for source, target, read_only in request["mounts"]:
        _bind(root, source, target, read_only=read_only)
    if request["read_only"]:
        _freeze(root, request["writable"])
    return root


def stack(folder: str, layers: list[str]) -> None:
    """Mount the layers, lowest first, and what is written on top of them, on ``<folder>/root``."""
    for name in ("upper", "work", "memory"):
        os.mkdir(f"{folder}/{name}")
    _libc.mount("tmpfs", "tmpfs", f"{folder}/memory", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    os.chdir(f"{folder}/memory")
    for name in ("upper", "work", "empty"):
        os.mkdir(name)
    for number, layer in enumerate(layers):
        os.symlink(layer, str(number))
    lower = ":".join(str(number) for number in reversed(range(len(layers)))) or "empty"
    try:
        _overlay(lower, "../")
    except Failure as failure:
        if failure.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
            raise
        # The cache's file system cannot be written to through overlayfs (it is a network's, or itself an
        # overlay, as in a container): memory can.
        _overlay(lower, "")
    finally:
        os.chdir(folder)


def _overlay(lower: str, place: str) -> None:
    # volatile: nothing that is written here outlives the run, so nothing need reach the disk.
    options = f"lowerdir={lower},upperdir={place}upper,workdir={place}work,userxattr,volatile"
    _libc.mount("overlay", "overlay", "../root", "overlay", MS_NODEV, options)


def _set_owners(root: str, owners: list[list[Any]]) -> None:
    for path, uid, gid in owners:
        place = inside(root, os.path.dirname(path)) + "/" + os.path.basename(path)
        try:
            os.lchown(place, uid, gid)
        except FileNotFoundError:
            continue  # a higher layer has removed it
        except OSError as error:
            raise Failure("owner", error.errno or 0, f"{path} {uid}:{gid}") from error


def _system(root: str, warn: Callable[[str], None]) -> None:
    proc, sys, dev = (inside(root, path) for path in ("/proc", "/sys", "/dev"))
    for place in (proc, sys, dev):
        ensure_folder(place)
    _devices(dev)
    quiet = MS_NOSUID | MS_NODEV | MS_NOEXEC
    try:
        _libc.mount("proc", "proc", proc, "proc", quiet)
    except Failure as failure:
        if failure.errno != errno.EPERM:
            raise
        # Inside another container whose /proc is masked, the kernel allows no new one.
        warn("the kernel allows no /proc of its own in the sandbox; the program sees the processes outside")
        _libc.mount("proc", "/proc", proc, None, MS_BIND | MS_REC)
    for name in _PROTECTED:
        place = f"{proc}/{name}"
        if os.path.exists(place):
            _libc.mount("proc", place, place, None, MS_BIND | MS_REC)
            _libc.make_read_only(place, recursive=True)
    for name in _MASKED:
        if os.path.exists(f"{proc}/{name}"):
            _libc.mount("proc", "/dev/null", f"{proc}/{name}", None, MS_BIND)
    # Not a new sysfs, which needs a network namespace of its own.
    _libc.mount("sys", "/sys", sys, None, MS_BIND | MS_REC)
    _libc.make_read_only(sys, recursive=True)


def _devices(dev: str) -> None:
    _libc.mount("dev", "tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=1m")
    for name in _DEVICES:
        if os.path.exists(f"/dev/{name}"):
            ensure_file(f"{dev}/{name}")
            _libc.mount("dev", f"/dev/{name}", f"{dev}/{name}", None, MS_BIND)
    for name, target in _LINKS.items():
        os.symlink(target, f"{dev}/{name}")
    os.mkdir(f"{dev}/shm")
    _libc.mount("dev", "tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    os.mkdir(f"{dev}/pts")
    pts = "newinstance,ptmxmode=0666,mode=0620"
    try:
        _libc.mount("dev", "devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, f"{pts},gid=5")
    except Failure:
        # The group `tty` is not mapped.
        _libc.mount("dev", "devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, pts)
    if os.isatty(0):
        ensure_file(f"{dev}/console")
        _libc.mount("dev", os.ttyname(0), f"{dev}/console", None, MS_BIND)


def _host_files(root: str, request: dict[str, Any]) -> None:
    for path in _HOST_FILES:
        if path == "/etc/hostname" and request["hostname"] is not None:
            with open("hostname", "w") as file:
                file.write(request["hostname"] + "\n")
            source = os.path.abspath("hostname")
        else:
            source = os.path.realpath(path)
        if os.path.isfile(source):
            _bind(root, source, path, read_only=True)


def _bind(root: str, source: str, target: str, *, read_only: bool) -> None:
    place = inside(root, target)
    try:
        if os.path.isdir(source):
            ensure_folder(place)
        else:
            ensure_file(place)
    except OSError as error:
        raise Failure("target", error.errno or 0, target) from error
    # Recursive, because a user namespace may not uncover what is mounted below.
    _libc.mount("bind", source, place, None, MS_BIND | MS_REC)
    if read_only:
        _libc.make_read_only(place, recursive=True)


def _freeze(root: str, writable: list[str]) -> None:
    """Make the root read-only, and only it: the mounts on it, bound directories included, keep their own flags."""
    for path in writable:
        place = inside(root, path)
        _libc.mount("bind", place, place, None, MS_BIND)
    _libc.make_read_only(root, recursive=False)
