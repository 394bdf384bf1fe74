"""Resolving a base to pinned packages, and fetching them again later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.cache import Cache
from paddlewheel.debian.archive import fetch_suite
from paddlewheel.debian.closure import Closure
from paddlewheel.debian.index import PackageIndex
from paddlewheel.debian.libraries import holds, package_for
from paddlewheel.debian.mirror import SNAPSHOT, Mirrors
from paddlewheel.debian.model import STAMP, SUITES, PinnedBase, PinnedPackage
from paddlewheel.debian.signature import trusted_keys
from paddlewheel.errors import NetworkError, ResolutionError
from paddlewheel.progress import Reporter, Silent

if TYPE_CHECKING:
    from paddlewheel.net import Client, Stop

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
    keep: PinnedBase | None = None,
) -> PinnedBase:
    """`Resolver` for a single question. `roots` replaces those of the suite's core."""
    resolver = Resolver(
        suite=suite,
        architecture=architecture,
        client=client,
        cache=cache,
        mirrors=mirrors,
        reporter=reporter or Silent(),
        keys=None if keys is None else tuple(keys),
        now=now,
        allow_expired=allow_expired,
        roots=None if roots is None else tuple(roots),
    )
    return resolver.resolve(packages, libraries, keep=keep)


@dataclass(kw_only=True)
class Resolver:
    """One suite for one architecture, whose indexes are fetched and read once, for any number of questions.

    `keys` replaces the trusted keys, `now` the clock, `roots` the packages of the core.
    """

    suite: str
    architecture: str
    client: Client
    cache: Cache
    mirrors: Mirrors
    reporter: Reporter = field(default_factory=Silent)
    keys: tuple[bytes, ...] | None = None
    now: datetime | None = None
    allow_expired: bool = False
    roots: tuple[str, ...] | None = None

    @cached_property
    def _index(self) -> tuple[PackageIndex, datetime]:
        with self.reporter.task(f"Debian {self.suite}: package indexes"):
            return fetch_suite(
                self.client,
                self.cache,
                self.mirrors,
                self.suite,
                self.architecture,
                keys=trusted_keys() if self.keys is None else self.keys,
                now=self.now or datetime.now(UTC),
                allow_expired=self.allow_expired,
            )

    def resolve(
        self, packages: Iterable[str] = (), libraries: Iterable[str] = (), *, keep: PinnedBase | None = None
    ) -> PinnedBase:
        """The closure of the suite's core, the user's `packages` and those that hold `libraries` (sonames).

        The core is resolved first and alone, so that it is the same in every project; the rest is marked `extra`.
        Sonames without an entry in the table are not looked at (`libraries.unknown_libraries`); those whose package
        the suite has not are warned of, and `missing` in the result. `keep` is an older lock, whose versions stay
        where they fit. Raise `ResolutionError`, `SignatureError`, `ExpiredError`, `NetworkError`.
        """
        base = self._resolved(tuple(packages), tuple(libraries), keep)
        for soname in base.missing:
            self.reporter.warn(
                f"a wheel needs {soname}, which no package of {self.suite} holds: what uses it there will not load"
            )
        return base

    def _resolved(self, packages: tuple[str, ...], libraries: tuple[str, ...], keep: PinnedBase | None) -> PinnedBase:
        index, date = self._index
        request = _Request(
            suite=self.suite,
            architecture=self.architecture,
            snapshot=date.astimezone(UTC).strftime(STAMP),
            roots=core_roots(self.suite) if self.roots is None else self.roots,
            packages=tuple(sorted(set(packages))),
            libraries=tuple(sorted(set(libraries))),
        )
        if keep is None or (keep.suite, keep.architecture) != (self.suite, self.architecture):
            return request.resolved(index)
        pins = {pin.name: replace(pin, snapshot=pin.snapshot or keep.snapshot) for pin in keep.packages}
        try:
            kept = request.resolved(index.preferring(pins))
        except ResolutionError:
            kept = None
        if kept is not None and not kept.missing:
            return kept
        # Whatever is wrong, the newest versions alone decide, and their error is the one to tell.
        newest = request.resolved(index)
        if kept is not None and newest.missing == kept.missing:
            return kept
        self.reporter.note("the locked Debian packages do not go with what is wanted now: all are taken anew")
        return newest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    suite: str
    architecture: str
    snapshot: str
    roots: tuple[str, ...]
    packages: tuple[str, ...]
    libraries: tuple[str, ...]

    def resolved(self, index: PackageIndex) -> PinnedBase:
        closure = Closure(index)
        closure.add(self.roots)
        core = set(closure.chosen)
        closure.add(self.packages)
        needed, missing = [], []
        for soname in self.libraries:
            package = package_for(soname)
            if package is None:
                continue
            before = len(closure.chosen)
            try:
                closure.add((package,))
            except ResolutionError:
                # One plug-in of a wheel that cannot be loaded must not forbid the image.
                missing.append(soname)
                continue
            if len(closure.chosen) > before or not holds(closure.chosen, soname):
                needed.append(soname)
        return PinnedBase(
            suite=self.suite,
            architecture=self.architecture,
            snapshot=self.snapshot,
            requested=self.packages,
            libraries=tuple(needed),
            missing=tuple(missing),
            packages=tuple(closure.chosen[name].pinned(extra=name not in core) for name in sorted(closure.chosen)),
        )


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
    from paddlewheel.net import Stop

    wanted = list(packages)
    missing = [package for package in wanted if not cache.has_artifact(package.sha256, package.size)]
    say = reporter or Silent()
    if missing:
        with (
            say.task(f"{len(missing)} Debian packages", sum(package.size for package in missing), unit="B") as task,
            ThreadPoolExecutor(_PARALLEL, "debs") as pool,
        ):
            source = _Source(client, cache, mirrors, snapshot, snapshot_url, task.advance, Stop())
            # The largest first, so that none of them is alone at the end.
            jobs = [pool.submit(source.get, package) for package in sorted(missing, key=lambda one: -one.size)]
            try:
                notes = [job.result() for job in as_completed(jobs)]
            except BaseException:
                source.stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for note in sorted(filter(None, notes)):
            say.note(note)
    return {package.name: cache.artifact(package.sha256) for package in wanted}


@dataclass(frozen=True, slots=True)
class _Source:
    client: Client
    cache: Cache
    mirrors: Mirrors
    snapshot: str
    snapshot_url: str
    progress: Callable[[int], None]
    stop: Stop

    def get(self, package: PinnedPackage) -> str | None:
        """Fetch one .deb. Return a sentence where it did not come from the mirror."""
        label = f"{package.name} {package.version}"
        if self._try(self.mirrors.url(package.archive), package, label):
            return None
        then = datetime.strptime(package.snapshot or self.snapshot, STAMP).replace(tzinfo=UTC)
        for later in _LATER:
            stamp = (then + later).strftime(STAMP)
            if self._try(f"{self.snapshot_url}/{package.archive}/{stamp}", package, label):
                return f"{label} is gone from the mirror; it came from the snapshot of {stamp}"
        raise NetworkError(
            f"Debian package {label} is gone from {self.mirrors}, and the snapshot service has no such file",
            hint="lock newer packages: paddlewheel lock --upgrade",
        )

    def _try(self, base: str, package: PinnedPackage, label: str) -> bool:
        """Whether `base` has the .deb; it is in the cache then."""
        from paddlewheel.net import NotFound

        try:
            self.client.download(
                f"{base}/{package.path}",
                self.cache.artifact(package.sha256),
                sha256=package.sha256,
                size=package.size,
                progress=self.progress,
                partial=self.cache.root / "tmp" / f"download-{package.sha256}.partial",
                what=f"Debian package {label}",
                stop=self.stop,
            )
        except NotFound:
            return False
        return True
