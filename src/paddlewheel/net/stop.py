"""Giving up from another thread, and waiting between attempts so that giving up takes effect at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from paddlewheel.net.failures import RequestFailed, Stopped


class _Closable(Protocol):
    def shutdown(self) -> None: ...


class Stop:
    """A switch that ends the transfers which were given it: `set` wakes those that wait for bytes or for a retry."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._guard = threading.Lock()
        self._open: set[_Closable] = set()

    def set(self) -> None:
        self._event.set()
        with self._guard:
            for answer in self._open:
                try:
                    answer.shutdown()
                except (OSError, RuntimeError, ValueError):
                    continue  # it has just ended by itself

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Stopped` when set."""
        if self._event.is_set():
            raise Stopped("the transfer was given up")

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise `Stopped` as soon as set."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def watching(self, answer: _Closable) -> Iterator[None]:
        """While inside, `set` shuts the answer's socket, so that nobody waits for its bytes any more."""
        with self._guard:
            self._open.add(answer)
        try:
            self.check()
            yield
        finally:
            with self._guard:
                self._open.discard(answer)


class Patience:
    """How often and when to try again: exponential, with jitter, at most `longest` seconds between two attempts."""

    def __init__(self, *, retries: int, pause: float, longest: float, stop: Stop) -> None:
        self._retries = retries
        self._pause = pause
        self._longest = longest
        self._stop = stop
        self._failed = 0

    def again(self, error: RequestFailed) -> None:
        """Wait for the next attempt; raise `error` when it is pointless or the last attempt was made.

        A server's Retry-After is kept to; one beyond `longest` ends the attempts, as coming earlier would be rude.
        """
        self._stop.check()
        self._failed += 1
        too_long = error.after is not None and error.after > self._longest
        if not error.retry or too_long or self._failed > self._retries:
            if self._failed > 1:
                error.message += f" (tried {self._failed} times)"
            raise error
        import random

        wait = error.after
        if wait is None:
            wait = min(self._longest, self._pause * 2 ** (self._failed - 1))
            wait *= random.uniform(0.5, 1.5)  # noqa: S311 - spreads clients out, keeps no secret
        self._stop.sleep(wait)

    def renew(self) -> None:
        """Count from the start again: the attempt brought something."""
        self._failed = 0
