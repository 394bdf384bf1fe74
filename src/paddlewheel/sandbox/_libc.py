"""The system calls that Python 3.11 lacks, through ctypes. Imports little: it is loaded at every start."""

from __future__ import annotations

import ctypes
import os

from paddlewheel.sandbox._failure import Failure

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9
_EINVAL = 22

# The same numbers on every architecture but Alpha, as all calls since Linux 5.0.
_SYS_MOUNT_SETATTR = 442
_SYS_PIVOT_ROOT = {"x86_64": 155, "i686": 217, "armv7l": 218, "ppc64le": 203, "s390x": 217}
_SYS_PIVOT_ROOT_GENERIC = 41
"""aarch64, riscv64, loongarch64."""
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1

_libc = ctypes.CDLL(None, use_errno=True)
# Variadic in C: without types a pointer or a long could be cut to an int.
_libc.syscall.restype = ctypes.c_long


def _check(result: int, step: str, detail: str = "") -> None:
    if result != 0:
        raise Failure(step, ctypes.get_errno(), detail)


def unshare(flags: int, step: str) -> None:
    _check(_libc.unshare(ctypes.c_int(flags)), step)


def mount(step: str, source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2). Paths are relative to the working directory unless absolute."""
    result = _libc.mount(
        os.fsencode(source) if source is not None else None,
        os.fsencode(target),
        kind.encode() if kind is not None else None,
        ctypes.c_ulong(flags),
        os.fsencode(data) if data is not None else None,
    )
    _check(result, step, target)


def make_read_only(target: str, *, recursive: bool) -> None:
    """Make a mount read-only; those below it too where the kernel can (Linux 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_long(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_ulong(_AT_RECURSIVE if recursive else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if result == 0:
        return
    # A remount must repeat the flags that a more privileged namespace has locked; ST_* equal MS_* here.
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("read-only", None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def enter_root(root: str) -> None:
    """Make `root`, a mount point, the root of this mount namespace, and let go of the old one (pivot_root(2))."""
    os.chdir(root)
    number = _SYS_PIVOT_ROOT.get(os.uname().machine, _SYS_PIVOT_ROOT_GENERIC)
    _check(_libc.syscall(ctypes.c_long(number), ctypes.c_char_p(b"."), ctypes.c_char_p(b".")), "pivot", root)
    _check(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "pivot", root)
    os.chdir("/")


def set_hostname(name: str) -> None:
    data = name.encode()
    _check(_libc.sethostname(data, ctypes.c_size_t(len(data))), "hostname", name)


def _prctl(option: int, value: int = 0) -> int:
    zero = ctypes.c_ulong(0)
    return int(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends, however that ends."""
    _check(_prctl(_PR_SET_PDEATHSIG, _SIGKILL), "prctl")


def no_new_privileges() -> None:
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "prctl")


def limit_capabilities(kept: frozenset[int]) -> None:
    """Take all capabilities but `kept` out of the bounding set: no exec can give them back."""
    for capability in range(64):
        if capability not in kept and _prctl(_PR_CAPBSET_DROP, capability) != 0:
            if ctypes.get_errno() == _EINVAL:
                return  # past the last one that this kernel knows
            raise Failure("capabilities", ctypes.get_errno(), str(capability))


def drop_capabilities() -> None:
    """Give up all capabilities of this process."""
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(head), ctypes.byref(sets)), "capabilities")


def loopback_up() -> None:
    """Switch on `lo` in a new network namespace (netdevice(7): SIOCSIFFLAGS)."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14s", b"lo", 0x1 | 0x40, b""))
