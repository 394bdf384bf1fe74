"""The closure of packages over Pre-Depends and Depends: the smallest step that satisfies each clause, in order.

A clause is satisfied by what is already chosen; else by its first alternative that can be installed, a real package
before those that provide the name. The highest version is tried first. A choice that leads nowhere is undone. The
result depends on nothing but the index and the roots.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from paddlewheel.debian.control import Clause, Relation
from paddlewheel.debian.index import Package, PackageIndex
from paddlewheel.debian.omitted import OMITTED, OMITTED_FOR
from paddlewheel.errors import ResolutionError


@dataclass
class Closure:
    """Packages chosen so far, by name. `add` extends it; the resolver never replaces what is chosen."""

    index: PackageIndex
    chosen: dict[str, Package] = field(default_factory=dict)
    omitted: Mapping[str, str] = field(default_factory=lambda: OMITTED)
    omitted_for: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: OMITTED_FOR)
    _trail: list[str] = field(default_factory=list)
    _providing: dict[str, set[str]] = field(default_factory=dict)
    _refused_by: dict[str, set[str]] = field(default_factory=dict)
    _failure: _Failure | None = None
    _clash: tuple[Package, Package, Relation] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Choose packages by name, with all that they need. Raise `ResolutionError`, naming the chain."""
        for name in names:
            self._failure = self._clash = None
            if not self._satisfy((Relation(name),), (), named=True):
                raise self._error(name)

    def _satisfy(self, clause: Clause, chain: tuple[str, ...], *, named: bool = False) -> bool:
        if any(self._is_satisfied(relation) for relation in clause):
            return True
        if not named and any(self._is_omitted(relation.name, chain[-1]) for relation in clause):
            return True
        for relation in clause:
            for package in self._candidates(relation):
                if self._install(package, (*chain, str(relation))):
                    return True
        if self._failure is None:
            self._failure = _Failure(clause, chain)
        return False

    def _is_omitted(self, name: str, dependent: str) -> bool:
        return name in self.omitted or name in self.omitted_for.get(dependent.partition(" ")[0], ())

    def _is_satisfied(self, relation: Relation) -> bool:
        real = self.chosen.get(relation.name)
        if real is not None and real.satisfies(relation):
            return True
        return any(self.chosen[name].satisfies(relation) for name in self._providing.get(relation.name, ()))

    def _candidates(self, relation: Relation) -> Iterator[Package]:
        # Who provides a name is found out only where no package of that name serves.
        for packages in (self.index.candidates, self.index.providers):
            for package in packages(relation.name):
                # A package that is chosen in one version cannot be added in another.
                if not package.satisfies(relation) or package.name in self.chosen:
                    continue
                clash = self._conflict(package)
                if clash is None:
                    yield package
                else:
                    self._clash = self._clash or clash

    def _install(self, package: Package, chain: tuple[str, ...]) -> bool:
        mark = len(self._trail)
        self.chosen[package.name] = package
        self._trail.append(package.name)
        for relation in package.provides:
            self._providing.setdefault(relation.name, set()).add(package.name)
        for relation in package.conflicts:
            self._refused_by.setdefault(relation.name, set()).add(package.name)
        label = (*chain[:-1], package.name if package.name in chain[-1] else f"{chain[-1]} = {package.name}")
        if all(self._satisfy(clause, label) for clause in package.depends):
            return True
        for name in reversed(self._trail[mark:]):
            undone = self.chosen.pop(name)
            for relation in undone.provides:
                self._providing[relation.name].discard(name)
            for relation in undone.conflicts:
                self._refused_by[relation.name].discard(name)
        del self._trail[mark:]
        return False

    def _conflict(self, package: Package) -> tuple[Package, Package, Relation] | None:
        """A chosen package that `package` cannot stand beside: who refuses, whom, by which relation."""
        for relation in package.conflicts:
            for name in sorted({relation.name, *self._providing.get(relation.name, ())}):
                other = self.chosen.get(name)
                if other is not None and other.satisfies(relation):
                    return package, other, relation
        names = {package.name, *(relation.name for relation in package.provides)}
        for refuser in sorted({name for given in names for name in self._refused_by.get(given, ())}):
            for relation in self.chosen[refuser].conflicts:
                if package.satisfies(relation):
                    return self.chosen[refuser], package, relation
        return None

    def _error(self, name: str) -> ResolutionError:
        failure = self._failure
        if self._clash is not None:
            refuser, other, relation = self._clash
            chain = "" if failure is None or not failure.chain else f" ({' -> '.join((*failure.chain, other.name))})"
            return ResolutionError(
                f"the Debian packages {refuser.name} and {other.name} cannot be installed together{chain}",
                hint=f"{refuser.name} {refuser.version} conflicts with {relation}; leave one of them out",
            )
        if failure is None or not failure.chain:
            return ResolutionError(f"no Debian package is called {name!r}", hint=self._nearest(name))
        wanted = " | ".join(str(relation) for relation in failure.clause)
        found = [str(p.version) for relation in failure.clause for p in self.index.candidates(relation.name)]
        there = f"the archive has {', '.join(found)}" if found else "the archive has no such package"
        return ResolutionError(
            f"Debian package {name} cannot be installed: {' -> '.join((*failure.chain, wanted))}: {there}",
            hint="the mirror may be half updated (try again, or another with --mirror), or two packages want "
            "different versions",
        )

    def _nearest(self, name: str) -> str:
        near = difflib.get_close_matches(
            name, [known for known in self.index.names if known[:1] == name[:1]], n=3, cutoff=0.75
        )
        if near:
            return f"did you mean {' or '.join(near)}?"
        return "only the section main of the suite is read; a newer or older suite may have it; see the setting base"


@dataclass(frozen=True, slots=True)
class _Failure:
    clause: Clause
    chain: tuple[str, ...]
