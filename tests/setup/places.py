"""Where the set-up keeps its things. Two checkouts on one machine do not share any."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = CHECKOUT / "tests" / ".cache"
_MARK: Final = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
RUN: Final = Path("/run") / f"paddlewheel-test-{_MARK}"
"""Sockets and process records. Short, since the path of a Unix socket may have 107 bytes at most."""
SHARED: Final = Path("/var/tmp") / f"paddlewheel-test-{_MARK}"
"""For things that other users must reach, where the checkout is in a closed home directory."""


def reachable(path: Path) -> bool:
    """Whether any user may go to `path` and read it, symlinks followed."""
    path = path.resolve()
    closed = any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return not closed and bool(path.stat().st_mode & stat.S_IROTH)
