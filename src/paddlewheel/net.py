"""The one HTTP seam."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


class Client:
    """GET and download, with retries, resume, proxies, the system's trust store, netrc and redaction."""

    def __init__(self, *, offline: bool = False) -> None:
        self.offline = offline

    def get(self, url: str, *, limit: int = 64 << 20) -> bytes:
        """The body of a GET. Raise `NetworkError` (404 included) or `OfflineError`."""
        raise NotImplementedError

    def download(
        self,
        url: str,
        place: Path,
        *,
        sha256: str,
        size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Fetch `url` to `place`, whole and with this SHA-256, or not at all."""
        raise NotImplementedError
