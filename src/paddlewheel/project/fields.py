"""The values of single settings. Each function takes a TOML value and its place, and returns it normalised.

All raise `SettingsError` with file, key path, what was expected and what was found.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

from paddlewheel.debian.model import SUITES
from paddlewheel.errors import SettingsError
from paddlewheel.image.model import MAX_LAYERS
from paddlewheel.project.tomlfile import kind_of, nearest

MIN_LAYERS: Final = 8
"""Four for the base and the environment, one for the app, one for the wheels, and two to spare."""
USERS: Final = {"root": (0, 0), "nonroot": (65532, 65532), "nobody": (65534, 65534)}
"""The users of the composed base, with their user and group ids."""
MAX_ID: Final = 2**31 - 1
SIGNALS: Final = (
    *("SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGKILL", "SIGUSR1", "SIGUSR2"),
    *("SIGALRM", "SIGTERM", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGWINCH", "SIGPWR"),
)

# A registry's host may lead: a first component with a dot or a port. The rest is the OCI distribution grammar.
_NAME: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_PYTHON: Final = re.compile(r"3\.[0-9]{1,2}")
# Debian policy 5.6.7.
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_MIRROR: Final = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
_ENV: Final = re.compile(r"[^=\0\s]+")
_PORT: Final = re.compile(r"([0-9]{1,5})(?:/(tcp|udp|sctp))?")
_USER: Final = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")


@dataclass(frozen=True, slots=True)
class At:
    """Where a value stands: the file's name and the path of keys in it."""

    file: str
    path: str = ""

    def key(self, name: str) -> At:
        return At(self.file, f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> At:
        return At(self.file, f"{self.path}[{index}]")

    def error(self, message: str, *, hint: str | None = None) -> SettingsError:
        place = f"{self.file}: {self.path}" if self.path else self.file
        return SettingsError(f"{place}: {message}", hint=hint)

    def expected(self, what: str, value: object, *, hint: str | None = None) -> SettingsError:
        shown = f" {value!r}" if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        return self.error(f"expected {what}, found {kind_of(value)}{shown}", hint=hint)


def string(value: Any, at: At, what: str = "a string") -> str:
    """A string that a container's configuration can hold: not empty, no NUL."""
    if not isinstance(value, str):
        raise at.expected(what, value)
    if not value or "\0" in value:
        raise at.error(f"expected {what}, found {'one with a NUL character' if value else 'an empty string'}")
    return value


def boolean(value: Any, at: At) -> bool:
    if not isinstance(value, bool):
        raise at.expected("true or false", value)
    return value


def integer(value: Any, at: At, low: int, high: int) -> int:
    what = f"an integer from {low} to {high}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise at.expected(what, value)
    if not low <= value <= high:
        raise at.error(f"expected {what}, found {value}")
    return value


def items(value: Any, at: At, what: str) -> list[tuple[Any, At]]:
    """The items of a list, each with its place."""
    if not isinstance(value, list):
        hint = f"write [{value!r}]".replace("'", '"') if isinstance(value, str) else None
        raise at.expected(what, value, hint=hint)
    return [(item, at.item(index)) for index, item in enumerate(value)]


def layers(value: Any, at: At) -> int:
    return integer(value, at, MIN_LAYERS, MAX_LAYERS)


def image_name(value: Any, at: At) -> str:
    text = string(value, at, "an image name")
    if _NAME.fullmatch(text):
        return text
    last = text.rpartition("/")[2]
    if ":" in last or "@" in last:
        raise at.error(f"{text!r} has a tag or digest", hint="give the name alone; the version becomes the tag")
    raise at.error(
        f"{text!r} is no image name", hint="lower-case letters, digits, `.`, `_`, `-` and `/`, as in team/shop"
    )


def base(value: Any, at: At) -> str:
    text = string(value, at, "`distroless` or `distroless:SUITE`")
    kind, colon, suite = text.partition(":")
    if kind != "distroless" or (colon and suite not in SUITES):
        suites = ", ".join(f"distroless:{name}" for name in SUITES)
        close = nearest(text, ["distroless", *(f"distroless:{name}" for name in SUITES)])
        raise at.error(
            f"{text!r} is no base that an image can be composed on" + (f"; did you mean {close!r}?" if close else ""),
            hint=f"the bases are: distroless, {suites}",
        )
    return text


def python(value: Any, at: At) -> str:
    if isinstance(value, float):
        # TOML reads 3.10 as 3.1.
        raise at.expected('a string like "3.13"', value, hint="put the version in quotes")
    text = string(value, at, 'a string like "3.13"')
    if not _PYTHON.fullmatch(text):
        raise at.error(
            f'expected a minor version of Python like "3.13", found {text!r}',
            hint="the base brings its own patch release, so that only major and minor can be asked for",
        )
    return text


def relative_path(value: Any, at: At) -> str:
    text = string(value, at, "the name of a file in the project's folder")
    clean = posixpath.normpath(text)
    if text.startswith("/") or clean == ".." or clean.startswith("../"):
        raise at.error(f"{text!r} is outside of the project's folder", hint="name a file in the folder")
    return clean


def absolute_path(value: Any, at: At) -> str:
    text = string(value, at, "an absolute path")
    if not text.startswith("/"):
        raise at.error(f"expected an absolute path in the image, found {text!r}", hint=f"write /app/{text}, say")
    if ".." in text.split("/"):
        raise at.error(f"`..` in {text!r}", hint="write the path without it")
    return posixpath.normpath("/" + text.lstrip("/"))


def volumes(value: Any, at: At) -> tuple[str, ...]:
    paths = [absolute_path(item, place) for item, place in items(value, at, "a list of absolute paths")]
    if "/" in paths:
        raise at.item(paths.index("/")).error("the whole root cannot be a volume", hint="name a folder, as /data")
    return tuple(dict.fromkeys(paths))


def debian_packages(value: Any, at: At) -> tuple[str, ...]:
    names = []
    for item, place in items(value, at, "a list of Debian package names"):
        name = string(item, place, "a Debian package name")
        if not _PACKAGE.fullmatch(name):
            raise place.error(
                f"{name!r} is no Debian package name", hint='names alone, as "libpq5"; the lock pins versions'
            )
        names.append(name)
    return tuple(dict.fromkeys(names))


def mirror(value: Any, at: At) -> str:
    text = string(value, at, "the URL of a Debian mirror").rstrip("/")
    if not _MIRROR.fullmatch(text):
        raise at.error(f"{text!r} is no http:// or https:// URL", hint="give the URL of the folder that holds dists/")
    if "/dists" in text:
        raise at.error("the URL must end before /dists", hint=f'write "{text.partition("/dists")[0]}"')
    return text


def command(value: Any, at: At) -> tuple[str, ...]:
    """A command in exec form. A string is refused: a composed image holds no shell that could split it."""
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError:
            words = value.split()
        shown = ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
        raise at.expected("a list of strings", value, hint=f"there is no shell in the image; write [{shown}]")
    words = []
    for item, place in items(value, at, "a list of strings"):
        if not isinstance(item, str):
            raise place.expected("a string", item, hint=f'write "{item}"' if isinstance(item, int | float) else None)
        if "\0" in item or (not item and not words):
            raise place.error("a program's name was expected, found an empty string" if not item else "a NUL character")
        words.append(item)
    return tuple(words)


def environment(value: Any, at: At) -> dict[str, str]:
    return _texts(value, at, "a table of variables", _ENV, "a variable's name")


def labels(value: Any, at: At) -> dict[str, str]:
    return _texts(value, at, "a table of labels", re.compile(r"[^\0\s]+"), "a label's name")


def _texts(value: Any, at: At, what: str, name: re.Pattern[str], name_is: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise at.expected(what, value)
    for key, text in value.items():
        place = at.key(key)
        if not name.fullmatch(key):
            raise at.error(f"{key!r} is not {name_is}")
        if not isinstance(text, str):
            hint = f'write {key} = "{str(text).lower() if isinstance(text, bool) else text}"'
            raise place.expected("a string", text, hint=None if isinstance(text, list | dict) else hint)
        if "\0" in text:
            raise place.error("a NUL character")
    return dict(value)


def ports(value: Any, at: At) -> tuple[str, ...]:
    found = []
    for item, place in items(value, at, 'a list of ports, as 8000 or "8000/udp"'):
        port = None
        if isinstance(item, str) and (match := _PORT.fullmatch(item)):
            port, protocol = int(match[1]), match[2] or "tcp"
        elif isinstance(item, int) and not isinstance(item, bool):
            port, protocol = item, "tcp"
        if port is None or not 1 <= port <= 65535:
            raise place.expected('a port from 1 to 65535, as 8000 or "8000/udp"', item)
        found.append(f"{port}/{protocol}")
    return tuple(dict.fromkeys(found))


def user(value: Any, at: At) -> str:
    """A name of `USERS`, a number, or two: ``1000:1000``."""
    what = f"one of {', '.join(USERS)}, a user id, or a user and a group id as 1000:1000"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(integer(value, at, 0, MAX_ID))
    text = string(value, at, what)
    match = _USER.fullmatch(text)
    if text in USERS or (match and all(int(number) <= MAX_ID for number in match.groups() if number)):
        return text
    raise at.error(f"expected {what}, found {text!r}", hint="the image has no other users; a number needs none")


def user_ids(text: str) -> tuple[int, int]:
    """User and group id of a `user` setting. A user id alone is its own group, never root's."""
    if text in USERS:
        return USERS[text]
    uid, _, gid = text.partition(":")
    return int(uid), int(gid or uid)


def stop_signal(value: Any, at: At) -> str:
    text = string(value, at, "a signal's name, as SIGTERM")
    if text in SIGNALS:
        return text
    close = nearest(text if text.upper().startswith("SIG") else f"SIG{text}", SIGNALS)
    raise at.error(f"{text!r} is no signal", hint=f"did you mean {close}?" if close else f"one of {', '.join(SIGNALS)}")


def timezone(value: Any, at: At) -> str:
    text = string(value, at, "a time zone, as Europe/Paris")
    if not _ZONE.fullmatch(text):
        raise at.error(f"{text!r} is no time zone", hint='IANA names, as "UTC" or "Europe/Paris"')
    return text


def patterns(value: Any, at: At) -> tuple[str, ...]:
    """Patterns of app files, cleaned. That each matches something is checked when files are chosen."""
    from paddlewheel.project.patterns import BadPattern, Pattern

    found = []
    for item, place in items(value, at, "a list of patterns"):
        text = string(item, place, "a pattern")
        if text.startswith("!"):
            raise place.error("a pattern cannot begin with `!`", hint="leave files out by .dockerignore")
        try:
            clean = Pattern.parse(text).text
        except BadPattern as fault:
            raise place.error(f"{text!r}: {fault}") from fault
        if text.startswith("/") or clean == ".." or clean.startswith("../"):
            raise place.error(f"{text!r} is outside of the project's folder", hint="patterns are relative to it")
        if clean in found:
            raise place.error(f"{text!r} stands twice", hint="each pattern is a layer; remove one")
        found.append(clean)
    return tuple(found)
