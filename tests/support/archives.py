"""Archives that are images by their first member."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path


def write_archive(path: Path, first: str, content: bytes = b"", *, folder: bool = False) -> Path:
    """Write a tar whose first member is `first`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo(first)
        member.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path
