"""Each example, built and started: in the rootless sandbox, under Docker and under Podman."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.setup.users import User
from tests.support.checkout import ROOT
from tests.support.command import build, paddlewheel, running
from tests.support.engines import Engine, free_port, http_get
from tests.support.need import need

pytestmark = [pytest.mark.network, pytest.mark.slow]

EXAMPLES = ("flask-service", "fastapi-service", "data-job")
LOCKS = {"fastapi-service": "uv.lock", "data-job": "pylock.toml"}
ENGINES = [pytest.param(name, marks=pytest.mark.engine) for name in ("docker", "podman")]


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The examples as Docker archives, each built when first asked for."""
    folder = tmp_path_factory.mktemp("examples")

    def archive(name: str) -> Path:
        place = folder / f"{name}.tar"
        if not place.exists():
            build(copy_of(name, folder), "-o", f"docker-archive:{place}", "-t", f"proof/{name}:1")
        return place

    return archive


def copy_of(name: str, folder: Path) -> Path:
    """A copy of an example, so that its locks are made and kept outside of the checkout."""
    source = ROOT / "examples" / name
    lock = LOCKS.get(name)
    need(lock is None or (source / str(lock)).exists(), "the examples' locks are missing: make example-locks")
    project = folder / name
    ignored = shutil.ignore_patterns("dist", "paddlewheel.lock", "pylock.paddlewheel.toml", "__pycache__", ".venv")
    shutil.copytree(source, project, ignore=ignored, dirs_exist_ok=True)
    return project


class Start:
    def __init__(self, engine: Engine | None, archives: Callable[[str], Path]) -> None:
        self.engine = engine
        self.archives = archives

    def service(self, name: str, *arguments: str, port: int) -> AbstractContextManager[object]:
        archive = self.archives(name)
        if self.engine is None:
            return running(f"docker-archive:{archive}", "-e", f"PORT={port}", "--", *arguments)
        return self._in_engine(archive, port, arguments)

    @contextmanager
    def _in_engine(self, archive: Path, port: int, arguments: tuple[str, ...]) -> Iterator[None]:
        assert self.engine is not None
        image = self.engine.load(archive)
        try:
            with self.engine.running(
                image, *arguments, options=["--env", f"PORT={port}", "--read-only", "--tmpfs", "/tmp"]
            ):
                yield
        finally:
            self.engine.remove(image)

    def job(self, name: str, *arguments: str) -> str:
        archive = self.archives(name)
        if self.engine is None:
            return paddlewheel("run", f"docker-archive:{archive}", "--", *arguments).stdout
        image = self.engine.load(archive)
        try:
            return self.engine.run(image, *arguments).stdout
        finally:
            self.engine.remove(image)


@pytest.fixture(params=["sandbox", *ENGINES])
def start(request: pytest.FixtureRequest, archives: Callable[[str], Path]) -> Start:
    """Start an example with arguments and environment, by each way that there is."""
    return Start(None if request.param == "sandbox" else request.getfixturevalue(request.param), archives)


def test_flask_service_shows_its_page(start: Start) -> None:
    port = free_port()
    with start.service("flask-service", "gunicorn", f"--bind=127.0.0.1:{port}", "app:app", port=port):
        page = http_get(port)
        assert "Hello from a paddlewheel image" in page
        assert "as user 65532" in page
        assert json.loads(http_get(port, "/health")) == {"status": "ok"}


def test_fastapi_service_keeps_notes(start: Start) -> None:
    port = free_port()
    with start.service("fastapi-service", port=port):
        assert json.loads(http_get(port, "/health"))["status"] == "ok"
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/notes",
            data=json.dumps({"text": "paddle on"}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 201
        assert json.loads(http_get(port, "/notes")) == [{"id": 1, "text": "paddle on"}]


def test_data_job_trains_and_writes(start: Start) -> None:
    told = json.loads(start.job("data-job").splitlines()[-1])
    assert told["rows"] == 1250
    assert told["r2"] > 0.9
    assert told["out"] == "/out"


def test_ordinary_user_builds_and_runs(ordinary_user: User, tmp_path: Path) -> None:
    project = ordinary_user.own(copy_of("flask-service", tmp_path))
    ordinary_user.paddlewheel("build", project)
    code = "import flask, os; print(os.getuid(), flask.__name__)"
    done = ordinary_user.paddlewheel("run", project, "--", "python", "-c", code)
    assert done.stdout.split()[-2:] == ["65532", "flask"]
    assert next((project / "dist").glob("*.oci.tar")).stat().st_uid == ordinary_user.uid
