"""The test set-up gives working engines, users and interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.setup.processes import Process
from tests.setup.users import User
from tests.support.engines import Engine, busybox_tar, free_port, http_get

pytest_plugins = ["pytester"]


@pytest.mark.engine
@pytest.mark.parametrize("name", ["docker", "podman"])
def test_engine_runs_an_image(name: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(name)
    engine.import_tar(busybox_tar(), "house/busybox:1")
    try:
        assert any(image.endswith("house/busybox:1") for image in engine.images())
        told = engine.run("house/busybox:1", "/bin/busybox", "id", "-u", options=["--user", "65532:65532"])
        assert told.stdout.strip() == "65532"
        assert engine.run("house/busybox:1", "/bin/busybox", "false", check=False).returncode == 1
    finally:
        engine.remove("house/busybox:1")


@pytest.mark.engine
@pytest.mark.parametrize("name", ["docker", "podman"])
def test_engine_serves_on_the_network_of_the_host(name: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(name)
    image = "house/serving:1"
    engine.import_tar(busybox_tar(), image)
    port = free_port()
    try:
        with engine.running(image, "/bin/busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", "/etc"):
            assert "127.0.0.1" in http_get(port, "/hosts")
    finally:
        engine.remove(image)


@pytest.mark.engine
def test_registry_speaks_the_distribution_protocol(registry: str) -> None:
    with urllib.request.urlopen(f"http://{registry}/v2/", timeout=10) as answer:
        assert answer.status == 200
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.mark.parametrize("kind", ["ordinary_user", "bare_user"])
def test_user_runs_paddlewheel_without_privileges(kind: str, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(kind)
    code = "import os, paddlewheel; print(os.getuid(), paddlewheel.__version__, os.path.expanduser('~'))"
    uid, version, home = user.run([user.python, "-c", code]).stdout.split()
    assert int(uid) == user.uid != 0
    assert version
    assert home == str(user.home)


def test_user_owns_copies(ordinary_user: User, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("old")
    copy = ordinary_user.own(tmp_path / "folder")
    ordinary_user.run(["sh", "-c", f"echo new > {copy}/file"])
    assert (copy / "file").read_text() == "new\n"


def test_other_python_is_another_build(other_python: Path) -> None:
    code = "import sys, os, paddlewheel.cache; print(os.path.realpath(sys.executable), sys.version_info >= (3, 11))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    out = subprocess.run([other_python, "-c", code], capture_output=True, text=True, check=True, env=environment).stdout
    assert out.split()[0] != os.path.realpath(sys.executable)
    assert out.split()[1] == "True"


def test_a_process_is_known_by_its_start(tmp_path: Path) -> None:
    process = Process.spawn(["sleep", "60"], tmp_path / "log")
    try:
        process.record(tmp_path / "record")
        assert Process.recorded(tmp_path / "record") == process
        Process(process.pid, process.started - 1).record(tmp_path / "reused")
        assert Process.recorded(tmp_path / "reused") is None
    finally:
        process.stop()
    assert Process.recorded(tmp_path / "record") is None


@pytest.mark.parametrize(
    ("ci", "outcomes"), [("true", {"failed": 1, "errors": 1, "passed": 1}), ("", {"skipped": 2, "passed": 1})]
)
def test_nothing_skips_on_ci(
    ci: str, outcomes: dict[str, int], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makeconftest("from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport")
    pytester.makepyfile(
        """
        import pytest
        from tests.support.need import need

        def test_needs(): need(False, "no such tool")

        @pytest.mark.skip(reason="not today")
        def test_marked(): pass

        def test_runs(): pass
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", f"--rootdir={pytester.path}")
    done.assert_outcomes(**outcomes)
