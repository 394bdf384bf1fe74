"""What a build costs, from nothing changed to everything cold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.locks import Files, current, lock_names, version, without_newest
from benchmarks.measure import Cost
from benchmarks.project import OUTPUTS, Build, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example, what is changed in it, and which packages are bumped."""

    name: str
    source: str
    bumps: tuple[str, ...]


EXAMPLES: Final = (
    Example(name="flask-service", source="app.py", bumps=("werkzeug",)),
    Example(name="data-job", source="train.py", bumps=("pandas", "packaging")),
)

COLD: Final = "everything cold"
NOTHING: Final = "nothing changed"
SOURCE: Final = "one source file changed"
LAYERS: Final = "wheels and bytecode cached, layers not"
BYTECODE: Final = "wheels cached, bytecode and layers not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case, measured several times. `new`: bytes of blobs that the image before has not."""

    example: str
    case: str
    output: str
    costs: tuple[Cost, ...]
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bump:
    """What a bump of one package brought. Sizes in bytes; `bytecode` compressed, as it lies in the cache."""

    example: str
    package: str
    versions: tuple[str, str]
    wheel: int
    bytecode: int
    new: int


@dataclass
class Bench:
    """The measurement of one example. `say` is told of each case that is done; `short`: two runs of each."""

    example: Example
    project: Project
    say: Callable[[str], None]
    short: bool
    rows: list[Row] = field(default_factory=list)
    bumps: list[Bump] = field(default_factory=list)

    def measure(self) -> None:
        project = self.project
        if not (project.root / lock_names(project)[-1]).exists():
            project.build()
        newest = current(project)
        self._bumped(newest)
        project.put(newest)
        self._case(COLD, 3, self._cold, None)
        last = project.build()
        project.build("oci")
        self._case(NOTHING, 15, lambda: None, last)
        self._case(SOURCE, 9, lambda: project.edit(self.example.source), last)
        last = project.build()
        project.keep()
        self._case(LAYERS, 5, lambda: self._without_layers(last, bytecode=False), last)
        self._case(BYTECODE, 3, lambda: self._without_layers(last, bytecode=True), last)
        project.restore()

    def _case(self, case: str, runs: int, prepare: Callable[[], None], before: Build | None) -> None:
        for output in OUTPUTS:
            builds = []
            for _ in range(min(runs, 2) if self.short else runs):
                prepare()
                builds.append(self.project.build(output))
            self._add(case, output, builds, before)

    def _add(self, case: str, output: str, builds: list[Build], before: Build | None) -> None:
        costs = tuple(build.cost for build in builds)
        new = builds[-1].new_since(before)
        self.rows.append(Row(example=self.example.name, case=case, output=output, costs=costs, new=new))
        self.say(f"{self.example.name}: {case}, {output}")

    def _cold(self) -> None:
        self.project.remove_cache()
        self.project.remove_outputs()

    def _without_layers(self, last: Build, *, bytecode: bool) -> None:
        self.project.restore()
        self.project.remove_outputs()
        self.project.forget_layers(last.image, bytecode=bytecode)

    def _bumped(self, newest: Files) -> None:
        """Build with older versions, keep that cache, and from there take one newer version at a time."""
        project, work = self.project, self.project.root.with_name("locks")
        older = without_newest(project, self.example.bumps, work)
        newer = {
            package: without_newest(project, [name for name in self.example.bumps if name != package], work)
            if len(self.example.bumps) > 1
            else newest
            for package in self.example.bumps
        }
        project.put(older)
        project.remove_cache()
        before = project.build()
        project.keep()
        wheels, packs = project.files_in_cache("artifacts"), project.files_in_cache("bytecode")
        for package, files in newer.items():
            for output in OUTPUTS:
                builds = []
                for _ in range(2 if self.short else 3):
                    project.restore()
                    project.put(older)
                    project.build(output)
                    project.put(files)
                    builds.append(project.build(output))
                self._add(f"{package} bumped", output, builds, before)
            lock = lock_names(project)[-1]
            after = version(project.root / lock, package)
            project.put(older)
            self.bumps.append(
                Bump(
                    example=self.example.name,
                    package=package,
                    versions=(version(project.root / lock, package), after),
                    wheel=_added(wheels, project.files_in_cache("artifacts")),
                    bytecode=_added(packs, project.files_in_cache("bytecode")),
                    new=builds[-1].new_since(before),
                )
            )


def measure(example: Example, work: Path, say: Callable[[str], None], *, short: bool) -> Bench:
    """Measure all cases of an example; leave its project built, its cache warm."""
    bench = Bench(example, Project(example.name, work), say, short)
    bench.measure()
    return bench


def _added(before: dict[str, int], after: dict[str, int]) -> int:
    return sum(size for name, size in after.items() if name not in before)
