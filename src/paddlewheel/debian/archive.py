"""Debian archives: a verified InRelease, then package indexes checked by its hashes.

Source: the Debian repository format, https://wiki.debian.org/DebianRepository/Format
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from paddlewheel.cache import Cache
from paddlewheel.debian.control import parse_paragraph
from paddlewheel.debian.index import PackageIndex
from paddlewheel.debian.mirror import Mirrors
from paddlewheel.debian.signature import verify_inrelease
from paddlewheel.errors import DebianError, ExpiredError, IntegrityError, SignatureError
from paddlewheel.net.urls import redact

if TYPE_CHECKING:
    from paddlewheel.net import Client

COMPONENT: Final = "main"
_INRELEASE_LIMIT: Final = 16 << 20
_INDEX_LIMIT: Final = 512 << 20
_AHEAD: Final = 24 * 3600
"""Seconds that a Date may lie in the future: clocks differ."""


@dataclass(frozen=True, slots=True)
class Release:
    """The signed statement of a suite: when it was made, until when it counts, and its indexes by hash."""

    where: str
    """The URL it came from, redacted, for messages."""
    suite: str
    codename: str
    date: datetime
    valid_until: datetime | None
    by_hash: bool
    files: Mapping[str, tuple[str, int]]
    """Path below the suite's folder -> SHA-256 (hex) and size."""


def parse_release(text: str, where: str) -> Release:
    """Read the signed text of an InRelease. Raise `DebianError` naming the field."""
    fields = parse_paragraph(text)
    if "Date" not in fields or "SHA256" not in fields:
        raise DebianError(f"{where} has no field {'Date' if 'Date' not in fields else 'SHA256'}")
    files: dict[str, tuple[str, int]] = {}
    for line in fields["SHA256"].splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or len(words[0]) != 64 or not words[1].isdigit():
            raise DebianError(f"{where}: {line!r} in SHA256 is not a hash, a size and a path")
        files[words[2]] = (words[0].lower(), int(words[1]))
    return Release(
        where=where,
        suite=fields.get("Suite", ""),
        codename=fields.get("Codename", ""),
        date=_date(fields["Date"], "Date", where),
        valid_until=_date(fields["Valid-Until"], "Valid-Until", where) if "Valid-Until" in fields else None,
        by_hash=fields.get("Acquire-By-Hash", "").lower() == "yes",
        files=files,
    )


def _date(text: str, field: str, where: str) -> datetime:
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        raise DebianError(f"{where}: {field}: {text!r} is no date") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def check_release(release: Release, dist: str, *, now: datetime, allow_expired: bool = False) -> None:
    """Raise `SignatureError` where the release is of another suite or from the future, `ExpiredError` where too old."""
    if dist not in (release.suite, release.codename):
        raise SignatureError(
            f"{release.where} was signed for {release.codename or release.suite!r}, not for {dist!r}",
            hint="the mirror serves another suite in this place; try another with --mirror",
        )
    if (release.date - now).total_seconds() > _AHEAD:
        raise SignatureError(
            f"{release.where} is dated {release.date:%Y-%m-%d %H:%M} UTC, in the future",
            hint=f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC; set it right",
        )
    if release.valid_until is not None and now > release.valid_until and not allow_expired:
        raise ExpiredError(
            f"{release.where} expired on {release.valid_until:%Y-%m-%d %H:%M} UTC",
            hint="the mirror is stale (or this machine's clock wrong): try another with --mirror; to accept it all\n"
            "the same, set allow-expired = true",
        )


def fetch_release(
    client: Client, base: str, dist: str, *, keys: Iterable[bytes], now: datetime, allow_expired: bool = False
) -> Release:
    """Fetch and verify ``<base>/dists/<dist>/InRelease``."""
    url = f"{base}/dists/{dist}/InRelease"
    where = redact(url)
    release = parse_release(
        verify_inrelease(client.get(url, limit=_INRELEASE_LIMIT, what=f"the index of Debian {dist}"), keys, where),
        where,
    )
    check_release(release, dist, now=now, allow_expired=allow_expired)
    return release


def fetch_packages(client: Client, cache: Cache, base: str, dist: str, release: Release, architecture: str) -> bytes:
    """The text of the suite's Packages index, checked by hash and size; kept in the cache as it came."""
    folder = f"{COMPONENT}/binary-{architecture}"
    offered = [name for name in ("Packages.xz", "Packages.gz", "Packages") if f"{folder}/{name}" in release.files]
    if not offered:
        raise DebianError(
            f"{release.where} lists no packages of {COMPONENT} for {architecture}",
            hint="Debian's name of the architecture may be unknown to this suite, or the mirror leaves it out",
        )
    sha256, size = release.files[f"{folder}/{offered[0]}"]
    place = cache.artifact(sha256)
    if not cache.has_artifact(sha256, size):
        _download_index(client, f"{base}/dists/{dist}/{folder}", offered[0], release, place_sha=(cache, sha256, size))
    return _unpack(place.read_bytes(), offered[0], f"{release.where}: {folder}/{offered[0]}")


def _download_index(
    client: Client, folder: str, name: str, release: Release, *, place_sha: tuple[Cache, str, int]
) -> None:
    cache, sha256, size = place_sha
    place = cache.artifact(sha256)
    plain = f"{folder}/{name}"
    if release.by_hash:
        from paddlewheel.net import NotFound

        # By hash, an update of the mirror between the two requests does no harm.
        try:
            client.download(f"{folder}/by-hash/SHA256/{sha256}", place, sha256=sha256, size=size)
            return
        except NotFound:
            pass
    try:
        client.download(plain, place, sha256=sha256, size=size)
    except IntegrityError as error:
        error.hint = error.hint or "the mirror may be changing at this moment: try again, or another with --mirror"
        raise


def _unpack(data: bytes, name: str, where: str) -> bytes:
    try:
        if name.endswith(".xz"):
            unpacked = lzma.LZMADecompressor().decompress(data, _INDEX_LIMIT)
        elif name.endswith(".gz"):
            unpacked = gzip.decompress(data)
        else:
            unpacked = data
    except (lzma.LZMAError, OSError, EOFError, zlib.error) as error:
        raise DebianError(f"{where} cannot be unpacked: {error}") from None
    return unpacked


@dataclass(frozen=True, slots=True)
class SuiteSource:
    """One of the suites that make up a release as users have it."""

    archive: str
    dist: str


def suite_sources(suite: str) -> tuple[SuiteSource, ...]:
    return (
        SuiteSource("debian", suite),
        SuiteSource("debian", f"{suite}-updates"),
        SuiteSource("debian-security", f"{suite}-security"),
    )


def fetch_suite(
    client: Client,
    cache: Cache,
    mirrors: Mirrors,
    suite: str,
    architecture: str,
    *,
    keys: Iterable[bytes],
    now: datetime,
    allow_expired: bool = False,
) -> tuple[PackageIndex, datetime]:
    """The packages of main, updates and security as one index, and the newest Date among the three."""
    trusted = tuple(keys)

    def one(source: SuiteSource) -> tuple[SuiteSource, bytes, datetime]:
        base = mirrors.url(source.archive)
        release = fetch_release(client, base, source.dist, keys=trusted, now=now, allow_expired=allow_expired)
        return source, fetch_packages(client, cache, base, source.dist, release, architecture), release.date

    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(one, suite_sources(suite)))
    index = PackageIndex((source.archive, text, redact(mirrors.url(source.archive))) for source, text, _ in parts)
    return index, max(date for _, _, date in parts)
