"""Which Debian mirror: the argument, the settings, PADDLEWHEEL_MIRROR, the host's apt sources, else a constant.

Sources of the formats: sources.list(5), apt-transport-mirror(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from paddlewheel.debian.control import parse_paragraphs
from paddlewheel.debian.model import SUITES
from paddlewheel.errors import DebianError, SettingsError
from paddlewheel.net.urls import redact

ENVIRONMENT: Final = "PADDLEWHEEL_MIRROR"
DEFAULT: Final = "https://mirrors.kernel.org/debian"
DEFAULT_SECURITY: Final = "https://mirrors.kernel.org/debian-security"
SNAPSHOT: Final = "https://snapshot.debian.org/archive"
"""The snapshot service: ``<here>/<archive>/<timestamp>/`` is a mirror as it was then."""

_APT: Final = Path("/etc/apt")
_ALIASES: Final = ("stable", "oldstable", "testing", "unstable", "sid", "bullseye", "buster", "duke")
_TIMESTAMP: Final = re.compile(r"\d{8}T\d{6}Z")
_ONE_LINE: Final = re.compile(
    r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)$"
)


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Base URLs of the two archives, without a slash at the end, and in words where they come from."""

    debian: str
    security: str
    origin: str

    def url(self, archive: str) -> str:
        return self.security if archive == "debian-security" else self.debian

    def __str__(self) -> str:
        return f"{redact(self.debian)} ({self.origin})"


def choose_mirror(
    *, argument: str | None = None, setting: str | None = None, environ: Mapping[str, str], apt: Mapping[str, str]
) -> Mirrors:
    """The mirrors to use. `apt`: the host's source files, by path (`read_apt_sources`).

    A given text is one URL, whose security sibling is derived, or two with a blank between. Raise `SettingsError`
    for one that is no http URL.
    """
    for text, origin in (
        (argument, "--mirror"),
        (setting, "the setting mirror"),
        (environ.get(ENVIRONMENT), ENVIRONMENT),
    ):
        if text:
            return _from_text(text, origin)
    found = from_apt(apt)
    return found if found is not None else Mirrors(DEFAULT, DEFAULT_SECURITY, "the default")


def security_sibling(url: str) -> str:
    """The security archive beside the main one: ``/debian`` -> ``/debian-security``, before a snapshot's time too."""
    segments = url.split("/")
    for place in range(len(segments) - 1, 2, -1):
        if segments[place] == "debian":
            return "/".join([*segments[:place], "debian-security", *segments[place + 1 :]])
    return url + "-security"


def _from_text(text: str, origin: str) -> Mirrors:
    urls = [url.rstrip("/") for url in text.split()]
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SettingsError(
                f"{origin}: {redact(url)!r} is no http or https URL",
                hint="name the folder that holds `dists` and `pool`, as https://mirror.example.org/debian",
            )
    if not 1 <= len(urls) <= 2:
        raise SettingsError(
            f"{origin}: one URL is wanted, or two with a blank between (the second for debian-security)"
        )
    return Mirrors(urls[0], urls[1] if len(urls) == 2 else security_sibling(urls[0]), origin)


def read_apt_sources(folder: Path = _APT) -> dict[str, str]:
    """The host's apt source files and mirror lists, by path. Empty where there are none or they cannot be read."""
    paths = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]
    paths += [*sorted(folder.glob("sources.list.d/*.sources")), *sorted(folder.glob("mirrors/*"))]
    texts = {}
    for path in paths:
        try:
            texts[str(path)] = path.read_text(errors="replace")
        except OSError:
            continue
    return texts


@dataclass(slots=True)
class _Source:
    """What the source files say about one URI, over all their entries."""

    uri: str
    suites: set[str] = field(default_factory=set)
    signed_by: str = ""


def from_apt(files: Mapping[str, str]) -> Mirrors | None:
    """The mirrors of Debian's own archive that the host's apt uses, or None.

    Third-party repositories also have paths that end in ``/debian``. Debian's archive is told by the path
    ``/debian`` itself, by Debian's keyring, or by an ``-updates`` suite beside the main one.
    """
    sources: dict[str, _Source] = {}
    for path, text in files.items():
        entries = _deb822(text) if path.endswith(".sources") else _one_line(text)
        for uri, suites, components, signed_by in entries:
            if "main" not in components and "updates/main" not in components:
                continue
            for real in _expand(uri, files):
                source = sources.setdefault(real.rstrip("/"), _Source(real.rstrip("/")))
                source.suites.update(suite for suite in suites if _is_debian(suite))
                source.signed_by += signed_by
    usable = [source for source in sources.values() if source.suites]
    main = next((source.uri for source in usable if _is_main(source)), None)
    if main is None:
        return None
    security = next((source.uri for source in usable if _is_security(source)), security_sibling(main))
    return Mirrors(main, security, "the host's apt sources")


def _is_main(source: _Source) -> bool:
    if _name(source.uri) != "debian":
        return False
    plain = {suite for suite in source.suites if "-" not in suite}
    updates = any(suite.endswith("-updates") for suite in source.suites)
    alone = _TIMESTAMP.sub("", urlsplit(source.uri).path).strip("/") == "debian"
    return bool(plain) and (alone or updates or "debian-archive" in source.signed_by)


def _is_security(source: _Source) -> bool:
    return _name(source.uri) == "debian-security" and any(suite.endswith("-security") for suite in source.suites)


def _name(uri: str) -> str:
    """The last part of a URI's path; a snapshot's time does not count."""
    parts = [part for part in urlsplit(uri).path.split("/") if part and not _TIMESTAMP.fullmatch(part)]
    return parts[-1] if parts else ""


def _is_debian(suite: str) -> bool:
    name = re.sub(r"(-updates|-security|/updates)$", "", suite)
    return name in SUITES or name in _ALIASES


def _expand(uri: str, files: Mapping[str, str]) -> Iterable[str]:
    """`uri`, or the mirrors in the local list that a ``mirror+file:`` names."""
    if uri.startswith(("http://", "https://")):
        return [uri]
    if uri.startswith("mirror+file:"):
        listed = files.get("/" + uri.removeprefix("mirror+file:").lstrip("/"), "")
        lines = (line.split() for line in listed.splitlines() if not line.lstrip().startswith("#"))
        return [words[0] for words in lines if words and words[0].startswith(("http://", "https://"))]
    return []


_Entry = tuple[str, list[str], list[str], str]


def _one_line(text: str) -> Iterable[_Entry]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match is not None:
            yield match["uri"], [match["suite"].rstrip("/")], match["components"].split(), match["options"] or ""


def _deb822(text: str) -> Iterable[_Entry]:
    try:
        paragraphs = parse_paragraphs(text)
    except DebianError:
        return
    for paragraph in paragraphs:
        fields = {key.lower(): value for key, value in paragraph.items()}
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        for uri in fields.get("uris", "").split():
            yield uri, suites, components, fields.get("signed-by", "")
