"""Downloads: cut, resumed, lied about, without room, two at once, killed."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.errors import IntegrityError, NetworkError, OfflineError, StorageError
from paddlewheel.net import Client, RequestFailed, Stop, Stopped
from tests.support.certificates import make_certificate
from tests.support.need import need, need_program
from tests.support.server import FileServer, wait_for

SIZE = 300_000
BODY = random.Random(7).randbytes(SIZE)
SHA256 = hashlib.sha256(BODY).hexdigest()


@dataclass
class Scene:
    """A server with a file on it, and where the file shall go."""

    server: FileServer
    client: Client
    place: Path

    @property
    def url(self) -> str:
        return f"{self.server.url}/file"

    @property
    def partial(self) -> Path:
        return self.place.with_name(f".{self.place.name}.{SHA256[:16]}.partial")

    @property
    def ranges(self) -> list[str | None]:
        """What Range each request had."""
        return [request.headers.get("range") for request in self.server.requests]

    def download(self, **options: Any) -> None:
        self.client.download(self.url, self.place, **{"sha256": SHA256, "size": SIZE, **options})

    @property
    def files(self) -> set[str]:
        """What lies in the folder."""
        return {file.name for file in self.place.parent.iterdir()} if self.place.parent.exists() else set()

    def assert_whole(self) -> None:
        assert self.place.read_bytes() == BODY
        assert self.files == {self.place.name}

    def assert_nothing(self) -> None:
        assert self.files == set()


@pytest.fixture
def scene(tmp_path: Path, client: Client) -> Iterator[Scene]:
    served = tmp_path / "served"
    served.mkdir()
    (served / "file").write_bytes(BODY)
    with FileServer(served) as server:
        yield Scene(server, client, tmp_path / "there" / "file")


class Progress:
    """Adds up."""

    def __init__(self) -> None:
        self.total = 0
        self.steps: list[int] = []

    def __call__(self, amount: int) -> None:
        self.total += amount
        self.steps.append(amount)


@pytest.mark.parametrize("size", [SIZE, None])
def test_whole(scene: Scene, size: int | None) -> None:
    progress = Progress()
    scene.download(size=size, progress=progress)
    scene.assert_whole()
    assert progress.total == SIZE
    assert scene.place.stat().st_mode & 0o777 == 0o644


def test_an_empty_file(scene: Scene) -> None:
    (scene.server.folder / "file").write_bytes(b"")
    scene.download(sha256=hashlib.sha256(b"").hexdigest(), size=0)
    assert scene.place.read_bytes() == b""


def test_what_is_there_already_is_not_fetched(scene: Scene) -> None:
    scene.download()
    scene.download()
    assert len(scene.server.requests) == 1


def test_other_bytes_at_the_place_are_replaced(scene: Scene) -> None:
    scene.place.parent.mkdir()
    scene.place.write_bytes(b"x" * SIZE)
    scene.download()
    scene.assert_whole()


@pytest.mark.parametrize("size", [SIZE, None])
def test_a_cut_body_is_resumed(scene: Scene, size: int | None) -> None:
    scene.server.fault("*", truncate=100_000, times=2)
    progress = Progress()
    scene.download(size=size, progress=progress)
    scene.assert_whole()
    assert scene.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert progress.total == SIZE


def test_a_server_without_ranges_starts_anew(scene: Scene) -> None:
    scene.server.fault("*", truncate=100_000, times=1)
    scene.server.fault("*", no_ranges=True)
    progress = Progress()
    scene.download(progress=progress)
    scene.assert_whole()
    assert len(scene.ranges) == 2
    assert progress.total == SIZE
    assert -100_000 in progress.steps


def test_a_server_that_answers_another_range_is_not_believed(scene: Scene) -> None:
    scene.server.fault("*", truncate=100_000, times=1)
    scene.server.fault("*", wrong_range=True, times=1)
    scene.download()
    scene.assert_whole()
    assert scene.ranges == [None, "bytes=100000-", None]


def test_a_body_that_always_ends_early(scene: Scene) -> None:
    scene.server.fault("*", truncate=0)
    with pytest.raises(RequestFailed, match="the connection broke") as caught:
        scene.download()
    assert "(tried 4 times)" in caught.value.message
    scene.assert_nothing()


def test_failing_leaves_what_arrived_and_the_next_run_goes_on(scene: Scene) -> None:
    scene.server.fault("*", truncate=100_000, times=1)
    scene.server.fault("*", status=500, times=3)
    with pytest.raises(NetworkError):
        scene.download()
    assert scene.partial.read_bytes() == BODY[:100_000]
    scene.server.requests.clear()
    scene.download()
    scene.assert_whole()
    assert scene.ranges == ["bytes=100000-"]


@pytest.mark.parametrize("kept", [1, SIZE - 1, SIZE, SIZE + 5])
@pytest.mark.parametrize("size", [SIZE, None])
def test_wrong_leftovers_of_an_earlier_run_do_no_harm(scene: Scene, kept: int, size: int | None) -> None:
    scene.partial.parent.mkdir()
    scene.partial.write_bytes(b"x" * kept)
    progress = Progress()
    scene.download(size=size, progress=progress)
    scene.assert_whole()
    assert progress.total == SIZE


@pytest.mark.parametrize("size", [SIZE, None])
def test_a_finished_leftover_needs_no_request(scene: Scene, size: int | None) -> None:
    scene.partial.parent.mkdir()
    scene.partial.write_bytes(BODY)
    scene.download(size=size)
    scene.assert_whole()
    assert scene.server.requests == []


def test_changed_bytes(scene: Scene) -> None:
    scene.server.fault("*", corrupt=True)
    with pytest.raises(IntegrityError) as caught:
        scene.download(what="demo 1.0")
    got = hashlib.sha256(BODY[:-1] + bytes([BODY[-1] ^ 1])).hexdigest()
    assert caught.value.message.startswith("demo 1.0: ")
    assert SHA256 in caught.value.message
    assert got in caught.value.message
    assert "proxy" in (caught.value.hint or "")
    assert len(scene.server.requests) == 1
    scene.assert_nothing()


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1])
def test_a_size_that_differs_is_seen_before_the_body(scene: Scene, size: int) -> None:
    scene.server.fault("*", stall=0)
    with pytest.raises(IntegrityError, match=f"has 300,000 bytes, expected {size:,}"):
        scene.download(size=size)
    scene.assert_nothing()


def test_a_body_without_an_end_is_cut_off(scene: Scene) -> None:
    scene.server.fault("*", more=b"x" * 1000, unsized=True)
    with pytest.raises(IntegrityError, match="more than 300,000 bytes"):
        scene.download()
    scene.assert_nothing()


def test_an_unsized_body_that_ends_early_is_resumed(scene: Scene) -> None:
    scene.server.fault("*", truncate=100_000, unsized=True, times=1)
    scene.download()
    scene.assert_whole()
    assert scene.ranges == [None, "bytes=100000-"]


def test_offline_needs_nothing_when_it_is_there(scene: Scene) -> None:
    scene.download()
    scene.client.offline = True
    scene.download()
    scene.place.unlink()
    with pytest.raises(OfflineError, match=r"demo 1\.0 is not in the cache"):
        scene.download(what="demo 1.0")
    scene.assert_nothing()


def test_file_urls_are_copied_and_checked(scene: Scene) -> None:
    source = scene.server.folder / "file"
    client = Client(offline=True)
    client.download(source.as_uri(), scene.place, sha256=SHA256, size=SIZE)
    scene.assert_whole()
    with pytest.raises(IntegrityError):
        client.download(source.as_uri(), scene.place.with_name("b"), sha256="0" * 64, size=SIZE)
    scene.assert_whole()


def test_a_full_disk(scene: Scene) -> None:
    """On a file system of 128 KiB, which a user namespace lets anyone mount."""
    folder = scene.place.parent
    folder.mkdir()
    inside = 'mount -t tmpfs -o size=128k none $0 && "$@"; status=$?; ls -A $0; exit $status'
    namespace = [need_program("unshare"), "--user", "--map-root-user", "--mount", "sh", "-c"]
    need(subprocess.run([*namespace, "true"], check=False).returncode == 0, "the kernel forbids user namespaces")
    command = [*namespace, inside, str(folder), *command_line(scene)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 60, done.stderr
    assert done.stdout == ""
    assert "StorageError: no space left on the disk" in done.stderr


def test_a_folder_that_cannot_be_made(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        scene.client.download(scene.url, tmp_path / "file" / "file", sha256=SHA256)


_CHILD = """
import sys
from pathlib import Path
from paddlewheel.errors import PaddlewheelError
from paddlewheel.net import Client
try:
    Client(read_timeout=5).download(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3], size=int(sys.argv[4]))
except PaddlewheelError as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(error.exit_status)
"""


def command_line(scene: Scene) -> list[str]:
    """Downloads the file in a process of its own."""
    return [sys.executable, "-c", _CHILD, scene.url, str(scene.place), SHA256, str(SIZE)]


def child(scene: Scene) -> subprocess.Popen[str]:
    return subprocess.Popen(command_line(scene), text=True, stderr=subprocess.PIPE)


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_resumed(scene: Scene, kill: signal.Signals) -> None:
    scene.server.fault("*", stall=100_000, times=1)
    with child(scene) as process:
        wait_for(lambda: scene.partial.exists() and scene.partial.stat().st_size == 100_000)
        process.send_signal(kill)
        process.communicate(timeout=5)
    assert scene.files == {scene.partial.name}
    scene.download()
    scene.assert_whole()
    assert scene.ranges == [None, "bytes=100000-"]


def test_two_processes_at_once_fetch_it_once(scene: Scene) -> None:
    scene.server.fault("*", rate=SIZE * 2)
    with child(scene) as first, child(scene) as second:
        assert first.wait(10) == 0, first.stderr
        assert second.wait(10) == 0, second.stderr
    scene.assert_whole()
    assert scene.ranges == [None]


def test_a_holder_that_is_stuck_is_passed_by(scene: Scene) -> None:
    scene.server.fault("*", stall=100_000, times=1)
    with child(scene) as process:
        wait_for(lambda: scene.partial.exists() and scene.partial.stat().st_size == 100_000)
        process.send_signal(signal.SIGSTOP)
        scene.client.read_timeout = 0.3
        scene.download()
        assert scene.place.read_bytes() == BODY
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=5)
    assert scene.files == {scene.partial.name, scene.place.name}


@pytest.mark.parametrize("secure", [False, True])
def test_stop_wakes_a_reader(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: bool) -> None:
    certificate = None
    if secure:
        certificate = make_certificate(tmp_path).pair
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    stop = Stop()
    ended: list[BaseException] = []
    with FileServer(scene.server.folder, certificate=certificate) as server:
        server.fault("*", stall=100_000)

        def run() -> None:
            try:
                Client(read_timeout=60).download(f"{server.url}/file", scene.place, sha256=SHA256, stop=stop)
            except Stopped as error:
                ended.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        wait_for(lambda: scene.partial.exists() and scene.partial.stat().st_size == 100_000)
        stop.set()
        thread.join(timeout=5)
        assert len(ended) == 1
    assert scene.partial.stat().st_size == 100_000
