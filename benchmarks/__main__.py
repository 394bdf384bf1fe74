"""`python -m benchmarks [--only PART ...] [--short]`: measure, and put the tables into README.md."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from benchmarks import builds, machine, report, sizes, splice, start
from benchmarks.project import Build, Project

WORK: Final = Path(__file__).with_name(".work")
PARTS: Final = ("sizes", "splice", "start", "builds")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part to measure; may be repeated")
    parser.add_argument("--short", action="store_true", help="two runs of each, to see that it works; writes nothing")
    given = parser.parse_args()
    bench = Bench(short=given.short)
    bench.put("machine", report.machine(machine.describe()))
    for part in PARTS:
        if part in (given.only or PARTS):
            getattr(bench, f"measure_{part}")()
    return 0


@dataclass
class Bench:
    """All parts. What one part leaves behind, a built example with a warm cache, the next ones use."""

    short: bool
    began: float = field(default_factory=time.monotonic)
    _projects: dict[str, Project] = field(default_factory=dict)

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {text}", file=sys.stderr, flush=True)

    def put(self, name: str, text: str) -> None:
        if self.short:
            print(f"\n{name}\n\n{text}\n", flush=True)
        else:
            report.put(name, text)

    def built(self, name: str) -> tuple[Project, Build]:
        if name not in self._projects:
            self._projects[name] = Project(name, WORK / name)
        return self._projects[name], self._projects[name].build()

    @cached_property
    def _data(self) -> tuple[Project, Build]:
        return self.built("data-job")

    def measure_sizes(self) -> None:
        self.put("sizes", report.sizes(sizes.measure(WORK / "bases" / "cache", WORK / "bases", self.say)))

    def measure_splice(self) -> None:
        project, _ = self._data
        material, results = splice.measure(project.wheels("pylock.toml"), WORK, self.say, short=self.short)
        self.put("splice", report.splices(material, results))

    def measure_start(self) -> None:
        project, build = self._data
        found = start.measure("data-job", build.image, project.cache, WORK / "load", self.say, short=self.short)
        self.put("start", report.starts(found))
        if reason := start.why_no_docker():
            self.say(f"not under Docker: {reason}")

    def measure_builds(self) -> None:
        bumps = []
        for example in builds.EXAMPLES:
            done = builds.measure(example, WORK / example.name, self.say, short=self.short)
            bumps += done.bumps
            self.put(example.name, report.builds(done.rows))
        self.put("bumps", report.bumps(bumps))


if __name__ == "__main__":
    sys.exit(main())
