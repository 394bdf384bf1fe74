"""Damage in the cache: told from a bad wheel by its hash, and mended by fetching or making again.

What the cache holds was checked when it came in, and is not hashed again at each use. It is looked at here only when
a wheel or a pack turns out to be unreadable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
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
    damaged = [artifact for artifact in artifacts if not _is_whole(cache.artifact(artifact.sha256), artifact.sha256)]
    for artifact in damaged:
        reporter.warn(f"{artifact.label}: the cache's copy was damaged, and is fetched again")
        cache.artifact(artifact.sha256).unlink(missing_ok=True)
    deque(fetch(damaged, cache=cache, client=client, reporter=reporter, title="Wheels"), maxlen=0)
    return bool(damaged)


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


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return file_digest(path) == f"sha256:{sha256}"
    except FileNotFoundError:
        return False
