"""Control paragraphs (deb822) and relations between packages, parsed.

Sources: Debian Policy chapters 5.1 (syntax) and 7.1 (relationship fields); deb822(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from paddlewheel.debian.version import satisfies
from paddlewheel.errors import DebianError

_RELATION: Final = re.compile(
    r"""\s*(?P<name>[a-zA-Z0-9][a-zA-Z0-9+.\-]*)
        (?: :(?P<qualifier>[a-z0-9\-]+) )?
        (?: \s*\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s)]+)\s*\) )?
        \s*(?:\[[^\]]*\])?\s*(?:<[^>]*>\s*)*$""",
    re.VERBOSE,
)
# Policy 7.1: the old single signs mean "or equal".
_OLD: Final = {"<": "<=", ">": ">="}


@dataclass(frozen=True, slots=True)
class Relation:
    """One alternative of a dependency: a name, and what its version must be."""

    name: str
    operator: str | None = None
    version: str | None = None
    qualifier: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name

    def accepts(self, version: str) -> bool:
        """Whether a package of this name and `version` satisfies the relation."""
        if self.operator is None or self.version is None:
            return True
        return satisfies(version, self.operator, self.version)

    def accepts_provided(self, version: str | None) -> bool:
        """Whether a package that provides the name does. Policy 7.5: an unversioned Provides meets no constraint."""
        if self.operator is None:
            return True
        return version is not None and self.accepts(version)


Clause = tuple[Relation, ...]
"""Alternatives, the preferred one first."""


@lru_cache(maxsize=1 << 14)
def parse_relations(text: str) -> tuple[Clause, ...]:
    """The clauses of a Depends, Provides or Conflicts field. Raise `DebianError` for what is no relation."""
    return tuple(
        tuple(_relation(alternative) for alternative in clause.split("|"))
        for clause in text.split(",")
        if clause.strip()
    )


def _relation(text: str) -> Relation:
    match = _RELATION.match(text)
    if match is None:
        raise DebianError(f"{text.strip()!r} is no relation between Debian packages")
    operator = match["operator"]
    return Relation(match["name"], _OLD.get(operator, operator), match["version"], match["qualifier"])


def parse_paragraph(text: str) -> dict[str, str]:
    """The fields of one paragraph. Lines of a folded field stay separated by newlines, without their indent."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in " \t":
            if not name:
                raise DebianError(f"a control paragraph starts with a continuation line: {line!r}")
            fields[name] += "\n" + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise DebianError(f"{line!r} is no field of a control paragraph")
        fields[name] = value.strip()
    return fields


def parse_paragraphs(text: str) -> list[dict[str, str]]:
    """All paragraphs of a deb822 text."""
    found = (parse_paragraph(part) for part in re.split(r"\n[ \t]*\n", text))
    return [fields for fields in found if fields]
