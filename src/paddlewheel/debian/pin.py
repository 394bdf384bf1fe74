"""Resolving a base to pinned packages, and fetching them again later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.cache import Cache
from paddlewheel.debian.archive import fetch_suite
from paddlewheel.debian.closure import Closure
from paddlewheel.debian.libraries import package_for
from paddlewheel.debian.mirror import SNAPSHOT, Mirrors
from paddlewheel.debian.model import SUITES, PinnedBase, PinnedPackage
from paddlewheel.debian.signature import trusted_keys
from paddlewheel.errors import NetworkError, ResolutionError
from paddlewheel.progress import Reporter, Silent

if TYPE_CHECKING:
    from paddlewheel.net import Client

STAMP: Final = "%Y%m%dT%H%M%SZ"
_PARALLEL: Final = 8
_LATER: Final = (timedelta(0), timedelta(hours=12), timedelta(days=3))
"""The snapshot service keeps an archive some hours after its Date, and answers with the state before the time asked."""


def core_roots(suite: str) -> tuple[str, ...]:
    """The packages that every base of the suite is grown from."""
    major, minor = SUITES[suite]
    python = f"python{major}.{minor}"
    # distutils left the standard library with 3.12; until then Debian packs it alone.
    distutils = ("python3-distutils",) if (major, minor) < (3, 12) else ()
    return ("base-files", "ca-certificates", "libc-bin", "media-types", "netbase", python, *distutils, "tzdata")


def resolve(
    suite: str,
    architecture: str,
    packages: Iterable[str] = (),
    libraries: Iterable[str] = (),
    *,
    client: Client,
    cache: Cache,
    mirrors: Mirrors,
    reporter: Reporter | None = None,
    keys: Iterable[bytes] | None = None,
    now: datetime | None = None,
    allow_expired: bool = False,
    roots: Iterable[str] | None = None,
) -> PinnedBase:
    """The closure of the suite's core, the user's `packages` and those that hold `libraries` (sonames).

    The core is resolved first and alone, so that it is the same in every project; the rest is marked `extra`.
    Sonames without an entry in the table are not looked at (`libraries.unknown_libraries`). `keys` replaces the
    trusted keys, `roots` the core's. Raise `ResolutionError`, `SignatureError`, `ExpiredError`, `NetworkError`.
    """
    say = reporter or Silent()
    with say.task(f"Debian {suite}: package indexes"):
        index, date = fetch_suite(
            client,
            cache,
            mirrors,
            suite,
            architecture,
            keys=trusted_keys() if keys is None else keys,
            now=now or datetime.now(UTC),
            allow_expired=allow_expired,
        )
    closure = Closure(index)
    closure.add(core_roots(suite) if roots is None else roots)
    core = set(closure.chosen)
    requested = tuple(sorted(set(packages)))
    closure.add(requested)
    needed = []
    for soname in sorted(set(libraries)):
        package = package_for(soname)
        if package is None:
            continue
        before = len(closure.chosen)
        _add_library(closure, soname, package)
        if len(closure.chosen) > before:
            needed.append(soname)
    return PinnedBase(
        suite=suite,
        architecture=architecture,
        snapshot=date.astimezone(UTC).strftime(STAMP),
        requested=requested,
        libraries=tuple(needed),
        packages=tuple(closure.chosen[name].pinned(extra=name not in core) for name in sorted(closure.chosen)),
    )


def _add_library(closure: Closure, soname: str, package: str) -> None:
    try:
        closure.add((package,))
    except ResolutionError as error:
        raise ResolutionError(f"the library {soname}, which a wheel needs: {error.message}", hint=error.hint) from error


def fetch(
    packages: Iterable[PinnedPackage],
    snapshot: str,
    *,
    client: Client,
    cache: Cache,
    mirrors: Mirrors,
    reporter: Reporter | None = None,
    snapshot_url: str = SNAPSHOT,
) -> dict[str, Path]:
    """The .deb of each package by name, from the cache, the mirror, or the snapshot service, checked by hash."""
    wanted = list(packages)
    missing = [package for package in wanted if not cache.has_artifact(package.sha256, package.size)]
    say = reporter or Silent()
    if missing:
        title = f"{len(missing)} Debian packages"
        with (
            say.task(title, sum(package.size for package in missing), unit="B") as task,
            ThreadPoolExecutor(_PARALLEL) as pool,
        ):
            jobs = {
                pool.submit(_fetch_one, package, snapshot, client, cache, mirrors, snapshot_url, task.advance): package
                for package in missing
            }
            try:
                for job in as_completed(jobs):
                    note = job.result()
                    if note:
                        say.note(note)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return {package.name: cache.artifact(package.sha256) for package in wanted}


def _fetch_one(
    package: PinnedPackage,
    snapshot: str,
    client: Client,
    cache: Cache,
    mirrors: Mirrors,
    snapshot_url: str,
    progress: Callable[[int], None],
) -> str | None:
    place = cache.artifact(package.sha256)

    def get(base: str) -> bool:
        try:
            client.download(
                f"{base}/{package.path}", place, sha256=package.sha256, size=package.size, progress=progress
            )
        except NetworkError as error:
            if getattr(error, "status", None) != 404:
                raise
            return False
        return True

    if get(mirrors.url(package.archive)):
        return None
    then = datetime.strptime(snapshot, STAMP).replace(tzinfo=UTC)
    for later in _LATER:
        stamp = (then + later).strftime(STAMP)
        if get(f"{snapshot_url}/{package.archive}/{stamp}"):
            return f"{package.name} {package.version} is gone from the mirror; it came from the snapshot of {stamp}"
    raise NetworkError(
        f"{package.name} {package.version} is gone from {mirrors}, and the snapshot service has no such file",
        hint="lock newer packages: paddlewheel lock --upgrade",
    )
