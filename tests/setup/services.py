"""dockerd and docker-registry of the tests' own, and a Podman with a storage of its own.

Whoever uses them holds a lock (`used`), so that several test processes share them and the last one to leave stops
them. A process that is killed lets go of its lock by dying; the next one to leave, or `down`, cleans up.

Known to work on a small virtual machine without CAP_SYS_RESOURCE, with cgroup v1 or a mix of v1 and v2:
Docker without a bridge and without iptables, containers on the host's network; Podman with runc (crun refuses
the mix of cgroup versions) and limits below those of the machine, which it may not raise.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.setup.debian import SetupError
from tests.setup.places import CACHE, RUN
from tests.setup.processes import Process, wait_until

DATA: Final = CACHE / "services"
DOCKER_SOCKET: Final = RUN / "docker.sock"
_BIN: Final = RUN / "bin"
_DOCKER: Final = RUN / "dockerd.json"
_REGISTRY: Final = RUN / "registry.json"
_REGISTRY_ADDRESS: Final = RUN / "registry.address"
_PODMAN: Final = RUN / "podman"

_STORAGE_CONF: Final = """\
[storage]
driver = "overlay"
graphroot = "{data}/podman"
runroot = "{run}/storage"
"""

_CONTAINERS_CONF: Final = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=16384:16384"]
netns = "host"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{run}/tmp"
"""

_REGISTRY_CONF: Final = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {data}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "{address}"}}
"""


@contextmanager
def used() -> Iterator[None]:
    """Keep the services that are started in this block from being stopped by another process."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    with (RUN / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with _alone():
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    _stop()


def docker() -> dict[str, str]:
    """Start dockerd if it does not run. Return the environment in which `docker` talks to it."""
    with _alone():
        if Process.recorded(_DOCKER) is None:
            _start_docker()
    return _environment(DOCKER_HOST=f"unix://{DOCKER_SOCKET}", DOCKER_CONFIG=str(RUN / "docker-config"))


def podman() -> dict[str, str]:
    """Prepare Podman. Return the environment in which `podman` has a storage of its own."""
    with _alone():
        if not _PODMAN.exists():
            _PODMAN.mkdir(parents=True)
            (_PODMAN / "storage.conf").write_text(_STORAGE_CONF.format(data=DATA, run=_PODMAN))
            (_PODMAN / "containers.conf").write_text(_CONTAINERS_CONF.format(run=_PODMAN))
    return _podman_environment()


def registry() -> str:
    """Start docker-registry if it does not run. Return its address, as ``127.0.0.1:40123``."""
    with _alone():
        if Process.recorded(_REGISTRY) is None:
            _start_registry()
        return _REGISTRY_ADDRESS.read_text()


def status() -> dict[str, str]:
    """Name -> state, for people."""
    states = {}
    for name, record, where in (("dockerd", _DOCKER, DOCKER_SOCKET), ("registry", _REGISTRY, _REGISTRY_ADDRESS)):
        process = Process.recorded(record)
        place = where.read_text() if where == _REGISTRY_ADDRESS and where.exists() else str(where)
        states[name] = f"runs as process {process.pid}, at {place}" if process else "does not run"
    states["podman"] = f"is prepared in {_PODMAN}" if _PODMAN.exists() else "is not prepared"
    return states


def down() -> None:
    """Stop everything that this module started, and remove what it kept, whoever uses it."""
    if RUN.exists():
        with _alone():
            _stop()


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time starts or stops services."""
    RUN.mkdir(mode=0o755, exist_ok=True)
    with (RUN / "mutex").open("a") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        yield


def _start_docker() -> None:
    daemon = shutil.which("dockerd", path="/usr/sbin:/usr/bin")
    if daemon is None:
        raise SetupError("dockerd is not installed: python -m tests.setup install")
    _BIN.mkdir(exist_ok=True)
    (_BIN / "docker").unlink(missing_ok=True)
    (_BIN / "docker").symlink_to("/usr/bin/docker")
    (RUN / "docker-config").mkdir(exist_ok=True)
    settings = RUN / "daemon.json"
    settings.write_text("{}")  # in place of the machine's /etc/docker/daemon.json
    (RUN / "dockerd.pid").unlink(missing_ok=True)
    log = RUN / "dockerd.log"
    process = Process.spawn(
        [
            daemon,
            *("--config-file", str(settings)),
            *("--host", f"unix://{DOCKER_SOCKET}"),
            *("--data-root", str(DATA / "docker")),
            *("--exec-root", str(RUN / "docker-exec")),
            *("--pidfile", str(RUN / "dockerd.pid")),
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        ],
        log,
    )
    process.record(_DOCKER)
    wait_until(_docker_answers, process, log)


def _docker_answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(DOCKER_SOCKET))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in client.recv(200)
        except OSError:
            return False


def _start_registry(attempts: int = 3) -> None:
    program = shutil.which("docker-registry")
    if program is None:
        raise SetupError("docker-registry is not installed: python -m tests.setup install")
    for attempt in range(attempts):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        settings = RUN / "registry.yml"
        settings.write_text(_REGISTRY_CONF.format(data=DATA, address=address))
        log = RUN / "registry.log"
        process = Process.spawn([program, "serve", str(settings)], log)
        try:
            wait_until(lambda address=address: _registry_answers(address), process, log)  # type: ignore[misc]
        except SetupError:
            process.stop()
            if attempt + 1 == attempts:  # another process may have taken the port in between
                raise
        else:
            _REGISTRY_ADDRESS.write_text(address)
            process.record(_REGISTRY)
            return


def _registry_answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop() -> None:
    if _PODMAN.exists():
        command = ["podman", "rm", "--force", "--all", "--time", "1"]
        subprocess.run(command, env=_podman_environment(), capture_output=True, check=False, timeout=120)
    for record in (_DOCKER, _REGISTRY):
        process = Process.recorded(record)
        if process is not None:
            process.stop()
        record.unlink(missing_ok=True)
    _unmount()
    for place in (DATA, _PODMAN, RUN / "docker-exec"):
        shutil.rmtree(place, ignore_errors=True)


def _unmount() -> None:
    """Take away what the engines left mounted below our folders, the deepest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    for point in reversed(points):
        if any(Path(point).is_relative_to(place) for place in (DATA, RUN)):
            subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)


def _podman_environment() -> dict[str, str]:
    return _environment(
        CONTAINERS_CONF=str(_PODMAN / "containers.conf"), CONTAINERS_STORAGE_CONF=str(_PODMAN / "storage.conf")
    )


def _environment(**added: str) -> dict[str, str]:
    """This process's environment with Debian's programs before others of the same name."""
    return os.environ | {"PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}"} | added
