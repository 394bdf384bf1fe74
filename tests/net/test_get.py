from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest

from paddlewheel import __version__
from paddlewheel.errors import NetworkError, OfflineError
from paddlewheel.net import Client, NotFound, RequestFailed
from tests.support.server import FileServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "served"
    made.mkdir()
    (made / "page").write_bytes(b"0123456789" * 1000)
    return made


def test_get_says_who_asks_and_wants_plain_bytes(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        assert client.get(f"{server.url}/page#part") == b"0123456789" * 1000
        headers = server.requests[0].headers
    assert headers["user-agent"] == f"paddlewheel/{__version__}"
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [404, 410])
def test_missing_files_are_told_apart_and_not_asked_for_twice(folder: Path, client: Client, status: int) -> None:
    with FileServer(folder) as server:
        server.fault("/gone", status=status)
        with pytest.raises(NotFound, match=rf"/gone: the server answered {status}"):
            client.get(f"{server.url}/gone")
        assert client.get_or_none(f"{server.url}/gone") is None
        assert client.get_or_none(f"{server.url}/page") is not None
        assert len(server.paths()) == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_trouble_is_ridden_out(folder: Path, client: Client, status: int) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=status, times=3)
        assert len(client.get(f"{server.url}/page")) == 10_000
        assert len(server.requests) == 4


def test_lasting_trouble_ends_with_the_count(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=503)
        with pytest.raises(RequestFailed, match=r"503 Service Unavailable \(tried 4 times\)") as caught:
            client.get(f"{server.url}/page")
    assert caught.value.status == 503
    assert "mirror" in (caught.value.hint or "")
    assert caught.value.exit_status == 30


@pytest.mark.parametrize("status", [400, 401, 403, 418])
def test_what_will_not_change_is_not_asked_for_again(folder: Path, client: Client, status: int) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=status)
        with pytest.raises(RequestFailed, match=str(status)):
            client.get(f"{server.url}/page")
        assert len(server.requests) == 1


def test_retry_after_is_kept_to(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=429, retry_after="1", times=1)
        begun = time.monotonic()
        client.get(f"{server.url}/page")
    assert 1.0 <= time.monotonic() - begun < 2.0


def test_retry_after_may_be_a_date(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=503, retry_after=formatdate(time.time() - 100, usegmt=True), times=1)
        begun = time.monotonic()
        client.get(f"{server.url}/page")
    assert time.monotonic() - begun < 1.0


def test_retry_after_beyond_patience_ends_the_attempts(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", status=429, retry_after="3600")
        with pytest.raises(RequestFailed, match="429") as caught:
            client.get(f"{server.url}/page")
        assert len(server.requests) == 1
    assert "3600 s" in (caught.value.hint or "")


def test_broken_connections_are_tried_again(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", drop=True, times=1)
        server.fault("*", truncate=5000, times=1)
        assert len(client.get(f"{server.url}/page")) == 10_000
        assert len(server.requests) == 3


def test_a_body_that_always_breaks_is_an_error(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", truncate=5000)
        with pytest.raises(RequestFailed, match="the connection broke"):
            client.get(f"{server.url}/page")


def test_a_silent_server_times_out(folder: Path) -> None:
    with FileServer(folder) as server:
        server.fault("*", stall=100)
        with pytest.raises(RequestFailed, match="no answer in time"):
            Client(retries=0, read_timeout=0.2).get(f"{server.url}/page")


def test_nobody_listening(client: Client, folder: Path) -> None:
    with FileServer(folder) as server:
        url = server.url
    with pytest.raises(RequestFailed, match="connection refused") as caught:
        client.get(f"{url}/page")
    assert "https_proxy" in (caught.value.hint or "")


def test_a_name_that_does_not_resolve(client: Client) -> None:
    with pytest.raises(RequestFailed, match=r"the host name no-such-host.invalid cannot be resolved") as caught:
        client.get("http://no-such-host.invalid/page")
    assert "DNS" in (caught.value.hint or "")


def test_an_answer_over_the_limit_is_refused(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        with pytest.raises(NetworkError, match="larger than 9,999 bytes"):
            client.get(f"{server.url}/page", limit=9_999)
        assert len(client.get(f"{server.url}/page", limit=10_000)) == 10_000


def test_redirects_are_followed_relative_ones_too(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("/a/old", redirect="../page")
        assert len(client.get(f"{server.url}/a/old")) == 10_000


def test_redirects_in_a_circle_end(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", redirect="/again")
        with pytest.raises(NetworkError, match="more than 10 redirects"):
            client.get(f"{server.url}/page")


def test_no_server_can_redirect_to_a_local_file(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        server.fault("*", redirect=(folder / "page").as_uri())
        with pytest.raises(NetworkError, match="redirects to a file of this machine"):
            client.get(f"{server.url}/page")


def test_connections_are_kept_open(folder: Path, client: Client) -> None:
    with FileServer(folder) as server:
        for _ in range(5):
            client.get(f"{server.url}/page")
        client.get_or_none(f"{server.url}/none")
        client.get(f"{server.url}/page")
        assert server.connections == 1


def test_offline_names_what_is_missing(folder: Path) -> None:
    client = Client(offline=True)
    with FileServer(folder) as server:
        with pytest.raises(OfflineError, match="the index of bookworm is not in the cache") as caught:
            client.get(f"{server.url}/page", what="the index of bookworm")
        with pytest.raises(OfflineError, match=f"{server.url}/page"):
            client.get_or_none(f"{server.url}/page")
        assert not server.requests
    assert "--offline" in (caught.value.hint or "")
    assert caught.value.exit_status == 31


def test_file_urls_work_offline_and_with_odd_names(tmp_path: Path) -> None:
    place = tmp_path / "a b%é"
    place.write_bytes(b"data")
    client = Client(offline=True)
    assert client.get(place.as_uri()) == b"data"
    assert client.get(place.as_uri().replace("file://", "file://localhost")) == b"data"
    with pytest.raises(NotFound, match="there is no such file"):
        client.get((tmp_path / "none").as_uri())
    with pytest.raises(NetworkError, match="cannot be read"):
        client.get(tmp_path.as_uri())
    with pytest.raises(NetworkError, match="names the host elsewhere"):
        client.get("file://elsewhere/x")


@pytest.mark.parametrize("url", ["ftp://example.org/x", "example.org/x", "http://", "http://[::1/", "http://a:b/", ""])
def test_what_is_no_url_is_an_error_of_ours(client: Client, url: str) -> None:
    with pytest.raises(NetworkError):
        client.get(url)
