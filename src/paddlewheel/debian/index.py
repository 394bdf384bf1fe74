"""Packages indexes, read lazily: 60,000 paragraphs are cut apart at once, and only those asked for are parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from paddlewheel.debian.control import Clause, Relation, parse_paragraph, parse_relations
from paddlewheel.debian.model import PinnedPackage
from paddlewheel.debian.version import version_key
from paddlewheel.errors import DebianError

_SAFE_PATH: Final = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9][A-Za-z0-9+._~:/%-]*")
_SAFE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.\-]*")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Package:
    """One paragraph of a Packages index, of which the resolver needs these fields."""

    name: str
    version: str
    architecture: str
    archive: str
    path: str
    size: int
    sha256: str
    depends: tuple[Clause, ...] = ()
    """Pre-Depends, then Depends."""
    provides: tuple[Relation, ...] = ()
    conflicts: tuple[Relation, ...] = ()
    """Conflicts and Breaks."""
    priority: str = "optional"
    snapshot: str = ""
    """When it was in the archive, for one that is no longer in the index."""

    def provided_version(self, name: str) -> tuple[bool, str | None]:
        """Whether the package provides `name` beside its own, and as which version."""
        for relation in self.provides:
            if relation.name == name:
                return True, relation.version
        return False, None

    def satisfies(self, relation: Relation) -> bool:
        """By its own name or by what it provides."""
        if relation.name == self.name:
            return relation.accepts(self.version)
        given, version = self.provided_version(relation.name)
        return given and relation.accepts_provided(version)

    def pinned(self, *, extra: bool = False) -> PinnedPackage:
        return PinnedPackage(
            name=self.name,
            version=self.version,
            architecture=self.architecture,
            archive=self.archive,
            path=self.path,
            size=self.size,
            sha256=self.sha256,
            extra=extra,
            snapshot=self.snapshot,
        )


@dataclass(slots=True)
class _Raw:
    archive: str
    where: str
    text: bytes


@dataclass
class PackageIndex:
    """Packages by name, over several indexes given as (archive, text, where it came from).

    `preferred`: packages of an older lock, which come before newer versions. What they depend on is taken from the
    version that the index has.
    """

    sources: Iterable[tuple[str, bytes, str]]
    preferred: Mapping[str, PinnedPackage] = field(default_factory=dict)
    _parsed: dict[str, tuple[Package, ...]] = field(default_factory=dict, init=False)

    @cached_property
    def _raw(self) -> dict[str, list[_Raw]]:
        found: dict[str, list[_Raw]] = {}
        for archive, text, where in self.sources:
            for paragraph in text.split(b"\n\n"):
                if not paragraph.strip():
                    continue
                start = 9 if paragraph.startswith(b"Package: ") else _name_place(paragraph, where)
                end = paragraph.find(b"\n", start)
                name = paragraph[start : end if end >= 0 else None].strip().decode("utf-8", "replace")
                found.setdefault(name, []).append(_Raw(archive, where, paragraph))
        return found

    @cached_property
    def _virtual(self) -> dict[str, list[str]]:
        """Provided name -> names of packages that provide it, sorted."""
        found: dict[str, set[str]] = {}
        for name, raws in self._raw.items():
            for raw in raws:
                start = raw.text.find(b"\nProvides:")
                if start < 0:
                    continue
                end = raw.text.find(b"\n", start + 1)
                line = raw.text[start + 10 : end if end >= 0 else None].decode("utf-8", "replace")
                for item in line.split(","):
                    found.setdefault(item.strip().partition(" ")[0], set()).add(name)
        return {virtual: sorted(names) for virtual, names in found.items()}

    def preferring(self, preferred: Mapping[str, PinnedPackage]) -> PackageIndex:
        """The same index, with versions of an older lock before newer ones. Shares what was read."""
        other = PackageIndex((), preferred)
        other.__dict__["_raw"] = self._raw
        other.__dict__["_virtual"] = self._virtual
        return other

    @property
    def names(self) -> Iterable[str]:
        return self._raw.keys()

    def candidates(self, name: str) -> tuple[Package, ...]:
        """All packages of that very name, the preferred first, then by version, highest first."""
        if name not in self._parsed:
            packages = [_package(raw) for raw in self._raw.get(name, ())]
            ordered = sorted(packages, key=lambda package: version_key(package.version), reverse=True)
            self._parsed[name] = tuple(self._kept(name, ordered))
        return self._parsed[name]

    def _kept(self, name: str, ordered: list[Package]) -> list[Package]:
        pin = self.preferred.get(name)
        if pin is None or not ordered:
            return ordered
        same = [package for package in ordered if package.sha256 == pin.sha256]
        if same:
            return [*same, *(package for package in ordered if package not in same)]
        kept = replace(
            ordered[0],
            version=pin.version,
            architecture=pin.architecture,
            archive=pin.archive,
            path=pin.path,
            size=pin.size,
            sha256=pin.sha256,
            snapshot=pin.snapshot,
        )
        return [kept, *ordered]

    def providers(self, name: str) -> tuple[Package, ...]:
        """Packages that provide `name`, each in its highest version; more important ones first, then by name."""
        heads = [self.candidates(real)[0] for real in self._virtual.get(name, ())]
        found = [package for package in heads if package.provided_version(name)[0]]
        return tuple(sorted(found, key=lambda package: (_PRIORITIES.get(package.priority, 9), package.name)))


_PRIORITIES: Final = {"required": 0, "important": 1, "standard": 2, "optional": 3, "extra": 4}


def _name_place(paragraph: bytes, where: str) -> int:
    start = (b"\n" + paragraph).find(b"\nPackage:")
    if start < 0:
        raise DebianError(f"{where}: a paragraph of the Packages index has no field Package")
    return start + 8


def _package(raw: _Raw) -> Package:
    fields = parse_paragraph(raw.text.decode("utf-8", "replace"))
    name = fields.get("Package", "")
    for key in ("Package", "Version", "Architecture", "Filename", "Size", "SHA256"):
        if not fields.get(key):
            raise DebianError(f"{raw.where}: package {name or '?'} has no field {key} in the Packages index")
    # A path or name from an index becomes part of a URL or a file name.
    if not _SAFE_PATH.fullmatch(fields["Filename"]) or not _SAFE_NAME.fullmatch(name):
        raise DebianError(f"{raw.where}: package {name!r} has the path {fields['Filename']!r}")
    if not fields["Size"].isdigit() or not _HEX.fullmatch(fields["SHA256"].lower()):
        raise DebianError(f"{raw.where}: package {name}: Size or SHA256 is malformed")

    def relations(key: str) -> tuple[Clause, ...]:
        return parse_relations(fields.get(key, ""))

    return Package(
        name=name,
        version=fields["Version"],
        architecture=fields["Architecture"],
        archive=raw.archive,
        path=fields["Filename"],
        size=int(fields["Size"]),
        sha256=fields["SHA256"].lower(),
        depends=(*relations("Pre-Depends"), *relations("Depends")),
        provides=tuple(relation for clause in relations("Provides") for relation in clause),
        conflicts=tuple(
            relation for key in ("Conflicts", "Breaks") for clause in relations(key) for relation in clause
        ),
        priority=fields.get("Priority", "optional"),
    )
