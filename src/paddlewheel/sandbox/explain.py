"""From a refused system call to words: what this machine forbids, and the command that allows it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from paddlewheel.errors import ProgramMissingError, ProgramRefusedError, SandboxError
from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox.spec import RunSpec

ALTERNATIVE = (
    "or load the image into an engine instead: `paddlewheel build -o docker-daemon:NAME`, then `docker run NAME`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The kernel's settings that bear on user namespaces. None: this kernel has no such setting."""

    max_user_namespaces: int | None
    unprivileged_userns_clone: int | None
    """Debian's and Ubuntu's own."""
    apparmor_restricts: int | None
    """Ubuntu's, since 23.10."""
    seccomp: bool
    """This process runs under a seccomp filter, as in a container."""

    @classmethod
    def read(cls, proc: Path = Path("/proc")) -> Settings:
        return cls(
            max_user_namespaces=_number(proc / "sys/user/max_user_namespaces"),
            unprivileged_userns_clone=_number(proc / "sys/kernel/unprivileged_userns_clone"),
            apparmor_restricts=_number(proc / "sys/kernel/apparmor_restrict_unprivileged_userns"),
            seccomp="\nSeccomp:\t2" in _text(proc / "self/status"),
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def namespaces_refused(failure: Failure, settings: Settings, *, root: bool) -> SandboxError:
    """Why user, pid or mount namespaces, or mounts in them, are refused."""
    said = f"the kernel refuses {_WORDS.get(failure.step, failure.step)} ({os.strerror(failure.errno)})"
    if settings.max_user_namespaces == 0:
        return _setting(said, "user.max_user_namespaces", 0, 15000)
    if settings.unprivileged_userns_clone == 0 and not root:
        return _setting(said, "kernel.unprivileged_userns_clone", 0, 1)
    if settings.apparmor_restricts == 1 and not root:
        return _setting(said, "kernel.apparmor_restrict_unprivileged_userns", 1, 0)
    if settings.seccomp:
        return SandboxError(
            f"{said}: a seccomp filter forbids it, as containers have by default",
            hint="start the outer container with `--security-opt seccomp=unconfined` (Docker, Podman), in Kubernetes "
            f"with `seccompProfile: {{type: Unconfined}}`;\n{ALTERNATIVE}",
        )
    if failure.errno == errno.ENOSPC:
        return SandboxError(
            f"{said}: all namespaces that this user may have are in use, or an outer container allows none",
            hint=f"see /proc/sys/user/; raise with `sudo sysctl user.max_user_namespaces=15000`;\n{ALTERNATIVE}",
        )
    if failure.errno == errno.EINVAL:
        return SandboxError(f"{said}: it was built without them", hint=f"use another kernel;\n{ALTERNATIVE}")
    return SandboxError(said, hint=f"`paddlewheel doctor` shows what is allowed here;\n{ALTERNATIVE}")


def _setting(said: str, name: str, now: int, wanted: int) -> SandboxError:
    return SandboxError(
        f"{said}: {name} is {now}",
        hint=f"`sudo sysctl {name}={wanted}`, and to keep it: "
        f"`echo {name}={wanted} | sudo tee /etc/sysctl.d/60-paddlewheel.conf`;\n{ALTERNATIVE}",
    )


_WORDS = {
    "user-namespace": "a user namespace",
    "user-mapping": "to map users in a user namespace",
    "namespaces": "pid, ipc, uts and mount namespaces",
    "private": "mounts in a mount namespace",
    "overlay": "overlayfs",
    "tmpfs": "a file system in memory",
    "proc": "a /proc in the sandbox",
    "sys": "/sys in the sandbox",
    "dev": "/dev in the sandbox",
    "pivot": "to change the root file system",
    "prctl": "prctl",
    "capabilities": "to drop capabilities",
    "hostname": "to set the host name",
    "read-only": "a read-only mount",
}


def explain(failure: Failure, spec: RunSpec, settings: Settings | None = None) -> SandboxError:
    """The error for the step that failed."""
    reason = os.strerror(failure.errno)
    path = failure.detail
    match failure.step:
        case "missing":
            return ProgramMissingError(
                f"the image has no program {path!r}"
                + ("" if "/" in path else f" in PATH={dict(spec.env).get('PATH')}"),
                hint="check entrypoint and cmd; a distroless image has no shell and no tools",
            )
        case "interpreter":
            return ProgramMissingError(
                f"{path} is in the image, but what should interpret it is not",
                hint="the `#!` line of a script, or the loader that an ELF program names (glibc, musl), must exist too",
            )
        case "execute":
            hint = "the file needs permission to be executed by the image's user"
            if failure.errno == errno.ENOEXEC:
                hint = "it is built for another machine, or it is a script without a `#!` line"
            return ProgramRefusedError(f"{path} cannot be executed: {reason}", hint=hint)
        case "cwd":
            return SandboxError(f"the working directory {path} cannot be entered: {reason}", hint="see `workdir`")
        case "user":
            return SandboxError(
                f"the sandbox cannot become user {path}: {reason}",
                hint="users above the range in /etc/subuid and /etc/subgid do not exist in the sandbox",
            )
        case "owner":
            return SandboxError(f"the owner of {path} cannot be set: {reason}")
        case "target":
            return SandboxError(f"nothing can be mounted on {path} in the image: {reason}")
        case "bind":
            return SandboxError(f"a folder of the host cannot be mounted in the sandbox: {path}: {reason}")
        case "crash":
            return SandboxError(f"the sandbox's own process failed: {path}")
        case "set-up":
            return SandboxError(f"the sandbox could not be prepared: {f'{path}: ' if path else ''}{reason}")
    return namespaces_refused(failure, settings or Settings.read(), root=os.geteuid() == 0)
