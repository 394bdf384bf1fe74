"""Small project folders, written from a table of paths and texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` below `root`; a path that ends in ``/`` is an empty folder. Texts are dedented. Return `root`."""
    root.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_text(dedent(content), encoding="utf-8")
    return root
