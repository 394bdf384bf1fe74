"""Proxies and trust stores, as the environment names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.errors import NetworkError
from paddlewheel.net import Client, RequestFailed
from tests.support.certificates import make_certificate
from tests.support.server import FileServer, Request, Response, Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "served"
    made.mkdir()
    (made / "page").write_bytes(b"data")
    return made


class Proxy(Server):
    """Answers for every host."""

    def respond(self, request: Request) -> Response:
        return Response(200, f"proxied {request.path}".encode())


def test_a_proxy_is_used_with_its_own_credentials(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("://", "://me:p%40ss@"))
        assert client.get("http://user:secret@example.org/page") == b"proxied /page"
        headers = proxy.requests[0].headers
    assert headers["host"] == "example.org"
    assert headers["proxy-authorization"] == "Basic bWU6cEBzcw=="
    assert headers["authorization"] == "Basic dXNlcjpzZWNyZXQ="


def test_a_proxy_may_be_named_without_a_scheme(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv("all_proxy", f"127.0.0.1:{proxy.port}")
        assert client.get("http://example.org/page") == b"proxied /page"


def test_no_proxy_is_honoured(folder: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy, FileServer(folder) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "example.org, 127.0.0.1")
        assert client.get(f"{server.url}/page") == b"data"
        assert not proxy.requests


def test_a_proxy_that_is_down_is_named_without_its_password(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy:
        port = proxy.port
    monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{port}")
    with pytest.raises(RequestFailed, match=rf"the proxy http://\*\*\*@127.0.0.1:{port} does not let us") as caught:
        client.get("https://example.org/page")
    assert "no_proxy" in (caught.value.hint or "")


def test_a_proxy_that_says_no_is_asked_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy() as proxy:
        proxy.connect_status = 407
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(RequestFailed, match="407") as caught:
            client.get("https://example.org/page")
        assert proxy.paths("CONNECT") == ["example.org:443"]
    assert "http://user:password@proxy:port" in (caught.value.hint or "")


def test_a_proxy_of_another_kind(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://me:secret@example.org:1080")
    with pytest.raises(NetworkError, match=r"socks5://\*\*\*@example.org:1080 is of a kind"):
        client.get("http://example.org/page")


def test_an_unknown_certificate_names_the_trust_store(folder: Path, tmp_path: Path, client: Client) -> None:
    with FileServer(folder, certificate=make_certificate(tmp_path).pair) as server:
        with pytest.raises(RequestFailed, match=r"the certificate of 127.0.0.1 is not trusted: self.signed") as caught:
            client.get(f"{server.url}/page")
        assert server.connections == 1
    assert "SSL_CERT_FILE" in (caught.value.hint or "")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_named_in_the_environment_is_trusted(
    folder: Path, tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    made = make_certificate(tmp_path)
    monkeypatch.setenv(variable, str(made.certificate))
    with FileServer(folder, certificate=made.pair) as server:
        assert client.get(f"{server.url}/page") == b"data"


def test_a_certificate_for_another_host(
    folder: Path, tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_certificate(tmp_path, alt_name="DNS:example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    with FileServer(folder, certificate=made.pair) as server, pytest.raises(RequestFailed) as caught:
        client.get(f"{server.url}/page")
    assert "belongs to another host" in (caught.value.hint or "")


def test_a_server_without_tls(folder: Path, client: Client) -> None:
    with FileServer(folder) as server, pytest.raises(RequestFailed, match="no secure connection") as caught:
        client.get(server.url.replace("http:", "https:"))
    assert "speak TLS" in (caught.value.hint or "")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_named(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch, variable: str, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(NetworkError, match=rf"{variable} names,? {bundle}"):
        client.get("https://127.0.0.1:1/page")
