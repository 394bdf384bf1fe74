"""URLs: what to connect to, what stays secret, what may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from paddlewheel.errors import NetworkError

_PORTS: Final = {"http": 80, "https": 443}
_USERINFO: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#\s]*@")
_SECRETS: Final = re.compile(
    r"([?&][^=&#\s]*(?:token|signature|sig|secret|password|passwd|credential|key|auth)[^=&#\s]*=)[^&#\s]+",
    re.IGNORECASE,
)

_QUERY: Final = re.compile(r"\?[^#\s]*")

Origin = tuple[str, str, int]
"""Scheme, host and port: whom credentials belong to (RFC 6454)."""


def redact(text: str) -> str:
    """`text` with the secrets of all URLs in it replaced: user and password, and queries that look like a signature."""
    return _SECRETS.sub(r"\1***", _USERINFO.sub(r"\1***@", text))


def without_secrets(text: str) -> str:
    """`text` with the URLs in it as they may be kept: what `redact` hides is taken out, nothing put in its place."""
    if "://" not in text:
        return text
    return _QUERY.sub(_open_query, without_userinfo(text))


def without_userinfo(text: str) -> str:
    """`text` with the URLs in it without user and password."""
    return _USERINFO.sub(r"\1", text)


def has_secret_query(url: str) -> bool:
    """Whether a query of `url` looks like a signature or password."""
    return _SECRETS.search(url) is not None


def _open_query(match: re.Match[str]) -> str:
    kept = [part for part in match[0][1:].split("&") if not _SECRETS.match(f"?{part}")]
    return f"?{'&'.join(kept)}" if kept else ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password. Shown by no repr."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of Authorization or Proxy-Authorization (RFC 7617)."""
        from base64 import b64encode

        return "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Target:
    """A URL to ask, without credentials and fragment; the credentials that it had beside it."""

    url: str
    scheme: str
    host: str
    port: int
    credentials: Credentials | None

    @property
    def origin(self) -> Origin:
        return self.scheme, self.host, self.port


def target(url: str) -> Target:
    """Take a URL apart. Raise `NetworkError` for one that cannot be asked."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise NetworkError(f"{redact(url)} is no URL: {error}") from error
    if parts.scheme not in ("http", "https", "file"):
        raise NetworkError(f"{redact(url)} cannot be fetched", hint="use a URL with http://, https:// or file://")
    if parts.scheme != "file" and not parts.hostname:
        raise NetworkError(f"{redact(url)} names no host")
    _, _, place = parts.netloc.rpartition("@")
    credentials = None
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return Target(
        url=urlunsplit((parts.scheme, place, parts.path, parts.query, "")),
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=port if port is not None else _PORTS.get(parts.scheme, 0),
        credentials=credentials,
    )


def file_path(url: str) -> Path:
    """The path of a file:// URL. Raise `NetworkError` when it names another machine."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise NetworkError(
            f"{redact(url)} names the host {parts.hostname}, but a file:// URL can only name this machine",
            hint="write three slashes: file:///folder/file",
        )
    return Path(unquote(parts.path))
