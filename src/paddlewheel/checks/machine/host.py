"""The machine itself: Python, uv, the cache folder, the trust store, proxies."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.checks.machine.probe import Probe, State
from paddlewheel.errors import PaddlewheelError

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

ROOM: Final = 2_000_000_000
"""Bytes of free space below which a large project may not fit."""


def python() -> Iterator[Probe]:
    """The Python that runs paddlewheel; the image's own comes from its base."""
    yield Probe("python", State.OK, f"{platform.python_version()} ({sys.executable}), {platform.machine()}")


def uv() -> Iterator[Probe]:
    """The uv that resolves, exports and builds packages."""
    from paddlewheel.lock.uv import Uv

    try:
        found = Uv.find()
    except PaddlewheelError as error:
        yield Probe("uv", State.FAIL, error.message, error.hint, needed=True)
    else:
        yield Probe("uv", State.OK, f"{found.version} ({found.binary})")


def cache(cache: Cache) -> Iterator[Probe]:
    """Whether the cache folder can be written, and how much room its disk has."""
    try:
        with cache.directory("doctor") as folder:
            free = shutil.disk_usage(folder).free
    except (PaddlewheelError, OSError) as error:
        hint = getattr(error, "hint", None) or "set PADDLEWHEEL_CACHE_DIR to a folder that you own"
        yield Probe("cache", State.FAIL, f"{cache.root}: {error}", hint, needed=True)
        return
    text = f"{cache.root}, {free / 1e9:.1f} GB free"
    if free < ROOM:
        yield Probe("cache", State.WARN, text, "run `paddlewheel cache prune`, or set PADDLEWHEEL_CACHE_DIR")
    else:
        yield Probe("cache", State.OK, text)


def trust() -> Iterator[Probe]:
    """The certificates that servers are checked against."""
    from paddlewheel.net.machine import tls_context

    try:
        context = tls_context()
    except PaddlewheelError as error:
        yield Probe("trust store", State.FAIL, error.message, error.hint)
        return
    number, origin = context.cert_store_stats()["x509_ca"], _trust_origin()
    if number or _has_hashed_folder():
        shown = f"{number} authorities" if number else "a folder of authorities, read as needed"
        yield Probe("trust store", State.OK, f"{shown}, {origin}")
    else:
        hint = "install the package ca-certificates, or set SSL_CERT_FILE to a bundle in PEM form"
        yield Probe("trust store", State.FAIL, f"no authorities in {origin}; https cannot work", hint)


def _trust_origin() -> str:
    import ssl

    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        if os.environ.get(name):
            return f"{os.environ[name]} ({name})"
    paths = ssl.get_default_verify_paths()
    return f"the system's ({paths.cafile or paths.capath or 'no default place'})"


def _has_hashed_folder() -> bool:
    """OpenSSL reads a folder of certificates when a server's is checked, so none is counted before."""
    import ssl

    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).glob("*.[0-9]"))


def proxies() -> Iterator[Probe]:
    """The proxies that the environment names."""
    from urllib.request import getproxies_environment

    from paddlewheel.net.urls import redact

    found = getproxies_environment()
    shown = ", ".join(
        f"{scheme}: {redact(_with_scheme(url))}" for scheme, url in sorted(found.items()) if scheme != "no"
    )
    bypassed = f"; not for {found['no']}" if found.get("no") and shown else ""
    yield Probe("proxies", State.OK, f"{shown}{bypassed}" if shown else "none")


def _with_scheme(url: str) -> str:
    """A proxy may be written without its scheme, and hold a password all the same."""
    return url if "://" in url else f"http://{url}"
