"""uv, as a program: found, checked, run without surprises, its failures told in its own words.

uv resolves, exports and builds. It gets the user's environment (proxies, netrc, `UV_*` indexes and credentials, the
CA file) less what would aim it at another project or another Python; it never downloads a Python.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paddlewheel.cache import default_root
from paddlewheel.errors import (
    NetworkError,
    OfflineError,
    PaddlewheelError,
    ResolutionError,
    StorageError,
    ToolMissingError,
)

MINIMUM: Final = (0, 9)
"""The first uv that has all options used here."""

INDEX_VARIABLES: Final = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_INDEX_STRATEGY",
)
"""Where uv looks for packages, as far as the environment says so."""

RESOLVER_VARIABLES: Final = (
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_TORCH_BACKEND",
)
"""What uv chooses, as far as the environment says so."""

_MISLEADING: Final = frozenset(
    {
        "UV_DEV",
        "UV_FROZEN",
        "UV_ISOLATED",
        "UV_LOCKED",
        "UV_MANAGED_PYTHON",
        "UV_NO_DEFAULT_GROUPS",
        "UV_NO_DEV",
        "UV_NO_EDITABLE",
        "UV_NO_GROUP",
        "UV_NO_MANAGED_PYTHON",
        "UV_NO_SYNC",
        "UV_NO_VERIFY_HASHES",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_WORKING_DIR",
        "UV_WORKING_DIRECTORY",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONHOME",
    }
)

_OFFLINE_WORDS: Final = ("network was disabled", "network is disabled", "network connectivity is disabled")
_NETWORK_WORDS: Final = (
    "error sending request",
    "request failed after",
    "tcp connect error",
    "dns error",
    "operation timed out",
    "http status client error (401",
    "http status client error (403",
    "http status server error",
    "connection reset",
)
UNMET: Final = "change the requirement that cannot be met, then run the command again"
"""The hint for requirements that contradict each other or the index, where uv itself gives none."""
_LINES_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of uv gave. `returncode` 0: success."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Uv:
    """A uv that was found. Cheap; nothing is run before `run` or `check`."""

    binary: Path
    version: str
    offline: bool = False

    @classmethod
    def find(cls, *, offline: bool = False) -> Uv:
        """The uv that came with paddlewheel, else the one on PATH. Raise `ToolMissingError`: none, or too old."""
        binary, version = _located()
        numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
        if numbers < MINIMUM:
            needed = ".".join(map(str, MINIMUM))
            raise ToolMissingError(
                f"uv {version or 'of an unknown version'} at {binary} is too old; paddlewheel needs {needed} or newer",
                hint=f"python -m pip install --upgrade 'uv>={needed}'",
            )
        return cls(binary=binary, version=version, offline=offline)

    @property
    def label(self) -> str:
        """``uv 0.9.1``"""
        return f"uv {self.version}"

    def run(
        self,
        arguments: Iterable[str],
        *,
        cwd: Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
        offline: bool = False,
        umask: int = -1,
    ) -> Result:
        """Run and wait. `env` is added to the environment, `without` taken from it. A failure is the caller's."""
        command = [str(self.binary), *arguments, *(["--offline"] if self.offline or offline else [])]
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                env=_environment(env or {}, frozenset(without)),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                umask=umask,
            )
        except OSError as error:
            raise ToolMissingError(
                f"uv at {self.binary} does not start: {error.strerror or error}",
                hint="python -m pip install --force-reinstall uv",
            ) from error
        return Result(done.returncode, done.stdout, done.stderr)

    def check(
        self,
        arguments: Iterable[str],
        *,
        cwd: Path,
        doing: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run and return stdout. Raise `ResolutionError`, `NetworkError` or `OfflineError` when uv fails.

        `doing` completes "uv could not ...".
        """
        result = self.run(arguments, cwd=cwd, stdin=stdin, env=env)
        if result.returncode:
            raise failure(result, doing)
        return result.stdout


def failure(result: Result, doing: str) -> PaddlewheelError:
    """The error for a failed run: uv's own explanation, without credentials, its hints as the hint."""
    explanation, hint = explain(result.stderr)
    lowered = result.stderr.lower()
    text = f"uv could not {doing}:\n{explanation}" if explanation else f"uv could not {doing}; it gave no reason"
    if any(words in lowered for words in _OFFLINE_WORDS):
        return OfflineError(text, hint="leave out --offline once, so that the package index can be asked")
    if any(words in lowered for words in _NETWORK_WORDS):
        return NetworkError(
            text,
            hint=hint or "check the network, the proxy and the index's address (UV_DEFAULT_INDEX, netrc) and try again",
        )
    if "no space left on device" in lowered:
        return StorageError(text, hint="free some space, or move uv's cache with UV_CACHE_DIR")
    if "failed to initialize cache" in lowered:
        return StorageError(text, hint="name a folder that you may write in UV_CACHE_DIR or PADDLEWHEEL_CACHE_DIR")
    return ResolutionError(text, hint=hint or UNMET)


def explain(stderr: str, *, lines: int | None = _LINES_KEPT) -> tuple[str, str | None]:
    """uv's stderr as (explanation, hint): progress and warnings dropped, credentials redacted, cut after `lines`."""
    from paddlewheel.net.urls import redact

    told = [line.rstrip() for line in redact(stderr).splitlines()]
    hints = [line.partition("hint: ")[2] for line in told if line.lstrip().startswith("hint: ")]
    kept = [line for line in told if line and not re.match(r"\s*(hint: |warning: |Using |Resolved |Resolving )", line)]
    if lines is not None and len(kept) > lines:
        kept = [*kept[: lines - 1], f"... ({len(kept) - lines + 1} more lines)"]
    text = "\n".join(kept).removeprefix("error: ").strip()
    return text, "\n".join(hints) or None


def _located() -> tuple[Path, str]:
    """The binary and its version. The version of the packaged uv is read from its metadata's folder: no process."""
    import uv

    try:
        binary = Path(uv.find_uv_bin())
    except FileNotFoundError:
        found = shutil.which("uv")
        if found is None:
            raise ToolMissingError(
                "uv is not installed; paddlewheel resolves and builds packages with it",
                hint="python -m pip install uv",
            ) from None
        return Path(found), _asked(Path(found))
    packages = Path(uv.__file__).parent.parent
    versions = [folder.stem.removeprefix("uv-") for folder in packages.glob("uv-*.dist-info")]
    return binary, versions[0] if len(versions) == 1 else _asked(binary)


def _asked(binary: Path) -> str:
    """The version that `uv --version` tells, or an empty text."""
    result = Uv(binary=binary, version="").run(["--version"], cwd=Path("/"))
    match = re.match(r"uv (\S+)", result.stdout)
    return match[1] if match else ""


def _environment(extra: Mapping[str, str], without: frozenset[str]) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if key not in _MISLEADING and key not in without}
    env |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "RUST_BACKTRACE": "0"}
    if not env.get("UV_CACHE_DIR") and not _has_own_cache(env):
        env["UV_CACHE_DIR"] = str(default_root() / "uv")
    env.pop("FORCE_COLOR", None)
    env.pop("CLICOLOR_FORCE", None)
    if "UV_SYSTEM_CERTS" not in env and "UV_NATIVE_TLS" not in env and _has_system_certificates():
        # The older of the two names, for a uv that does not know the newer; newer ones warn when it stands alone.
        env |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    return {**env, **extra}


def _has_own_cache(env: Mapping[str, str]) -> bool:
    """Whether uv can write where its cache is by default. Without a home it would use the project's folder."""
    try:
        place = Path(env["XDG_CACHE_HOME"]) if env.get("XDG_CACHE_HOME") else Path.home() / ".cache"
        (place / "uv").mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return False
    return os.access(place / "uv", os.W_OK | os.X_OK)


def _has_system_certificates() -> bool:
    """Without a system store (a bare container) uv's own list of CAs is the better choice."""
    import ssl

    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return True
    return bool(paths.capath) and any(Path(paths.capath).iterdir())


def interpreter() -> list[str]:
    """The option that names the Python which runs paddlewheel."""
    return ["--python", sys.executable]
