"""Images that a build left in the project's folder: not part of the project, or each image would hold the last one.

Formats: OCI image layout (`oci-layout`, `index.json`, `blobs`), as a folder or in a tar, and the archives of
`docker save`, old and new. A file is recognised by its ending and its first 1,024 bytes: a tar header and what
follows it. Imported by builds in which nothing changed, so it imports little.
"""

from __future__ import annotations

import os
import re
from typing import Final

ARCHIVE_ENDING: Final = ".tar"
LAYOUT_MARK: Final = "oci-layout"

_USTAR: Final = slice(257, 262)
_FIRST: Final = re.compile(
    rb"(?:\./)?(?:oci-layout|blobs(?:/(?:sha256\b.*)?)?|[0-9a-f]{64}(?:/.*|\.json|\.tar(?:\.gz)?))"
)
_AMBIGUOUS: Final = {b"manifest.json": b'"Config"', b"index.json": b'"manifests"'}
"""Names that other archives begin with as well, and what stands at the start of the member in an image."""


def is_archive(path: str) -> bool:
    """Whether the regular file `path`, named ``*.tar``, is an image. One that cannot be read is none."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path costs more
            head = file.read(1024)
    except OSError:
        return False
    if head[_USTAR] != b"ustar":
        return False
    name = head[:100].partition(b"\0")[0]
    mark = _AMBIGUOUS.get(name.removeprefix(b"./"))
    return mark in head[512:] if mark is not None else _FIRST.fullmatch(name) is not None


def is_layout(folder: str) -> bool:
    """Whether `folder` is an image layout."""
    # os.path answers False for a folder that may not be entered, where Path raises.
    return os.path.exists(f"{folder}/{LAYOUT_MARK}") and os.path.exists(f"{folder}/index.json")  # noqa: PTH110
