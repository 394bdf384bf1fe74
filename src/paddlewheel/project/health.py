"""The `healthcheck` setting: a command, or an HTTP path that the image's own Python asks, as it has no curl."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from paddlewheel.image.model import Healthcheck
from paddlewheel.project.fields import At, command, integer, string
from paddlewheel.project.tomlfile import kind_of, nearest

KEYS: Final = ("cmd", "http", "port", "interval", "timeout", "start-period", "retries")
DEFAULT_PORT: Final = 8000
DEFAULT_TIMEOUT: Final = 5
MAX_SECONDS: Final = 86400

_DURATION: Final = re.compile(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?(?:([0-9]+)ms)?")
_PATH: Final = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """``http = "/health"``, before it is known which port the image exposes."""

    path: str
    port: int | None
    times: Healthcheck

    def resolve(self, expose: Sequence[str]) -> Healthcheck:
        """The check as a command. The port: its own, else the first TCP port exposed, else 8000."""
        tcp = (int(port.partition("/")[0]) for port in expose if port.endswith("/tcp"))
        port = self.port or next(tcp, DEFAULT_PORT)
        timeout = self.times.timeout or DEFAULT_TIMEOUT
        return replace(self.times, test=("CMD", "python", "-c", http_probe(self.path, port, timeout)))


def http_probe(path: str, port: int, timeout: float) -> str:
    """A Python program that ends with 0 where GET `path` on this port answers below 400.

    http.client and not urllib.request: it asks no proxy, and it starts in half the time.
    """
    return (
        f"import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout={timeout:g}); "
        f"c.request('GET', {path!r}); raise SystemExit(c.getresponse().status >= 400)"
    )


def healthcheck(value: Any, at: At) -> Healthcheck | HttpCheck:
    """Raise `SettingsError`. An `HttpCheck` is still to be resolved."""
    if not isinstance(value, dict):
        hint = f'write healthcheck = {{ http = "{value}" }}' if isinstance(value, str) else None
        raise at.expected("a table", value, hint=hint)
    for key in value:
        if key not in KEYS:
            close = nearest(key, KEYS)
            raise at.key(key).error(
                "no such setting", hint=f"did you mean `{close}`?" if close else f"its keys are: {', '.join(KEYS)}"
            )
    if ("cmd" in value) == ("http" in value):
        raise at.error("expected either `cmd` or `http`", hint='the shortest form is { http = "/health" }')
    times = Healthcheck(
        test=(),
        interval=_seconds(value, "interval", at),
        timeout=_seconds(value, "timeout", at),
        start_period=_seconds(value, "start-period", at),
        retries=integer(value["retries"], at.key("retries"), 1, 1000) if "retries" in value else None,
    )
    if "cmd" in value:
        return replace(times, test=_command(value, at))
    path = string(value["http"], at.key("http"), "a path like /health")
    if not _PATH.fullmatch(path):
        raise at.key("http").error(
            f"expected a path like /health, found {path!r}", hint="ASCII without spaces, from the first /"
        )
    port = integer(value["port"], at.key("port"), 1, 65535) if "port" in value else None
    return HttpCheck(path, port, times)


def _command(value: dict[str, Any], at: At) -> tuple[str, ...]:
    if "port" in value:
        raise at.key("port").error("goes with `http` only", hint="write the port into `cmd`")
    words = command(value["cmd"], at.key("cmd"))
    if not words:
        raise at.key("cmd").error("expected a list of strings, found an empty list")
    if words[0] in ("CMD", "CMD-SHELL", "NONE"):
        raise at.key("cmd").error(
            f"{words[0]} is written by paddlewheel", hint="give the program and its arguments alone"
        )
    return ("CMD", *words)


def _seconds(table: dict[str, Any], key: str, at: At) -> float | None:
    if key not in table:
        return None
    value, place = table[key], at.key(key)
    what = 'a time in seconds, or as "30s" or "1m30s"'
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if not match:
            raise place.error(f"expected {what}, found {value!r}")
        hours, minutes, seconds, thousandths = (float(part or 0) for part in match.groups())
        found = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        raise place.error(f"expected {what}, found {kind_of(value)}")
    if not math.isfinite(found) or not 0.001 <= found <= MAX_SECONDS:
        raise place.error(f"expected {what}, between 0.001 and {MAX_SECONDS} seconds, found {value}")
    return found
