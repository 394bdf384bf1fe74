"""Machines that forbid something: what still works, and what is said where nothing does."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from paddlewheel.sandbox._failure import Failure
from paddlewheel.sandbox.explain import Settings, explain, namespaces_refused
from paddlewheel.sandbox.spec import RunSpec
from tests.sandbox.callers import Caller, Outcome
from tests.support.need import need_program

ALL_ALLOWED = Settings(max_user_namespaces=1000, unprivileged_userns_clone=None, apparmor_restricts=None, seccomp=False)
REFUSED = Failure("user-namespace", errno.EPERM)


@pytest.fixture(scope="session")
def proc_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proc")


def _settings(proc: Path, **values: str) -> Settings:
    for name, value in values.items():
        place = proc / "sys" / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(value + "\n")
    return Settings.read(proc)


def test_setting_of_the_limit(tmp_path: Path) -> None:
    error = namespaces_refused(REFUSED, _settings(tmp_path, user__max_user_namespaces="0"), root=False)
    assert error.message.endswith("user.max_user_namespaces is 0")
    assert error.hint is not None
    assert "sudo sysctl user.max_user_namespaces=15000" in error.hint
    assert "-o docker-daemon:NAME" in error.hint


def test_debians_setting(tmp_path: Path) -> None:
    settings = _settings(tmp_path, kernel__unprivileged_userns_clone="0", user__max_user_namespaces="99")
    error = namespaces_refused(REFUSED, settings, root=False)
    assert "sudo sysctl kernel.unprivileged_userns_clone=1" in str(error.hint)


def test_ubuntus_setting(tmp_path: Path) -> None:
    settings = _settings(tmp_path, kernel__apparmor_restrict_unprivileged_userns="1")
    # There, the namespace is made but gives no rights: the first mount fails.
    error = namespaces_refused(Failure("private", errno.EACCES), settings, root=False)
    assert "mounts in a mount namespace (Permission denied)" in error.message
    assert "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0" in str(error.hint)


def test_every_other_reason_has_a_hint() -> None:
    for number in (errno.ENOSPC, errno.EINVAL, errno.EPERM, errno.ENOSYS):
        error = namespaces_refused(Failure("namespaces", number), ALL_ALLOWED, root=True)
        assert os.strerror(number) in error.message
        assert "docker run" in str(error.hint)


@pytest.mark.parametrize(
    "step", ["set-up", "crash", "cwd", "user", "owner", "target", "bind", "execute", "missing", "interpreter", "pivot"]
)
def test_every_step_is_explained(step: str) -> None:
    spec = RunSpec(layers=(), argv=("x",), scratch=Path("/tmp"))
    error = explain(Failure(step, errno.EIO, "/the/place"), spec, ALL_ALLOWED)
    assert "/the/place" in error.message or "Input/output error" in error.message


def test_seccomp_filter_is_named(bare: Caller) -> None:
    done = bare.shell("true", hinder="seccomp")
    assert done.exit == 125
    assert "a seccomp filter forbids it" in done.error
    assert "--security-opt seccomp=unconfined" in done.hint
    assert bare.left() == []


def test_probe_names_the_seccomp_filter(bare: Caller) -> None:
    ((name, ok, detail, hint),) = bare.run([], hinder="seccomp", probe=True).probe
    assert (name, ok) == ("namespaces", False)
    assert "seccomp" in detail
    assert hint


def test_probe_of_a_machine_that_allows_all(caller: Caller) -> None:
    checks = {name: ok for name, ok, _, _ in caller.run([], probe=True).probe}
    assert checks == {"namespaces": True, "users": caller.users != "one", "overlayfs": True, "procfs": True}


def _inside(caller: Caller, prefix: list[str], script: str, **fields: object) -> Outcome:
    """As `Caller.shell`, with a command before the driver."""
    request, result = caller.prepare(["sh", "-c", script], [], fields)
    done = subprocess.run(
        [*prefix, *caller.command(request, result)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **caller.switch(),
    )
    return caller.outcome(result, done.stdout, done.stderr)


def test_root_needs_no_user_namespace(root: Caller) -> None:
    # The limit is each user namespace's own, so it is set in one made for this test.
    script = "id -u; id -G; grep CapEff /proc/self/status; ps -o pid | tail -1; echo x > /tmp/x"
    done = root.shell(script, groups=[50], hinder="no-user-namespaces-as-root")
    assert done.stdout.split()[:5] == ["65532", "65532", "50", "CapEff:", "0" * 16]
    assert done.status == 0
    assert root.left() == []


def test_root_of_a_container_with_one_user(root: Caller) -> None:
    done = root.shell("id -u; id -g; echo x > /tmp/x", hinder="one-user")
    assert (done.stdout.split(), done.status) == (["65532", "65532"], 0)
    assert root.left() == []


def test_limit_of_user_namespaces_is_named(bare: Caller) -> None:
    nested = [need_program("unshare"), "--user", "--map-current-user", "--keep-caps"]
    done = _inside(bare, nested, "true", hinder="no-user-namespaces")
    assert done.exit == 125
    assert "user.max_user_namespaces is 0" in done.error


def test_scratch_folder_where_overlayfs_cannot_write(root: Caller) -> None:
    # As in a container, whose root is an overlay itself.
    place = root.folder
    for name in ("low", "up", "work", "there"):
        (place / name).mkdir()
    mount = f"mount -t overlay o -o lowerdir={place}/low,upperdir={place}/up,workdir={place}/work {place}/there"
    prefix = [need_program("unshare"), "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    script = "echo x > /tmp/x; cat /tmp/x; mount | head -1"
    done = _inside(root, prefix, script, scratch=place / "there/scratch")
    assert done.stdout.startswith("x\noverlay on / ")
    assert "upperdir=upper," in done.stdout
    assert done.warnings == []
