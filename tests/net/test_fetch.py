"""Many artifacts into the cache."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.errors import IntegrityError, NetworkError, OfflineError
from paddlewheel.net import Artifact, Client, fetch
from paddlewheel.progress import Silent, Task
from tests.support.server import FileServer, Request, Response, wait_for

RANDOM = random.Random(3)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


def offered(server: FileServer, name: str, size: int = 1000, *, sized: bool = True) -> Artifact:
    """An artifact of random bytes on the server."""
    data = RANDOM.randbytes(size)
    (server.folder / name).write_bytes(data)
    return Artifact(
        label=name,
        sha256=hashlib.sha256(data).hexdigest(),
        size=size if sized else None,
        urls=(f"{server.url}/{name}",),
    )


def fetched(items: Iterable[Artifact], cache: Cache, client: Client, workers: int = 8) -> dict[str, Path]:
    return {
        item.label: path for item, path in fetch(items, cache=cache, client=client, reporter=Silent(), workers=workers)
    }


def test_all_arrive_and_next_time_none_is_asked_for(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        items = [offered(server, f"f{number}", 1000 + number, sized=number % 2 == 0) for number in range(20)]
        found = fetched(items, cache, client)
        assert len(server.requests) == 20
        for item in items:
            assert found[item.label] == cache.artifact(item.sha256)
            assert hashlib.sha256(found[item.label].read_bytes()).hexdigest() == item.sha256
        assert fetched(items, cache, Client(offline=True)) == found
    assert list((cache.root / "tmp").iterdir()) == []


def test_the_largest_are_begun_first(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        items = [offered(server, f"f{size}", size) for size in (10, 500, 30, 4000)]
        fetched(items, cache, client, workers=1)
        assert server.paths() == ["/f4000", "/f500", "/f30", "/f10"]


def test_one_file_under_two_names_is_fetched_once(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        one = offered(server, "one")
        two = Artifact(label="two", sha256=one.sha256, urls=one.urls)
        assert set(fetched([one, two], cache, client)) == {"one", "two"}
        assert len(server.requests) == 1


def test_each_is_handed_over_while_others_are_under_way(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        slow, quick, present = offered(server, "slow", 5000), offered(server, "quick"), offered(server, "present")
        fetched([present], cache, client)
        server.fault("/slow", delay=0.3)
        items = fetch([slow, quick, present], cache=cache, client=client, reporter=Silent())
        assert [item.label for item, _ in items] == ["present", "quick", "slow"]


def test_the_first_failure_ends_the_others_at_once(folder: Path, cache: Cache) -> None:
    client = Client(retries=0, read_timeout=60)

    def sizes() -> list[int]:
        return [file.stat().st_size for file in (cache.root / "tmp").iterdir()]

    class Waiting(FileServer):
        """Answers the request for f5 when all others have come as far as they can."""

        def respond(self, request: Request) -> Response:
            if request.path == "/f5":
                wait_for(lambda: sizes().count(100_000) == 7)
                return Response(404)
            return super().respond(request)

    with Waiting(folder) as server:
        items = [offered(server, f"f{number}", 200_000) for number in range(8)]
        server.fault("/f[!5]", stall=100_000)
        begun = time.monotonic()
        with pytest.raises(NetworkError, match="/f5: the server answered 404"):
            fetched(items, cache, client)
        assert time.monotonic() - begun < 5
    assert sizes() == [100_000] * 7
    assert not any(cache.has_artifact(item.sha256) for item in items)


def test_closing_it_ends_the_transfers(folder: Path, cache: Cache) -> None:
    with FileServer(folder) as server:
        quick, slow = offered(server, "quick"), offered(server, "slow", 200_000)
        server.fault("/slow", stall=100_000)
        begun = time.monotonic()
        running = fetch([quick, slow], cache=cache, client=Client(read_timeout=60), reporter=Silent())
        with closing(running):
            assert next(running)[0] == quick
        assert time.monotonic() - begun < 5


_CHILD = """
import sys
from pathlib import Path
from paddlewheel.cache import Cache
from paddlewheel.net import Artifact, Client, fetch
from paddlewheel.progress import Silent
items = [Artifact(label=url, sha256=sha256, urls=(url,)) for url, sha256 in zip(sys.argv[2::2], sys.argv[3::2])]
list(fetch(items, cache=Cache(Path(sys.argv[1])), client=Client(read_timeout=60), reporter=Silent()))
"""


def test_ctrl_c_ends_it_at_once_and_leaves_what_can_be_resumed(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        items = [offered(server, f"f{number}", 200_000) for number in range(3)]
        faults = [server.fault(f"/f{number}", stall=100_000, times=1) for number in range(3)]
        arguments = [word for item in items for word in (item.urls[0], item.sha256)]
        command = [sys.executable, "-c", _CHILD, str(cache.root), *arguments]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            temporary = cache.root / "tmp"
            wait_for(
                lambda: temporary.exists() and [file.stat().st_size for file in temporary.iterdir()] == [100_000] * 3
            )
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=5)
        assert said.rstrip().endswith("KeyboardInterrupt")
        assert process.returncode == -signal.SIGINT
        assert all(fault.times == 0 for fault in faults)
        assert len(fetched(items, cache, client)) == 3
        assert [request.headers.get("range") for request in server.requests[3:]] == ["bytes=100000-"] * 3


class Counted(Silent):
    """Remembers the totals that were announced, and what was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: list[int | None] = []
        self.count = 0

    def task(self, title: str, total: int | None = None, *, unit: str = "") -> AbstractContextManager[Task]:
        self.totals.append(total)
        return nullcontext(self)

    def advance(self, amount: int) -> None:
        self.count += amount


def test_progress_adds_up_even_when_bytes_come_twice(folder: Path, cache: Cache, client: Client) -> None:
    told = Counted()
    with FileServer(folder) as server:
        items = [offered(server, f"f{number}", 200_000) for number in range(3)]
        server.fault("/f0", truncate=100_000, times=1)
        server.fault("/f0", no_ranges=True)
        server.fault("/f1", truncate=100_000, times=1)
        list(fetch(items, cache=cache, client=client, reporter=told))
        list(fetch(items, cache=cache, client=client, reporter=told))
        list(fetch([offered(server, "f3", sized=False)], cache=cache, client=client, reporter=told))
    assert told.totals == [600_000, None]
    assert told.count == 601_000


def test_places_are_tried_in_order(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        item = offered(server, "right")
        (folder / "wrong").write_bytes(b"x" * 1000)
        urls = (f"{server.url}/none", f"{server.url}/wrong", f"{server.url}/right")
        item = Artifact(label="demo", sha256=item.sha256, size=1000, urls=urls)
        assert "demo" in fetched([item], cache, client)
        assert server.paths() == ["/none", "/wrong", "/right"]


def test_when_no_place_gives_it_all_are_named(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        urls = (f"{server.url}/none", server.url.replace("://", "://me:secret@") + "/gone")
        item = Artifact(label="demo 1.0", sha256="0" * 64, urls=urls)
        with pytest.raises(NetworkError, match=r"(?s)demo 1.0: none of 2 places gave it.*/none.*404.*/gone") as caught:
            fetched([item], cache, client)
    assert "secret" not in caught.value.message


def test_wrong_bytes_outweigh_missing_ones(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        (folder / "wrong").write_bytes(b"x")
        urls = (f"{server.url}/wrong", f"{server.url}/none")
        with pytest.raises(IntegrityError, match="none of 2 places"):
            fetched([Artifact(label="demo", sha256="0" * 64, urls=urls)], cache, client)


def test_a_local_file_comes_first_and_is_checked(folder: Path, cache: Cache, client: Client) -> None:
    with FileServer(folder) as server:
        item = offered(server, "demo")
        local = Artifact(label="demo", sha256=item.sha256, path=folder / "demo", urls=item.urls)
        assert fetched([local], cache, Client(offline=True)) == {"demo": cache.artifact(item.sha256)}
        assert server.requests == []
        (folder / "demo").write_bytes(b"changed")
        with pytest.raises(IntegrityError, match="demo"):
            fetched([Artifact(label="demo", sha256="1" * 64, path=folder / "demo")], cache, client)


def test_offline_names_the_artifact(folder: Path, cache: Cache) -> None:
    with FileServer(folder) as server:
        items = [offered(server, "numpy 2.1.0")]
        with pytest.raises(OfflineError, match=r"numpy 2.1.0 is not in the cache"):
            fetched(items, cache, Client(offline=True))


def test_an_artifact_without_a_place(cache: Cache, client: Client) -> None:
    with pytest.raises(NetworkError, match="nothing says where to fetch it"):
        fetched([Artifact(label="demo", sha256="0" * 64)], cache, client)


@pytest.mark.parametrize("sha256", ["", "../../../../etc/passwd", "A" * 64, "0" * 63])
def test_a_hash_that_is_none_never_becomes_a_path(cache: Cache, client: Client, sha256: str) -> None:
    with pytest.raises(IntegrityError, match="is no SHA-256"):
        fetched([Artifact(label="demo", sha256=sha256)], cache, client)
