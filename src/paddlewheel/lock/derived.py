"""Pylocks derived from a lock of another format, kept in the cache so that a second build does not start uv."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from packaging.pylock import Pylock

from paddlewheel.cache import Cache
from paddlewheel.errors import LockFormatError
from paddlewheel.lock.pylock_file import artifacts, parse_pylock, to_table
from paddlewheel.net.urls import has_secret_query

KIND: Final = "pylock"
_FORMAT: Final = 1
"""Part of every key: a change here forgets what older versions derived."""


def key(*parts: str | bytes, environment: Iterable[str] = ()) -> str:
    """A key (hex) of everything that a derived lock depends on, variables of the environment included."""
    digest = hashlib.sha256(b"%d" % _FORMAT)
    settings = [f"{name}={os.environ.get(name)}" for name in environment]
    for part in (*parts, *settings):
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def derived(cache: Cache, name: str, record: str, make: Callable[[], Mapping[str, Any]]) -> Pylock:
    """The Pylock recorded under `record`, else the one that `make` gives as a TOML table, recorded for the next time.

    `name` is what errors call it. A record that does not hold a valid lock counts as absent.
    """
    found = cache.record(KIND, record)
    if found is not None:
        try:
            return parse_pylock(_decoded(found), name)[0]
        except (LockFormatError, TypeError, ValueError, AttributeError):
            pass
    pylock, _ = parse_pylock(make(), name)
    if not _needs_secrets(pylock):
        cache.put_record(KIND, record, _encoded(pylock))
    return pylock


def _needs_secrets(pylock: Pylock) -> bool:
    """Whether a file is had by a URL with a secret query, which a record would have to lose or to reveal.

    User and password need not stand in the URL: the client knows those of the project's indexes.
    """
    return any(
        has_secret_query(artifact.url or "") for package in pylock.packages for _, artifact in artifacts(package)
    )


def _encoded(pylock: Pylock) -> dict[str, Any]:
    """The table as JSON values: times as text."""
    table: dict[str, Any] = json.loads(json.dumps(to_table(pylock), default=lambda value: value.isoformat()))
    return table


def _decoded(table: dict[str, Any]) -> dict[str, Any]:
    for package in table["packages"]:
        for artifact in (*package.get("wheels", ()), package.get("sdist"), package.get("archive")):
            if artifact and "upload-time" in artifact:
                artifact["upload-time"] = datetime.fromisoformat(artifact["upload-time"])
    return table
