"""Who gets which credentials, and that nobody else sees them."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from paddlewheel.net import Client, RequestFailed, redact
from paddlewheel.net.urls import without_secrets
from tests.support.server import FileServer

SECRET = "p@ss/w:rd"
QUOTED = "p%40ss%2Fw%3Ard"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "served"
    made.mkdir()
    (made / "page").write_bytes(b"data")
    return made


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def write(text: str) -> None:
        (tmp_path / "netrc").write_text(text)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    return write


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_credentials_in_the_url_are_sent_decoded(folder: Path, client: Client) -> None:
    with FileServer(folder, password=("me", SECRET)) as server:
        assert client.get(server.url.replace("://", f"://me:{QUOTED}@") + "/page") == b"data"


def test_a_token_alone_is_a_user_without_password(folder: Path, client: Client) -> None:
    with FileServer(folder, password=("token", "")) as server:
        assert client.get(server.url.replace("://", "://token@") + "/page") == b"data"


def test_netrc(folder: Path, client: Client, netrc: Callable[[str], None]) -> None:
    netrc(f"machine 127.0.0.1 login me password {SECRET}\n")
    with FileServer(folder, password=("me", SECRET)) as server:
        assert client.get(f"{server.url}/page") == b"data"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("UV_DEFAULT_INDEX", "{url}"),
        ("UV_INDEX", "first=http://a:b@example.org/simple second={url}"),
        ("PIP_EXTRA_INDEX_URL", "{url}"),
    ],
)
def test_the_index_in_the_environment_lends_its_credentials(
    folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    with FileServer(folder, password=("me", SECRET)) as server:
        url = server.url.replace("://", f"://me:{QUOTED}@") + "/simple"
        monkeypatch.setenv(variable, value.format(url=url))
        assert client.get(f"{server.url}/page") == b"data"


def test_remembered_credentials_are_for_that_origin_alone(folder: Path, client: Client) -> None:
    with FileServer(folder, password=("me", SECRET)) as server, FileServer(folder) as other:
        client.remember(server.url.replace("://", f"://me:{QUOTED}@"))
        assert client.get(f"{server.url}/page") == b"data"
        assert client.get(f"{other.url}/page") == b"data"
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("source", ["url", "remembered", "netrc default", "header"])
def test_a_redirect_takes_no_credentials_along(
    folder: Path, client: Client, netrc: Callable[[str], None], source: str
) -> None:
    headers = {}
    with FileServer(folder) as other, FileServer(folder) as server:
        url = server.url
        if source == "url":
            url = url.replace("://", f"://me:{QUOTED}@")
        elif source == "remembered":
            client.remember(url.replace("://", f"://me:{QUOTED}@"))
        elif source == "netrc default":
            netrc(f"default login me password {SECRET}\n")
        else:
            headers = {"Authorization": basic("me", SECRET)}
        server.fault("*", redirect=f"{other.url}/page")
        assert client.get(f"{url}/old", headers=headers) == b"data"
        assert server.requests[0].headers["authorization"] == basic("me", SECRET)
        assert "authorization" not in other.requests[0].headers


def test_a_redirect_to_the_same_origin_keeps_them(folder: Path, client: Client) -> None:
    with FileServer(folder, password=("me", SECRET)) as server:
        server.fault("/old", redirect="/page")
        assert client.get(server.url.replace("://", f"://me:{QUOTED}@") + "/old") == b"data"


def test_credentials_appear_in_no_error(folder: Path, client: Client) -> None:
    with FileServer(folder, password=("other", "")) as server:
        url = server.url.replace("://", f"://me:{QUOTED}@") + "/page?X-Amz-Signature=abcdef&page=2"
        with pytest.raises(RequestFailed) as refused:
            client.get(url)
        server.fault("*", drop=True)
        with pytest.raises(RequestFailed) as broken:
            client.get(url)
    assert "the credentials that were sent are not accepted" in (refused.value.hint or "")
    for error in (refused.value, broken.value):
        said = "".join(traceback.format_exception(error)) + (error.hint or "")
        assert QUOTED not in said
        assert SECRET not in said
        assert "abcdef" not in error.message
        assert "page=2" in error.message


def test_missing_credentials_name_the_way_to_give_them(
    folder: Path, client: Client, netrc: Callable[[str], None]
) -> None:
    netrc(f"machine 127.0.0.1\nlogin me\nsurprise {SECRET}\n")
    with FileServer(folder, password=("me", SECRET)) as server, pytest.raises(RequestFailed, match="401") as caught:
        client.get(f"{server.url}/page")
    hint = caught.value.hint or ""
    assert "no credentials were sent" in hint
    assert "netrc cannot be read (line" in hint
    assert SECRET not in hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@example.org/x", "https://***@example.org/x"),
        ("see https://token@example.org:8080/x?a=1 now", "see https://***@example.org:8080/x?a=1 now"),
        ("http://me:p@ss@example.org", "http://***@example.org"),
        ("git+ssh://git@example.org/x", "git+ssh://***@example.org/x"),
        ("https://example.org/x?token=abc&v=1&sig=2", "https://example.org/x?token=***&v=1&sig=***"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("mail me@example.org", "mail me@example.org"),
    ],
)
def test_redact(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://me:pw@example.org/x", "https://example.org/x"),
        ("http://me:p@ss@example.org", "http://example.org"),
        ("https://example.org/x?token=abc&v=1&sig=2#sha256=00", "https://example.org/x?v=1#sha256=00"),
        ("https://example.org/x?v=1&X-Amz-Signature=2", "https://example.org/x?v=1"),
        ("https://example.org/x?token=abc", "https://example.org/x"),
        ("https://example.org/x?v=1&w=2", "https://example.org/x?v=1&w=2"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("what?token=1", "what?token=1"),
    ],
)
def test_without_secrets(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


def test_credentials_that_are_lent_are_asked_for_when_needed(folder: Path, client: Client) -> None:
    asked = []
    with FileServer(folder, password=("me", SECRET)) as server:

        def lend() -> list[str]:
            asked.append(1)
            return [server.url.replace("://", f"://me:{QUOTED}@")]

        client.lend(lend)
        assert not asked
        for _ in range(2):
            assert client.get(f"{server.url}/page") == b"data"
    assert len(asked) == 1
