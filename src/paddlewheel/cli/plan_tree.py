"""A plan as a tree of its stages: each below its parent, its steps inside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import singledispatch
from typing import TYPE_CHECKING

from paddlewheel.cli import units
from paddlewheel.cli.terminal import Terminal, told
from paddlewheel.plan.model import (
    BuildApp,
    ComposeBase,
    CopyApp,
    CreateVenv,
    InstallApp,
    InstallWheels,
    MakeDirectories,
    SetConfig,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from paddlewheel.plan.model import Plan, Stage, Step

_BOX = ("├── ", "└── ", "│   ", "    ", "• ")
_ASCII = ("|-- ", "`-- ", "|   ", "    ", "* ")


def tree(plan: Plan, terminal: Terminal, *, full: bool = False) -> Iterator[str]:
    """The lines of `plan`. `full`: with each wheel and Debian package."""
    paint = terminal.paint_data
    python = plan.python
    yield f"{paint(told(plan.name), 'bold')} {told(plan.version)}  {plan.platform}"
    yield f"  python  {python.full_version}, {python.executable}, {python.libc[0]} {python.libc[1]}.{python.libc[2]}"
    yield f"  starts  {told(shlex.join([*plan.start.entrypoint, *plan.start.cmd]) or 'nothing')}"
    if plan.start.reason:
        yield f"          {told(plan.start.reason)}"
    for number, note in enumerate(plan.notes):
        yield f"  {'' if number else 'notes':<6}  {told(note)}"
    yield ""
    yield from _children(plan, None, "", paint, _BOX if terminal.out_unicode else _ASCII, full)


def _children(
    plan: Plan, parent: str | None, indent: str, paint: Callable[[str, str], str], marks: tuple[str, ...], full: bool
) -> Iterator[str]:
    names = {stage.name for stage in plan.stages}
    children = [
        stage
        for stage in plan.stages
        if stage.parent == parent or (parent is None and stage.parent is not None and stage.parent not in names)
    ]
    for stage in children:
        last = stage is children[-1]
        branch, deeper = (marks[1], marks[3]) if last else (marks[0], marks[2])
        if parent is None:
            branch = deeper = ""
        yield f"{indent}{branch}{_heading(stage, paint)}"
        grown = any(other.parent == stage.name for other in plan.stages)
        inside = indent + deeper + (marks[2] if grown else marks[3])
        for line in _body(stage, marks[4], full):
            yield (inside + line).rstrip()
        yield from _children(plan, stage.name, indent + deeper, paint, marks, full)


def _heading(stage: Stage, paint: Callable[[str, str], str]) -> str:
    origin = f" (from {stage.parent})" if stage.parent else " (from nothing)"
    return f"{paint(stage.name, 'cyan')}{paint(origin, 'dim')}"


def _body(stage: Stage, bullet: str, full: bool) -> Iterator[str]:
    if stage.note:
        yield told(stage.note)
    for step in stage.steps:
        yield f"{bullet}{step.step}: {told(describe(step))}"
        if full:
            yield from (f"    {told(line)}" for line in parts(step))


@singledispatch
def describe(step: Step) -> str:
    """One line on what `step` does."""
    raise TypeError(step)


@describe.register
def _(step: ComposeBase) -> str:
    base = step.base
    size = units.size(sum(package.size for package in base.packages))
    text = f"Debian {base.suite} {base.architecture}, {units.count(len(base.packages), 'package')}, {size} of .debs"
    asked = f", with {', '.join(base.requested)}" if base.requested else ""
    zone = f", timezone {step.timezone}" if step.timezone else ""
    return f"{text}, snapshot {base.snapshot}{asked}{zone}"


@describe.register
def _(step: CreateVenv) -> str:
    return f"{step.prefix} for {step.python.executable}"


@describe.register
def _(step: InstallWheels) -> str:
    sizes = [wheel.size for wheel in step.wheels]
    known = "" if not sizes or None in sizes else f" ({units.size(sum(size or 0 for size in sizes))})"
    wheels = units.count(len(step.wheels), "wheel")
    return (
        f"{wheels}{known} into {step.prefix}, {units.count(step.layers, 'layer')} at most, {_bytecode(step.bytecode)}"
    )


@describe.register
def _(step: BuildApp) -> str:
    return f"{step.name} {step.version} as a wheel, {units.count(len(step.constraints), 'pinned build requirement')}"


@describe.register
def _(step: InstallApp) -> str:
    return f"the app's wheel into {step.prefix}, {_bytecode(step.bytecode)}"


@describe.register
def _(step: CopyApp) -> str:
    files = "the app's files" if step.files is None else ", ".join(step.files)
    return f"{files} to {step.target}, {_bytecode(step.bytecode)}"


@describe.register
def _(step: MakeDirectories) -> str:
    return f"{', '.join(step.paths)} for {step.uid}:{step.gid}"


@describe.register
def _(step: SetConfig) -> str:
    run = step.run
    shown = (
        ("user", run.user),
        ("in", run.working_dir),
        ("ports", ", ".join(run.exposed_ports)),
        ("volumes", ", ".join(run.volumes)),
        ("created", step.created),
    )
    return ", ".join(f"{label} {value}" for label, value in shown if value)


def _bytecode(wanted: bool) -> str:
    return "bytecode" if wanted else "no bytecode"


@singledispatch
def parts(step: object) -> Iterator[str]:
    """The things that a step names one by one."""
    return iter(())


@parts.register
def _(step: ComposeBase) -> Iterator[str]:
    return (f"{package.name} {package.version}" for package in step.base.packages)


@parts.register
def _(step: InstallWheels) -> Iterator[str]:
    return (f"{wheel.name} {wheel.version}  {wheel.filename}" for wheel in step.wheels)


@parts.register
def _(step: BuildApp) -> Iterator[str]:
    return (" ".join(line.split()) for line in step.constraints)


@parts.register
def _(step: SetConfig) -> Iterator[str]:
    return (f"{key}={value}" for key, value in step.run.env)
