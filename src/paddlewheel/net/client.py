"""`Client`: requests with retries, redirects, proxies and credentials; the bodies of their answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urljoin

from paddlewheel.errors import NetworkError, OfflineError
from paddlewheel.net.answer import Answer, FileAnswer, HttpAnswer, discard
from paddlewheel.net.failures import NotFound, RangeRefused, RequestFailed, status_failure
from paddlewheel.net.pools import AGENT, Pools
from paddlewheel.net.stop import Patience, Stop
from paddlewheel.net.urls import Credentials, Target, file_path, redact, target

if TYPE_CHECKING:
    import urllib3

    from paddlewheel.net.machine import Keyring

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 10


class Client:
    """GET and download, with retries, resume, proxies, the system's trust store, netrc and redaction.

    Cheap to make: nothing is read or imported before the first request. May be used from any number of threads.
    `retries`: attempts after the first. `pause`: seconds before the second attempt, doubled for each that follows up to
    `longest`, which bounds a server's Retry-After as well. Timeouts are in seconds: to connect, and between two
    arrivals of bytes.
    """

    def __init__(
        self,
        *,
        offline: bool = False,
        retries: int = 4,
        pause: float = 0.5,
        longest: float = 30.0,
        connect_timeout: float = 10.0,
        read_timeout: float = 30.0,
    ) -> None:
        self.offline = offline
        self.read_timeout = read_timeout
        self._retries, self._pause, self._longest = retries, pause, longest
        self._pools = Pools(connect_timeout=connect_timeout, read_timeout=read_timeout)
        self._guard = threading.Lock()
        self._keys: Keyring | None = None
        self._lender: Callable[[], Iterable[str]] | None = None

    def get(
        self, url: str, *, limit: int = 64 << 20, headers: Mapping[str, str] | None = None, what: str | None = None
    ) -> bytes:
        """The body of a GET, at most `limit` bytes. Raise `NotFound`, another `NetworkError`, or `OfflineError`.

        `what` names the thing for people, in the message that it is missing offline: ``the index of bookworm``.
        """
        stop = Stop()
        patience = self.patience(stop)
        while True:
            try:
                with self.open(url, headers=headers, what=what, stop=stop) as answer:
                    return _read_all(answer, limit)
            except RequestFailed as error:
                patience.again(error)

    def get_or_none(
        self, url: str, *, limit: int = 64 << 20, headers: Mapping[str, str] | None = None, what: str | None = None
    ) -> bytes | None:
        """As `get`, with None where the server knows no such file."""
        try:
            return self.get(url, limit=limit, headers=headers, what=what)
        except NotFound:
            return None

    def download(
        self,
        url: str,
        place: Path,
        *,
        sha256: str,
        size: int | None = None,
        progress: Callable[[int], None] | None = None,
        partial: Path | None = None,
        what: str | None = None,
        stop: Stop | None = None,
    ) -> None:
        """Fetch `url` to `place`, whole and with this SHA-256 (hex), or not at all.

        What has arrived stands in `partial` (default: a hidden file beside `place`) until it is whole. It survives
        a kill, and the next download of the same hash goes on from there. `progress` is told how many bytes were
        added, a negative number when some had to be thrown away. Nothing is fetched when `place` already has the hash.

        Raise `IntegrityError` for other bytes or another size, `StorageError` for a full disk, `NetworkError`.
        """
        from paddlewheel.net.download import Download

        Download(self, url, sha256=sha256, size=size, progress=progress, what=what, stop=stop or Stop()).to(
            place, partial or place.with_name(f".{place.name}.{sha256[:16]}.partial")
        )

    def remember(self, url: str) -> None:
        """Use the credentials in `url`, where it has any, for everything of the same scheme, host and port."""
        self._keyring.remember(url)

    def lend(self, urls: Callable[[], Iterable[str]]) -> None:
        """Remember what `urls` gives, before the next request; without one it is not called."""
        self._lender = urls

    def patience(self, stop: Stop) -> Patience:
        """A fresh count of attempts."""
        return Patience(retries=self._retries, pause=self._pause, longest=self._longest, stop=stop)

    @contextmanager
    def open(
        self,
        url: str,
        *,
        start: int = 0,
        headers: Mapping[str, str] | None = None,
        what: str | None = None,
        stop: Stop | None = None,
    ) -> Iterator[Answer]:
        """One attempt at a GET, redirects followed: an answer whose body is to be read inside the ``with`` block.

        With `start`, ask for the bytes from there on; `Answer.start` says what the server made of it, `RangeRefused`
        is raised when it sent another part.
        """
        asked = target(url)
        stop = stop or Stop()
        if asked.scheme == "file":
            with FileAnswer.of(file_path(asked.url), start) as file:
                yield file
            return
        if self.offline:
            raise OfflineError(
                f"{what or redact(url)} is not in the cache, and working offline forbids to fetch it"
                + (f" from {redact(asked.url)}" if what else ""),
                hint="run once without --offline",
            )
        response, final = self._follow(asked, start, headers or {}, stop)
        try:
            with stop.watching(response):
                answer = HttpAnswer(response, final, stop)
                if start and response.status == 206 and answer.start != start:
                    raise RangeRefused(f"{redact(final.url)}: the server sent another part than asked for", retry=True)
                yield answer
        finally:
            # An answer that was not read to its end would leave its rest in the connection.
            response.close()
            response.release_conn()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._pools.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _keyring(self) -> Keyring:
        from paddlewheel.net.machine import Keyring

        with self._guard:
            if self._keys is None:
                self._keys = Keyring()
            lender, self._lender = self._lender, None
            for url in lender() if lender else ():
                self._keys.remember(url)
            return self._keys

    def _follow(
        self, asked: Target, start: int, headers: Mapping[str, str], stop: Stop
    ) -> tuple[urllib3.BaseHTTPResponse, Target]:
        """The first answer that is no redirect, and where it came from. Raise for error statuses."""
        came_from: Target | None = None
        first = asked.origin
        for _ in range(_MOST_REDIRECTS):
            stop.check()
            credentials = self._keyring.find(asked, came_from=came_from)
            response = self._pools.send(asked, _headers(start, headers, credentials, same_site=asked.origin == first))
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                discard(response)
                came_from, asked = asked, _redirected(asked, location, credentials)
                continue
            if response.status in (200, 206):
                return response, asked
            discard(response)
            if response.status == 416:
                raise RangeRefused(f"{redact(asked.url)}: the server has no such part", status=416, retry=True)
            failure = status_failure(
                redact(asked.url), response.status, response.headers, sent_credentials=credentials is not None
            )
            if response.status == 401 and self._keyring.netrc_problem:
                failure.hint = f"{failure.hint}\n{self._keyring.netrc_problem}"
            raise failure
        raise NetworkError(f"{redact(asked.url)}: more than {_MOST_REDIRECTS} redirects, one after the other")


def _headers(
    start: int, wanted: Mapping[str, str], credentials: Credentials | None, *, same_site: bool
) -> dict[str, str]:
    """The request's headers. What the caller sets stays with the host that was asked, save for Accept."""
    # Bytes are hashed as they come, so nobody on the way shall compress them.
    headers = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    headers |= {name: value for name, value in wanted.items() if same_site or name.lower() == "accept"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if credentials is not None:
        headers["Authorization"] = credentials.header
    return headers


def _redirected(asked: Target, location: str, credentials: Credentials | None) -> Target:
    """Where a redirect leads. Credentials go on only with the origin that they were for."""
    to = target(urljoin(asked.url, location))
    if to.scheme == "file":
        raise NetworkError(f"{redact(asked.url)}: the server redirects to a file of this machine; that is refused")
    kept = credentials if to.origin == asked.origin else None
    return Target(to.url, to.scheme, to.host, to.port, kept)


def _read_all(answer: Answer, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in answer.chunks():
        size += len(chunk)
        if size > limit:
            raise NetworkError(f"{answer.shown}: the answer is larger than {limit:,} bytes")
        parts.append(chunk)
    return b"".join(parts)
