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
    _failure: _Failure | None = None

    def add(self, names: Iterable[str]) -> None:
        """Choose packages by name, with all that they need. Raise `ResolutionError`, naming the chain."""
        for name in names:
            self._failure = None
            if not self._satisfy((Relation(name),), (), named=True):
                raise self._error(name)
        self._check_conflicts()

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
                if package.satisfies(relation) and package.name not in self.chosen:
                    yield package

    def _install(self, package: Package, chain: tuple[str, ...]) -> bool:
        mark = len(self._trail)
        self.chosen[package.name] = package
        self._trail.append(package.name)
        for relation in package.provides:
            self._providing.setdefault(relation.name, set()).add(package.name)
        label = (*chain[:-1], package.name if package.name in chain[-1] else f"{chain[-1]} = {package.name}")
        if all(self._satisfy(clause, label) for clause in package.depends):
            return True
        for name in reversed(self._trail[mark:]):
            for relation in self.chosen.pop(name).provides:
                self._providing[relation.name].discard(name)
        del self._trail[mark:]
        return False

    def _check_conflicts(self) -> None:
        for package in sorted(self.chosen.values(), key=lambda one: one.name):
            for relation in package.conflicts:
                for name in sorted({relation.name} | self._providing.get(relation.name, set())):
                    other = self.chosen.get(name)
                    if other is not None and other.name != package.name and other.satisfies(relation):
                        raise ResolutionError(
                            f"the Debian packages {package.name} and {other.name} cannot be installed together",
                            hint=f"{package.name} {package.version} conflicts with {relation}; leave one of them out",
                        )

    def _error(self, name: str) -> ResolutionError:
        failure = self._failure
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
