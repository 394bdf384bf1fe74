"""Many files, side by side, into the cache; each handed over as soon as it is there."""

from __future__ import annotations

import queue
import signal
import string
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paddlewheel.errors import IntegrityError, NetworkError, OfflineError
from paddlewheel.net.stop import Stop
from paddlewheel.net.urls import redact

if TYPE_CHECKING:
    from paddlewheel.cache import Cache
    from paddlewheel.net.client import Client
    from paddlewheel.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that is known by its hash.

    `label` names it for people (``numpy 2.1.0``). `size` in bytes, None: not known. `path`, a file of this machine,
    is tried first, then `urls` in their order; of each only bytes with the right hash count.
    """

    label: str
    sha256: str
    size: int | None = None
    urls: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        local = () if self.path is None else (self.path.absolute().as_uri(),)
        return local + self.urls


Finished = tuple[Artifact, Path]


def fetch(
    items: Iterable[Artifact],
    *,
    cache: Cache,
    client: Client,
    reporter: Reporter,
    workers: int = 8,
    title: str = "Downloading",
) -> Generator[Finished]:
    """Yield each artifact with its path in the cache: those already there first, the others as they finish.

    The largest are begun first. The first failure stops the others at once (what they got is resumed next time) and
    is raised: `NetworkError`, `OfflineError`, `IntegrityError`, `StorageError`. Close the generator to stop early.
    """
    wanted: dict[str, list[Artifact]] = {}
    for item in items:
        wanted.setdefault(_checked(item).sha256, []).append(item)
    missing: list[Artifact] = []
    present: list[Artifact] = []
    for same in wanted.values():
        (present if cache.has_artifact(same[0].sha256, same[0].size) else missing).append(same[0])
    with ExitStack() as stack:
        results = queue.SimpleQueue[Finished | BaseException]()
        if missing:
            sizes = [item.size for item in missing]
            total = None if None in sizes else sum(size or 0 for size in sizes)
            task = stack.enter_context(reporter.task(title, total, unit="B"))
            crew = _Crew(missing, cache, client, task.advance, results)
            stack.callback(crew.stop)
            crew.start(workers)
        for item in present:
            yield from ((same, cache.artifact(item.sha256)) for same in wanted[item.sha256])
        for _ in missing:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield from ((same, result[1]) for same in wanted[result[0].sha256])


class _Crew:
    """Threads that take artifacts from a list. Daemons: one that waits for a server must not hold up the exit."""

    def __init__(
        self,
        missing: list[Artifact],
        cache: Cache,
        client: Client,
        progress: Callable[[int], None],
        results: queue.SimpleQueue[Finished | BaseException],
    ) -> None:
        self._todo = iter(sorted(missing, key=lambda item: -(item.size or 0)))
        self._count = len(missing)
        self._guard = threading.Lock()
        self._stop = Stop()
        self._threads: list[threading.Thread] = []
        self._cache, self._client, self._progress, self._results = cache, client, progress, results

    def start(self, workers: int) -> None:
        for number in range(min(max(1, workers), self._count)):
            thread = threading.Thread(target=self._work, name=f"download-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop what is under way; wait a moment for it. A thread still connecting ends by its timeout, unnoticed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=0.5)

    def _work(self) -> None:
        # A Ctrl-C that the kernel hands to this thread would not wake the main one, which waits for results.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        while not self._stop.is_set():
            with self._guard:
                item = next(self._todo, None)
            if item is None:
                return
            try:
                self._results.put((item, self._fetch(item)))
            except BaseException as error:
                self._results.put(error)
                return

    def _fetch(self, item: Artifact) -> Path:
        place = self._cache.artifact(item.sha256)
        partial = self._cache.root / "tmp" / f"download-{item.sha256}.partial"
        failures: list[NetworkError | IntegrityError] = []
        for url in item.sources:
            try:
                self._client.download(
                    url,
                    place,
                    sha256=item.sha256,
                    size=item.size,
                    progress=self._progress,
                    partial=partial,
                    what=item.label,
                    stop=self._stop,
                )
                return place
            except (NetworkError, IntegrityError) as error:
                self._stop.check()
                failures.append(error)
        raise _summary(item, failures)


def _checked(item: Artifact) -> Artifact:
    """Its hash names a path in the cache, so it must be one."""
    if len(item.sha256) != 64 or not set(item.sha256) <= set(string.hexdigits.lower()):
        raise IntegrityError(
            f"{item.label}: {item.sha256!r} is no SHA-256 in lower-case hex", hint="make the lock again"
        )
    return item


def _summary(item: Artifact, failures: list[NetworkError | IntegrityError]) -> NetworkError | IntegrityError:
    """The error for an artifact that none of its sources gave. Wrong bytes are worse news than no bytes."""
    if not failures:
        return NetworkError(f"{item.label}: nothing says where to fetch it", hint="make the lock again")
    worst = next((error for error in failures if isinstance(error, IntegrityError)), failures[-1])
    if isinstance(worst, OfflineError) or len(failures) == 1:
        return worst
    lines = [f"  {error.message}" for error in failures]
    message = f"{item.label}: none of {len(failures)} places gave it\n" + "\n".join(lines)
    return (
        type(worst)(redact(message), hint=worst.hint)
        if isinstance(worst, IntegrityError)
        else NetworkError(redact(message), hint=worst.hint)
    )
