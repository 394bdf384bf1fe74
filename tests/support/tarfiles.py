"""Unpacking archives that tests have made, or checked against a digest."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack everything as it is, modes and devices included.

    Not every Python 3.11 knows the argument `filter`, and from 3.12 on one warns or refuses without a filter: an
    attribute of that name suits both.
    """
    archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
    archive.extractall(folder)  # noqa: S202 - nothing here comes from strangers
