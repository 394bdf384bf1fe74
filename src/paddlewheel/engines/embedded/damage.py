"""Damage in the cache: told from a bad wheel by its hash, and mended by fetching or making again.

What the cache holds was checked when it came in, and is not hashed again at each use. It is looked at here only when
a wheel or a pack turns out to be unreadable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.members import Container
from paddlewheel.engines.embedded.pack import read_pack
from paddlewheel.errors import StorageError, WheelError
from paddlewheel.image.store import file_digest
from paddlewheel.net import Artifact, Client, fetch
from paddlewheel.progress import Reporter


def fetch_damaged(artifacts: Sequence[Artifact], cache: Cache, client: Client, reporter: Reporter) -> bool:
    """Remove those of `artifacts` whose bytes in the cache are not theirs, and fetch them again.

    Return whether there were any. Raise `NetworkError`, `OfflineError`, `IntegrityError`.
    """
    damaged = remove_damaged([(artifact.sha256, artifact.label) for artifact in artifacts], cache, reporter)
    again = [artifact for artifact in artifacts if artifact.sha256 in damaged]
    deque(fetch(again, cache=cache, client=client, reporter=reporter, title="Wheels"), maxlen=0)
    return bool(damaged)


def remove_damaged(wanted: Sequence[tuple[str, str]], cache: Cache, reporter: Reporter) -> set[str]:
    """Remove files from the cache that are not what their name says. `wanted`: (SHA-256, label) pairs.

    Return the SHA-256 of those that were removed. Files that are not there are no damage.
    """
    damaged = set()
    for sha256, label in wanted:
        path = cache.artifact(sha256)
        with suppress(FileNotFoundError):
            if file_digest(path) != f"sha256:{sha256}":
                reporter.warn(f"{label}: the cache's copy was damaged, and is fetched again")
                path.unlink()
                damaged.add(sha256)
    return damaged


def remove_damaged_packs(packs: Sequence[Path]) -> bool:
    """Remove those of `packs` that are not what was written. Return whether there were any."""
    damaged = [pack for pack in packs if not is_pack(pack, thorough=True)]
    for pack in damaged:
        pack.unlink(missing_ok=True)
    return bool(damaged)


def is_pack(path: Path, *, thorough: bool = False) -> bool:
    """Whether there is a pack at `path`, as long as it should be; `thorough`: each file in it as it should be."""
    try:
        with Container(path, "bytecode") as container:
            for member in read_pack(container):
                if thorough:
                    container.read(member)
    except (WheelError, StorageError):
        return False
    return True
