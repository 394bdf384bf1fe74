"""The answer to a GET: where its bytes start, how many there are in all, and the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, Self

from paddlewheel.net.failures import NotFound, RequestFailed, connection_failure
from paddlewheel.net.urls import Target, redact

if TYPE_CHECKING:
    import urllib3

    from paddlewheel.net.stop import Stop

_CHUNK: Final = 1 << 18
_SHORT: Final = 1 << 16


class Answer(Protocol):
    """`shown`: the final URL, redacted. `start`: offset of the first byte. `total`: size of the whole file, if told."""

    shown: str
    start: int
    total: int | None

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come, never decoded. Raise `RequestFailed` when they end before they should."""
        ...


class HttpAnswer:
    """An answer of status 200 or 206."""

    def __init__(self, response: urllib3.BaseHTTPResponse, asked: Target, stop: Stop) -> None:
        self.shown = redact(asked.url)
        self._response = response
        self._asked = asked
        self._stop = stop
        self.start, self.total = _extent(response)

    def chunks(self) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        while True:
            try:
                # Whatever has arrived, so that nothing of it is lost when the connection breaks.
                chunk = self._response.read1(_CHUNK)
            except Exception as error:
                self._stop.check()  # a socket shut by another thread may break in any way
                if not isinstance(error, (HTTPError, OSError)):
                    raise
                raise connection_failure(self.shown, self._asked.host, error, proxy=None) from error
            self._stop.check()
            if not chunk:
                return
            yield chunk


class FileAnswer:
    """A file:// URL's file."""

    def __init__(self, path: Path, file: BinaryIO, start: int) -> None:
        import os

        self.shown = path.as_uri()
        self.total: int | None = os.fstat(file.fileno()).st_size
        self.start = start if start <= self.total else 0
        self._file = file
        file.seek(self.start)

    @classmethod
    @contextmanager
    def of(cls, path: Path, start: int) -> Iterator[Self]:
        """Raise `NotFound` where there is no such file, `RequestFailed` where it cannot be read."""
        try:
            file = path.open("rb")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{path}: there is no such file", hint="check the path of the file:// URL") from error
        except OSError as error:
            raise RequestFailed(f"{path} cannot be read: {error.strerror}") from error
        with file:
            yield cls(path, file, start)

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            yield chunk


def discard(response: urllib3.BaseHTTPResponse) -> None:
    """Give up an answer's body: a short one is read, so that its connection can be used again."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) <= _SHORT:
        response.drain_conn()
    else:
        response.close()


def _extent(response: urllib3.BaseHTTPResponse) -> tuple[int, int | None]:
    """Offset and whole size that an answer tells (RFC 9110, 14.4). An offset of -1: a 206 that tells none."""
    if response.status == 206:
        told = re.fullmatch(r"\s*bytes (\d+)-\d+/(\d+|\*)\s*", response.headers.get("Content-Range", ""))
        if told is None:
            return -1, None
        return int(told[1]), None if told[2] == "*" else int(told[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None
