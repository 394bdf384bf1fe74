"""The outside package index, as pip is configured for it on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request


def index_url() -> str:
    """The index that pip asks here: its configuration, else its own default."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    ask = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    pip = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    for command in (pip, [sys.executable, "-c", ask]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    raise AssertionError("pip tells no index")


def why_unreachable(url: str) -> str | None:
    """Why nothing answers at `url`, or None."""
    request = urllib.request.Request(url.rstrip("/") + "/pip/", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=20):
            return None
    except (urllib.error.URLError, OSError) as error:
        return str(error)
