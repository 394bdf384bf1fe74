"""Downloading a file: resumed where an earlier attempt or run ended, hashed on the way, whole or absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from paddlewheel.errors import IntegrityError, StorageError
from paddlewheel.image.store import file_digest, storage_errors
from paddlewheel.net.failures import RangeRefused, RequestFailed
from paddlewheel.net.partial import Partial, claim
from paddlewheel.net.urls import redact

if TYPE_CHECKING:
    from paddlewheel.net.answer import Answer
    from paddlewheel.net.client import Client
    from paddlewheel.net.stop import Stop

_MEANINGFUL = 1 << 20
"""An attempt that brought so many bytes was no failure, so the count of attempts starts again."""


class Download:
    """One file to fetch, of which the SHA-256 (hex) and perhaps the size are known."""

    def __init__(
        self,
        client: Client,
        url: str,
        *,
        sha256: str,
        size: int | None,
        progress: Callable[[int], None] | None,
        what: str | None,
        stop: Stop,
    ) -> None:
        self._client = client
        self._url = url
        self._sha256 = sha256.lower()
        self._size = size
        self._progress = progress or (lambda _: None)
        self._what = what
        self._stop = stop
        self._name = what or redact(url)

    def to(self, place: Path, partial: Path) -> None:
        """Fetch to `place` by way of `partial`, on the same file system."""
        try:
            with storage_errors(place):
                self._to(place, partial)
        except OSError as error:
            # What the network does wrong never gets here as an OSError.
            reason = f"{error.filename or place} cannot be written: {error.strerror}"
            raise StorageError(reason, hint="check the folder and the disk that it is on") from error

    def _to(self, place: Path, partial: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        if self._is_here(place):
            return
        with claim(partial, patience=self._client.read_timeout, stop=self._stop) as part:
            # Whoever held the partial file while we waited for it may have finished it.
            if part.waited and self._is_here(place):
                part.discard()
                return
            self._complete(part)
            part.move_to(place)

    def _is_here(self, place: Path) -> bool:
        try:
            size = place.stat().st_size
        except OSError:
            return False
        if self._size not in (None, size) or file_digest(place) != f"sha256:{self._sha256}":
            return False
        self._progress(size)
        return True

    def _complete(self, part: Partial) -> None:
        """Make `part` whole and check it. What an earlier run left is not blamed on the server: one fresh start."""
        try:
            inherited = part.load(self._stop)
            self._progress(part.size)
            if self._size is not None and part.size > self._size:
                self._restart(part)
            self._fill(part)
            if inherited and part.sha256 != self._sha256:
                self._restart(part)
                self._fill(part)
            self._verify(part)
        except (IntegrityError, OSError):
            part.discard()  # OSError: a full disk, most likely; give back what was taken
            raise

    def _fill(self, part: Partial) -> None:
        """Fetch what is missing, in as many attempts as it takes."""
        patience = self._client.patience(self._stop)
        while self._size is None or part.size < self._size or part.size == 0:
            if part.size and part.sha256 == self._sha256:
                return  # an earlier run was ended between its last byte and the rename
            before = part.size
            try:
                with self._client.open(self._url, start=part.size, what=self._what, stop=self._stop) as answer:
                    self._receive(answer, part)
                return
            except RangeRefused as error:
                self._restart(part)
                patience.again(error)
            except RequestFailed as error:
                if part.size - before >= _MEANINGFUL:
                    patience.renew()
                patience.again(error)

    def _receive(self, answer: Answer, part: Partial) -> None:
        if self._size is not None and answer.total not in (None, self._size):
            raise self._wrong_size(answer, f"{answer.total:,} bytes")
        if answer.start != part.size:
            self._restart(part)
        for chunk in answer.chunks():
            if self._size is not None and part.size + len(chunk) > self._size:
                raise self._wrong_size(answer, f"more than {self._size:,} bytes")
            part.write(chunk)
            self._progress(len(chunk))
        whole = answer.total if self._size is None else self._size
        if whole is not None and part.size < whole:
            raise RequestFailed(
                f"{answer.shown}: the body ended after {part.size:,} of {whole:,} bytes",
                hint="try again, or use another mirror",
                retry=True,
            )

    def _restart(self, part: Partial) -> None:
        self._progress(-part.size)
        part.clear()

    def _verify(self, part: Partial) -> None:
        if part.sha256 == self._sha256:
            return
        raise IntegrityError(
            f"{self._name}: the file from {redact(self._url)} has SHA-256 {part.sha256}, expected {self._sha256}",
            hint="the file was changed at its source, or a proxy or mirror on the way hands out another one; "
            "if the change is meant, make the lock again",
        )

    def _wrong_size(self, answer: Answer, found: str) -> IntegrityError:
        return IntegrityError(
            f"{self._name}: {answer.shown} has {found}, expected {self._size:,}",
            hint="the file was changed at its source, or a proxy on the way answers with a page of its own; "
            "if the change is meant, make the lock again",
        )
