"""Which files of a folder go into an image that the app is copied to, and in which layer.

A file goes in when .dockerignore does not exclude it, when it is not withheld (`withheld`; images that earlier builds
left, by `outputs`, count as withheld), and, where the setting
`files` is given, when one of its patterns matches. Each pattern is a layer. A file that several match belongs to
the last of them, save that a pattern for everything (``.``, ``*`` or ``**``) takes what no other pattern matches,
wherever it stands. Folders that are left out are never entered.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from paddlewheel.errors import ProjectError, SettingsError
from paddlewheel.project.model import AppFile
from paddlewheel.project.outputs import ARCHIVE_ENDING, is_archive, is_layout
from paddlewheel.project.patterns import BadPattern, Matched, Matcher, Pattern, Reach, read_ignore
from paddlewheel.project.tomlfile import read_text
from paddlewheel.project.withheld import VENV_MARK, holds_password, is_secret, may_hold_password, rule_for

IGNORE_FILE: Final = ".dockerignore"
_EVERYTHING: Final = frozenset({".", "*", "**", "**/*"})

Groups = tuple[tuple[AppFile, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files of each layer, sorted by path, and the secrets that were found and left out.

    `passwords`: those among the secrets that are so by what they hold, and not by their names.
    """

    groups: Groups
    secrets: tuple[str, ...] = ()
    passwords: tuple[str, ...] = ()


def select(root: Path, files: Sequence[str] | None) -> Groups:
    """The groups of `scan`."""
    return scan(root, files).groups


def scan(root: Path, files: Sequence[str] | None) -> Selection:
    """Choose the files below `root`, a group for each pattern of `files`; None: one group of everything.

    The result depends on names, sizes, modes and links, and on whether a file that states dependencies, or one
    that may be an image, is what it seems: of these the content is looked at. Raise `ProjectError` for a link that
    leaves the folder, a special file, a name that is not UTF-8, a folder that cannot be read or a faulty .dockerignore,
    and `SettingsError` for a pattern that brings no file.
    """
    walk = _Walk(root, _ignore_matcher(root), _Chooser(files))
    groups: list[list[AppFile]] = [[] for _ in files] if files is not None else [[]]
    for entry, group in walk.files():
        groups[group].append(entry)
    for group_files, pattern in zip(groups, files or (), strict=False):
        if not group_files:
            raise _no_file(pattern, groups, walk)
    return Selection(
        groups=tuple(tuple(sorted(group_files, key=attrgetter("path"))) for group_files in groups),
        secrets=tuple(sorted(walk.secrets)),
        passwords=tuple(sorted(walk.passwords)),
    )


def _ignore_matcher(root: Path) -> Matcher:
    path = root / IGNORE_FILE
    patterns = []
    if path.is_file():
        for number, line in read_ignore(read_text(path)):
            try:
                patterns.append(Pattern.parse(line))
            except BadPattern as fault:
                raise ProjectError(
                    f"{IGNORE_FILE}:{number}: {line!r}: {fault}", hint=f"correct the pattern in {path}"
                ) from fault
    return Matcher(patterns)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One pattern of `files`."""

    index: int
    text: str
    reach: Reach

    def names(self, literal: str) -> bool:
        """Whether the pattern speaks of what is withheld for the text `literal`: wildcards alone do not."""
        return literal in self.text.replace("*", "").replace("?", "")


class _Chooser:
    """Says which group a path belongs to by the `files` setting."""

    def __init__(self, files: Sequence[str] | None) -> None:
        self.rest: int | None = 0 if files is None else None
        layers = []
        for index, text in enumerate(files or ()):
            if text in _EVERYTHING:
                self.rest = index
            else:
                layers.append(_Layer(index, text, Reach(Pattern.parse(text))))
        self.layers = tuple(reversed(layers))

    def group(self, path: str, named: tuple[_Layer, ...] | None) -> int | None:
        """The group of `path`; `named`: the only patterns that count; None: all of them, and the rest."""
        candidates = self.layers if named is None else named
        rest = self.rest if named is None else None
        return next((layer.index for layer in candidates if layer.reach.covers(path)), rest)

    def naming(self, literal: str, named: tuple[_Layer, ...] | None) -> tuple[_Layer, ...]:
        return tuple(layer for layer in (self.layers if named is None else named) if layer.names(literal))

    def may_enter(self, folder: str, named: tuple[_Layer, ...] | None) -> bool:
        if named is None and self.rest is not None:
            return True
        candidates = self.layers if named is None else named
        return any(layer.reach.covers(folder) or layer.reach.below(folder) for layer in candidates)


@dataclass
class _Walk:
    """A walk that never enters what is left out."""

    root: Path
    ignored: Matcher
    chooser: _Chooser
    secrets: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """Paths that were left out, and what did it: for messages."""

    def files(self) -> Iterator[tuple[AppFile, int]]:
        waiting: list[tuple[str, Matched, tuple[_Layer, ...] | None]] = [("", self.ignored.root, None)]
        while waiting:
            folder, matched, named = waiting.pop()
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                excluded, below = self.ignored.match(path, matched)
                is_folder = entry.is_dir(follow_symlinks=False)
                if excluded and not (is_folder and self.ignored.may_except_below(path)):
                    self.left_out.append((path, IGNORE_FILE))
                    continue
                literal = rule_for(path, entry.name)
                if literal is None and _is_made(entry, is_folder):
                    literal = entry.name
                has_password = literal is None and not is_folder and _has_password(path, entry)
                if has_password:
                    literal = entry.name
                inner = named if literal is None else self.chooser.naming(literal, named)
                if is_folder:
                    if self.chooser.may_enter(path, inner):
                        waiting.append((path, below, inner))
                        continue
                else:
                    group = self.chooser.group(path, inner)
                    if group is not None:
                        yield self._app_file(path, entry), group
                        continue
                if literal is not None:
                    self.left_out.append((path, "withheld"))
                    if has_password or is_secret(entry.name):
                        self.secrets.append(path)
                    if has_password:
                        self.passwords.append(path)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as entries:
                return list(entries)
        except OSError as fault:
            raise ProjectError(
                f"{self.root / folder} cannot be read: {fault.strerror}",
                hint=f"make it readable, or leave it out with a line in {IGNORE_FILE}",
            ) from fault

    def _app_file(self, path: str, entry: os.DirEntry[str]) -> AppFile:
        try:
            path.encode()
        except UnicodeEncodeError as fault:
            raise ProjectError(f"{path!r}: the name is not UTF-8", hint="rename the file") from fault
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            return AppFile(path, found.st_size, bool(found.st_mode & stat.S_IXUSR))
        if stat.S_ISLNK(found.st_mode):
            return AppFile(path, 0, False, _link_target(self.root, path))
        raise ProjectError(
            f"{path}: neither a file, a folder nor a link, so it cannot go into an image",
            hint=f"remove it, or add a line `{path}` to {IGNORE_FILE}",
        )


def _is_made(entry: os.DirEntry[str], is_folder: bool) -> bool:
    """Whether this is a virtual environment, or an image."""
    if is_folder:
        return os.path.exists(f"{entry.path}/{VENV_MARK}") or is_layout(entry.path)  # noqa: PTH110  a Path costs more
    return entry.name.endswith(ARCHIVE_ENDING) and entry.is_file(follow_symlinks=False) and is_archive(entry.path)


def _has_password(path: str, entry: os.DirEntry[str]) -> bool:
    return may_hold_password(path, entry.name) and entry.is_file() and holds_password(Path(entry.path))


def _link_target(root: Path, path: str) -> str:
    """The text of a link. Raise `ProjectError` where it leads out of the folder."""
    target = os.readlink(root / path)  # noqa: PTH115  the text as it is written
    real_root = os.path.realpath(root)
    real = os.path.realpath(root / path)
    lexical = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120  not resolved
    inside = real == real_root or real.startswith(real_root.rstrip("/") + "/")
    if target.startswith("/") or lexical == ".." or lexical.startswith("../") or not inside:
        raise ProjectError(
            f"{path}: the link leads out of the project's folder, to {target}",
            hint=f"put the file into the folder, or add a line `{path}` to {IGNORE_FILE}",
        )
    return target


def _no_file(pattern: str, groups: list[list[AppFile]], walk: _Walk) -> SettingsError:
    """Why a pattern of `files` brings nothing, as far as that is known."""
    everything = pattern in _EVERYTHING
    covers = Reach(Pattern.parse(pattern)).covers
    taken = sum(1 for group in groups for file in group if everything or covers(file.path))
    if taken:
        return SettingsError(
            f"files: {pattern!r} brings no file: other patterns take all {taken} that it matches",
            hint="a file belongs to the last pattern that matches it; put the more special pattern after",
        )
    reasons = sorted({reason for path, reason in walk.left_out if everything or covers(path)})
    if reasons:
        return SettingsError(
            f"files: {pattern!r} brings no file: what it matches is left out ({', '.join(reasons)})",
            hint=f"withheld files go in when a pattern names them, others when {IGNORE_FILE} lets them",
        )
    return SettingsError(f"files: {pattern!r} matches no file", hint="correct or remove the pattern")
