"""The servers that a build asks: the Debian mirror and the package index."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.checks.machine.probe import Probe, State
from paddlewheel.errors import PaddlewheelError

if TYPE_CHECKING:
    from paddlewheel.cache import Cache
    from paddlewheel.net import Client

ASKED_FOR: Final = "packaging"
"""A package that an index has when it has any."""
PATIENCE: Final = 5.0
"""Seconds to wait for a connection."""


def mirror(argument: str | None, *, offline: bool, cache: Cache) -> Iterator[Probe]:
    """Which mirror a build would use, and for which suites it answers. Needed while the cache holds no package."""
    from paddlewheel.debian.mirror import choose_mirror, read_apt_sources

    try:
        chosen = choose_mirror(argument=argument, environ=os.environ, apt=read_apt_sources())
    except PaddlewheelError as error:
        yield Probe("mirror", State.FAIL, error.message, error.hint, needed=True)
        return
    if offline:
        yield Probe("mirror", State.OK, f"{chosen}; not asked (--offline)")
        return
    began = time.monotonic()
    suites = _suites(chosen.debian)
    answering = [suite for suite, why in suites.items() if why is None]
    if answering:
        missing = [suite for suite in suites if suite not in answering]
        without = f"; without {', '.join(missing)}" if missing else ""
        text = f"{chosen} answers in {time.monotonic() - began:.1f} s: {', '.join(answering)}{without}"
        yield Probe("mirror", State.OK, text)
        return
    first = next(why for why in suites.values() if why is not None)
    hint = first.hint or "check the network and the proxy, or name another mirror: --mirror URL, PADDLEWHEEL_MIRROR"
    filled = (cache.root / "artifacts").exists()
    yield Probe("mirror", State.FAIL, f"{chosen}: {first.message}", hint, needed=not filled)


def _suites(base: str) -> dict[str, PaddlewheelError | None]:
    """For each suite that a base can be composed from: None when `base` has it, or why not."""
    from paddlewheel.debian.model import SUITES
    from paddlewheel.net import Client

    with Client(retries=0, connect_timeout=PATIENCE, read_timeout=2 * PATIENCE) as client:
        with ThreadPoolExecutor(len(SUITES)) as pool:
            found = pool.map(lambda suite: _ask(client, f"{base}/dists/{suite}/InRelease"), SUITES)
        return dict(zip(SUITES, found, strict=True))


def _ask(client: Client, url: str) -> PaddlewheelError | None:
    try:
        start = client.get(url, limit=4 << 20)[:64]
    except PaddlewheelError as error:
        return error
    if b"-----BEGIN PGP SIGNED MESSAGE-----" not in start:
        return PaddlewheelError(f"{url} is no InRelease file", hint="a proxy or a login page may have answered instead")
    return None


def index(*, offline: bool) -> Iterator[Probe]:
    """Whether the package index that uv is set up for answers."""
    from paddlewheel.lock.uv import Uv, failure
    from paddlewheel.net.urls import redact

    if offline:
        yield Probe("package index", State.OK, "not asked (--offline)")
        return
    try:
        uv = Uv.find()
    except PaddlewheelError:
        yield Probe("package index", State.WARN, "not asked: there is no uv to ask it")
        return
    words = "pip compile - --no-deps --no-cache --no-header --no-annotate --emit-index-url --quiet"
    began = time.monotonic()
    result = uv.run(
        [*words.split(), "--python", sys.executable],
        cwd=Path("/"),
        stdin=ASKED_FOR,
        env={"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": str(round(2 * PATIENCE))},
    )
    if result.returncode:
        error = failure(result, "reach the package index")
        yield Probe("package index", State.FAIL, error.message, error.hint)
        return
    place = re.search(r"^--index-url (\S+)", result.stdout, re.MULTILINE)
    shown = redact(place[1]) if place else "the index"
    yield Probe("package index", State.OK, f"{shown} answers in {time.monotonic() - began:.1f} s")
