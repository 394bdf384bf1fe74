"""A small archive behind a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.cache import Cache
from paddlewheel.debian.mirror import Mirrors
from paddlewheel.debian.model import PinnedBase
from paddlewheel.debian.pin import fetch, resolve
from paddlewheel.net import Client
from paddlewheel.progress import Silent
from tests.support.debs import NOW, AptArchive, public_key
from tests.support.server import FileServer


@dataclass
class Site:
    """An archive, its server, and a client with an empty cache."""

    archive: AptArchive
    server: FileServer
    client: Client
    cache: Cache
    reporter: Silent

    @property
    def mirrors(self) -> Mirrors:
        return Mirrors(f"{self.server.url}/debian", f"{self.server.url}/debian-security", "a test")

    def resolve(self, *roots: str, suite: str = "bookworm", **more: Any) -> PinnedBase:
        given: dict[str, Any] = {
            "keys": [public_key()],
            "now": NOW,
            "architecture": "amd64",
            "reporter": self.reporter,
        } | more
        return resolve(suite, client=self.client, cache=self.cache, mirrors=self.mirrors, roots=roots, **given)

    def fetch(self, base: PinnedBase) -> dict[str, Path]:
        return fetch(
            base.packages,
            base.snapshot,
            client=self.client,
            cache=self.cache,
            mirrors=self.mirrors,
            reporter=self.reporter,
            snapshot_url=f"{self.server.url}/snapshot",
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "server"
    folder.mkdir()
    client = Client(retries=1, pause=0.01, connect_timeout=2, read_timeout=2)
    with FileServer(folder) as server:
        yield Site(AptArchive(folder), server, client, Cache(tmp_path / "cache"), Silent())
