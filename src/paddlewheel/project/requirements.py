"""requirements.txt as pip and uv read it: includes, constraints, hashes, markers, extras, URLs, local paths, options.

Source: pip's "Requirements File Format". Lines keep their file and number, so that every error names both.
Environment variables (``${TOKEN}``) are left as they are written: what they hold may be a secret.
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from paddlewheel.errors import LockFormatError
from paddlewheel.project.tomlfile import nearest

_HASH_SIZES: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING: Final = re.compile(rb"^#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")
_OPTION: Final = re.compile(r"(?:^|\s)-")
_URL: Final = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?[A-Za-z][A-Za-z0-9+.-]*://")
_LOCAL: Final = re.compile(r"(?:\.{1,2}(?:/|$)|/|file:)|[^ ]+\.(?:whl|zip|tar\.gz)(?:\[[^]]*\])?(?:$|[ ;#])")
_FRAGMENT: Final = re.compile(r"#(?:[^#]*&)?(sha256|sha384|sha512)=([0-9a-fA-F]+)")

_INCLUDES: Final = {"-r": "-r", "--requirement": "-r", "-c": "-c", "--constraint": "-c"}
_VALUED: Final = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--trusted-host": "--trusted-host",
    "--use-feature": "--use-feature",
}
_FLAGS: Final = ("--no-index", "--require-hashes", "--pre", "--prefer-binary", "--no-use-pep517", "--use-pep517")
_EDITABLE: Final = ("-e", "--editable")
_PER_REQUIREMENT: Final = ("--config-settings", "--config-setting", "--global-option", "-C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One requirement or constraint.

    `text` is normalised: name, extras, specifiers and marker as packaging writes them, or the URL or path as it stands.
    """

    file: Path
    number: int
    text: str
    name: str | None = None
    """Normalised by PEP 503; None for a URL or path without one."""
    hashes: tuple[str, ...] = ()
    """As pip writes them, ``sha256:...``, sorted; a URL's own fragment included."""
    pinned: bool = False
    """One version by ``==`` or ``===``, or a URL or file that can have a hash."""
    editable: bool = False
    local: bool = False
    """A path on this machine."""

    @property
    def complete(self) -> bool:
        return self.pinned and bool(self.hashes) and not self.editable


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """A requirements file with all that it includes, in the order of reading."""

    files: tuple[Path, ...]
    lines: tuple[Line, ...] = ()
    constraints: tuple[Line, ...] = ()
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(long option, value) pairs, as ``("--index-url", "https://...")``; may hold credentials."""

    @property
    def complete(self) -> bool:
        """Whether this is a lock by itself: every requirement has one version or URL, and a hash."""
        return all(line.complete for line in self.lines)

    @property
    def open_lines(self) -> tuple[Line, ...]:
        """What keeps it from being complete."""
        return tuple(line for line in self.lines if not line.complete)

    def normalised(self) -> list[str]:
        """Every statement without comments, layout and file names: equal lists state the same dependencies."""
        return [
            *(f"{name} {value}".strip() for name, value in self.options),
            *(" ".join(("-e",) * line.editable + (line.text, *line.hashes)) for line in self.lines),
            *(" ".join(("-c", line.text, *line.hashes)) for line in self.constraints),
        ]


def read(path: Path) -> Requirements:
    """Read a file and its includes. Raise `LockFormatError` with file and line."""
    reader = _Reader(path.parent)
    reader.file(path, constraint=False, chain=())
    return Requirements(
        files=tuple(reader.files),
        lines=tuple(reader.lines),
        constraints=tuple(reader.constraints),
        options=tuple(reader.options),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A line in a file, named from the folder of the first one."""

    root: Path
    file: Path
    number: int

    def error(self, message: str, hint: str | None = None) -> LockFormatError:
        return LockFormatError(f"{_shown(self.file, self.root)}:{self.number}: {message}", hint=hint)


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[Path] = []
        self.lines: list[Line] = []
        self.constraints: list[Line] = []
        self.options: list[tuple[str, str]] = []

    def file(self, path: Path, *, constraint: bool, chain: tuple[Path, ...]) -> None:
        if path not in self.files:
            self.files.append(path)
        for number, text in logical_lines(decode(path, self.root)):
            self.statement(_Place(self.root, path, number), text, constraint, (*chain, path.resolve()))

    def statement(self, at: _Place, text: str, constraint: bool, chain: tuple[Path, ...]) -> None:
        body, words = _split(text, at)
        if body:
            (self.constraints if constraint else self.lines).append(_requirement(body, words, at))
            return
        name, value, rest = _option(words, at)
        if name in _INCLUDES:
            self.include(at, value, constraint or _INCLUDES[name] == "-c", chain)
        elif name in _EDITABLE:
            line = _editable(value, at)
            (self.constraints if constraint else self.lines).append(line)
        else:
            self.options.append((_VALUED.get(name, name), value))
        if rest:
            raise at.error(f"{rest[0]!r} after {name} {value}", "one option a line")

    def include(self, at: _Place, value: str, constraint: bool, chain: tuple[Path, ...]) -> None:
        if _URL.match(value) and not value.startswith("file://"):
            raise at.error(f"{_hidden(value)} is not on this machine", "download it beside the file and include that")
        path = Path(os.path.normpath(at.file.parent / value.removeprefix("file://")))
        if path.resolve() in chain:
            raise at.error(f"{value} includes itself, by way of this line", "remove one of the includes")
        if not path.is_file():
            raise at.error(f"{value} does not exist", f"looked for {path}")
        self.file(path, constraint=constraint, chain=chain)


def decode(path: Path, root: Path) -> str:
    """The text, by its byte order mark, its coding comment, or as UTF-8. Raise `LockFormatError`."""
    name = _shown(path, root)
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise LockFormatError(f"{name} cannot be read: {fault.strerror}", hint=f"make {path} readable") from fault
    encoding = "utf-8"
    for mark, marked in _BOMS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked
            break
    else:
        declared = [match for line in data.splitlines()[:2] if (match := _CODING.match(line))]
        if declared:
            encoding = declared[0][1].decode("ascii", "replace")
    try:
        return data.decode(encoding)
    except LookupError as fault:
        raise LockFormatError(f"{name}: unknown encoding {encoding!r}", hint="save the file as UTF-8") from fault
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise LockFormatError(f"{name}:{line}: not {encoding}", hint="save the file as UTF-8") from fault


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments removed, each with the number of its first line; no empty ones."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            first = first or number
            joined += line[:-1]
            continue
        # A comment line ends a continuation, as in pip.
        whole = joined + (" " + line.lstrip() if comment and joined else line)
        found = _COMMENT.sub("", whole).strip()
        if found:
            yield first or number, found
        joined, first = "", 0
    last = _COMMENT.sub("", joined).strip()
    if last:
        yield first, last


def _split(text: str, at: _Place) -> tuple[str, list[str]]:
    """The requirement in front, and the words of the options after it."""
    match = _OPTION.search(text)
    body, tail = (text[: match.start()].strip(), text[match.start() :]) if match else (text, "")
    try:
        return body, shlex.split(tail)
    except ValueError as fault:
        raise at.error(f"{tail.strip()!r}: {fault}".lower(), "close the quotation") from fault


def _option(words: list[str], at: _Place) -> tuple[str, str, list[str]]:
    """The first option of `words`, its value, and the words that are left."""
    word = words[0]
    name, equals, value = word.partition("=")
    if not word.startswith("--") and len(word) > 2:
        name, equals, value = word[:2], "=", word[2:].removeprefix("=")
    if name in _FLAGS and not equals:
        return name, "", words[1:]
    if name not in {**_INCLUDES, **_VALUED} and name not in (*_EDITABLE, *_PER_REQUIREMENT, "--hash"):
        close = nearest(name, [*_INCLUDES, *_VALUED, *_FLAGS, *_EDITABLE, "--hash"])
        raise at.error(f"no such option: {name}", f"did you mean {close}?" if close else None)
    if equals:
        return name, value, words[1:]
    if len(words) < 2:
        raise at.error(f"{name} needs a value")
    return name, words[1], words[2:]


def _requirement(body: str, words: list[str], at: _Place) -> Line:
    hashes = _hashes(words, at)
    if _URL.match(body) or _LOCAL.match(body):
        return _bare(body, hashes, at)
    try:
        requirement = Requirement(body)
    except InvalidRequirement as fault:
        reason = str(fault).splitlines()[0]
        raise at.error(
            f"{_hidden(body)!r} is no requirement: {_hidden(reason)}",
            _with_two_signs(body) or "as in flask[async]>=3; python_version < '3.13'",
        ) from fault
    found = {*hashes, *_fragment_hashes(requirement.url or "")}
    pins = [one for one in requirement.specifier if one.operator in ("==", "===") and not one.version.endswith(".*")]
    return Line(
        file=at.file,
        number=at.number,
        text=_text(requirement),
        name=canonicalize_name(requirement.name),
        hashes=tuple(sorted(found)),
        pinned=len(pins) == 1 == len(requirement.specifier) or bool(requirement.url),
        local=(requirement.url or "").startswith("file:"),
    )


def _with_two_signs(body: str) -> str | None:
    """``flask=3.0``, as Conda and shells write it, as it was meant."""
    meant = re.sub(r"^([\w.-]+(?:\[[^]]*\])?\s*)=(?=[^=])", r"\1==", body)
    try:
        return None if meant == body else f"did you mean {Requirement(meant)}?"
    except InvalidRequirement:
        return None


def _text(requirement: Requirement) -> str:
    """As packaging writes it, but the same with every version of packaging, as fingerprints are made of it."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    url = f" @ {requirement.url}" if requirement.url else ""
    specifier = ",".join(sorted(map(str, requirement.specifier)))
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{canonicalize_name(requirement.name)}{extras}{specifier}{url}{marker}"


def _bare(body: str, hashes: list[str], at: _Place) -> Line:
    """A URL or path without a name in front."""
    return Line(
        file=at.file,
        number=at.number,
        text=re.sub(r"\s+", " ", body),
        hashes=tuple(sorted({*hashes, *_fragment_hashes(body)})),
        pinned=True,
        local=not _URL.match(body) or body.startswith("file:"),
    )


def _editable(value: str, at: _Place) -> Line:
    if not value:
        raise at.error("-e needs a path or URL")
    return Line(file=at.file, number=at.number, text=value, editable=True, local=not _URL.match(value))


def _hashes(words: list[str], at: _Place) -> list[str]:
    """The values of --hash among a requirement's options."""
    found = []
    while words:
        name, value, words = _option(words, at)
        if name in _PER_REQUIREMENT:
            continue
        if name != "--hash":
            raise at.error(f"{name} cannot follow a requirement", "give it a line of its own")
        algorithm, _, digest = value.partition(":")
        if algorithm not in _HASH_SIZES:
            raise at.error(f"--hash {value}: no such hash", f"pip accepts {', '.join(_HASH_SIZES)}")
        if len(digest) != _HASH_SIZES[algorithm] or set(digest.lower()) - set("0123456789abcdef"):
            raise at.error(f"--hash {value}: {_HASH_SIZES[algorithm]} hexadecimal digits were expected")
        found.append(f"{algorithm}:{digest.lower()}")
    return found


def _fragment_hashes(url: str) -> list[str]:
    match = _FRAGMENT.search(url)
    if match is None or len(match[2]) != _HASH_SIZES[match[1]]:
        return []
    return [f"{match[1]}:{match[2].lower()}"]


def _hidden(text: str) -> str:
    """`text` without the credentials of its URLs."""
    return re.sub(r"(://)[^/\s@]*@", r"\1", text)
