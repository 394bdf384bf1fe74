"""The two streams: data on stdout, everything else on stderr, and what each can show."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Final, TextIO

_STYLES: Final = {"bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "1;33", "cyan": "36"}

# Escape sequences in the name of a package or in a server's answer must not reach the terminal.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class ReaderGone(Exception):
    """Whoever read our stdout has closed it, as `head` does."""


def clean(text: str) -> str:
    """`text` with control characters, newline and tab apart, made visible."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def told(text: str) -> str:
    """`text` as it may be shown: secrets in URLs redacted, control characters made visible."""
    if "://" in text:
        from paddlewheel.net.urls import redact

        text = redact(text)
    return clean(text)


class Terminal:
    """stdout and stderr with what they allow: colour, drawing over lines, box characters."""

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self.out = out
        self.err = err
        coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self.out_colour = coloured and _is_terminal(out)
        self.err_colour = coloured and _is_terminal(err)
        self.live = _is_terminal(err) and environ.get("TERM") != "dumb" and not _set(environ, "CI")
        """Whether lines on stderr may be drawn over."""
        self.out_unicode = "utf" in (getattr(out, "encoding", None) or "").lower()
        self._err_gone = False

    @classmethod
    def of_process(cls) -> Terminal:
        # A file name that is no UTF-8 must not turn a message about it into a UnicodeEncodeError.
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr, os.environ)

    def data(self, text: str) -> None:
        """Write a line to stdout. Raise `ReaderGone`."""
        try:
            self.out.write(text + "\n")
            self.out.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error

    def line(self, text: str = "") -> None:
        """Write a line to stderr. A closed stderr is no reason to stop a build."""
        if self._err_gone:
            return
        try:
            self.err.write(text + "\n")
            self.err.flush()
        except (OSError, ValueError):
            self._err_gone = True

    def paint(self, text: str, style: str) -> str:
        """`text` in a style, for stderr."""
        return _paint(text, style, self.err_colour)

    def paint_data(self, text: str, style: str) -> str:
        """`text` in a style, for stdout."""
        return _paint(text, style, self.out_colour)


def _paint(text: str, style: str, coloured: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if coloured and text else text


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def _set(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() not in ("", "0", "false", "no")
