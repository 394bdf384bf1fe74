"""The verb `lock`: the Python lock first, then the base that its wheels can live on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Final

from paddlewheel.debian.libraries import unknown_libraries
from paddlewheel.debian.mirror import Mirrors, choose_mirror, read_apt_sources
from paddlewheel.debian.pin import Resolver
from paddlewheel.debian.suites import SuiteChoice, check_python, choose_suite
from paddlewheel.engines.embedded.damage import fetch_damaged
from paddlewheel.engines.embedded.needs import check_machines, known_needs, missing_libraries, wheel_needs
from paddlewheel.engines.embedded.wheels import artifact_of
from paddlewheel.errors import ImageError, LockOutdatedError, UsageError, WheelError
from paddlewheel.image.model import Platform
from paddlewheel.lock.base import BaseLock, misfit, read_base_lock, write_base_lock
from paddlewheel.lock.build_requires import build_requires
from paddlewheel.lock.model import BASE_LOCK, Lock, PythonLock
from paddlewheel.lock.python import python_lock
from paddlewheel.net import fetch
from paddlewheel.plan.python import python_target
from paddlewheel.plan.wheels import select_wheels

if TYPE_CHECKING:
    from paddlewheel.debian.model import PinnedBase
    from paddlewheel.engines.embedded.needs import Needs
    from paddlewheel.plan.model import WheelRef
    from paddlewheel.project.model import Project
    from paddlewheel.verbs.values import Context

_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}
_DEBIAN_NAMES: Final = {"ppc64le": "ppc64el"}
_COMPOSED: Final = ("amd64", "arm64")
"""What bases are composed for, and tested on or against."""


def make_lock(project: Project, context: Context, *, locked: bool = False, upgrade: bool = False) -> Lock:
    """Find or make the locks of `project`; write those that paddlewheel keeps. See `verbs.lock`."""
    context.use_credentials_of(project)
    target = target_platform(context)
    choice = choose_suite(project.requires_python, project.python_pin, project.settings.python, project.settings.base)
    python = python_lock(
        project,
        target_python=choice.python,
        platform=target,
        cache=context.cache,
        client=context.client,
        reporter=context.reporter,
        locked=locked,
        upgrade=upgrade,
    )
    path = project.root / BASE_LOCK
    before = read_base_lock(path)
    base = _Bases(project, context, choice, target, locked=locked).base(
        python, None if upgrade or before is None else before.bases.get(_debian_name(target))
    )
    check_python(base, project.requires_python)
    build = build_requires(
        project,
        before.build if before else (),
        cache=context.cache,
        client=context.client,
        reporter=context.reporter,
        locked=locked,
        upgrade=upgrade,
    )
    after = BaseLock(bases=(before or BaseLock()).with_base(base).bases, build=build)
    if after != before and not locked and write_base_lock(path, after):
        context.reporter.note(f"{BASE_LOCK} {'written' if before is None else 'changed'}; commit it")
    return Lock(python=python, base=base, build=build, notes=(choice.reason,))


def target_platform(context: Context) -> Platform:
    """What the image is built for: `--platform`, else Linux on this machine."""
    text = context.overrides.platform
    if text is None:
        return Platform("linux", _MACHINES.get(platform.machine(), platform.machine()))
    try:
        target = Platform.parse(text)
    except ImageError as error:
        raise UsageError(f"--platform: {error.message}", hint=_platform_hint(text)) from error
    if target.os != "linux" or target.architecture not in _COMPOSED or target.variant not in ("", "v8"):
        raise UsageError(
            f"no base can be composed for the platform {text}",
            hint="choose linux/amd64 or linux/arm64, one at a time",
        )
    return Platform("linux", target.architecture)


def _platform_hint(text: str) -> str:
    known = {**_MACHINES, **{name: name for name in _COMPOSED}}
    machine_name = known.get(text.strip("/"), "")
    if machine_name in _COMPOSED:
        return f"did you mean linux/{machine_name}?"
    return "write it as linux/amd64 or linux/arm64"


def mirrors_for(project: Project, context: Context) -> Mirrors:
    """The Debian mirrors: command line, settings, environment, the host's apt, the public one."""
    return choose_mirror(
        argument=context.overrides.mirror,
        setting=project.settings.mirror,
        environ=os.environ,
        apt=read_apt_sources(),
    )


def _debian_name(target: Platform) -> str:
    return _DEBIAN_NAMES.get(target.architecture, target.architecture)


class _Bases:
    """Finds a base that the wheels can live on: the locked one, or one resolved anew."""

    def __init__(
        self, project: Project, context: Context, choice: SuiteChoice, target: Platform, *, locked: bool
    ) -> None:
        self._project, self._context, self._choice, self._target = project, context, choice, target
        self._locked = locked

    def base(self, python: PythonLock, before: PinnedBase | None) -> PinnedBase:
        settings = self._project.settings
        why = misfit(before, suite=self._choice.suite, packages=settings.packages, libraries=())
        base = before if before is not None and why is None else self._resolve((), why, before)
        wheels = select_wheels(python, python_target(base))
        libraries = self._libraries(wheels)
        why = misfit(base, suite=base.suite, packages=base.requested, libraries=libraries)
        return base if why is None else self._resolve(libraries, why, base)

    def _resolve(self, libraries: Sequence[str], why: str | None, keep: PinnedBase | None) -> PinnedBase:
        """Resolve the base; versions of `keep` stay where the archive still has them."""
        if self._locked:
            there = (self._project.root / BASE_LOCK).exists()
            state, change = (f"does not fit: {why}", "change") if there else ("is missing", "make")
            raise LockOutdatedError(
                f"{BASE_LOCK} {state}, and --locked forbids to {change} it",
                hint=f"run `paddlewheel lock` and commit {BASE_LOCK}",
            )
        return self._resolver.resolve(self._project.settings.packages, libraries, keep=keep)

    @cached_property
    def _resolver(self) -> Resolver:
        """Reads the archive's indexes once, for a base without and with what the wheels need."""
        return Resolver(
            suite=self._choice.suite,
            architecture=_debian_name(self._target),
            client=self._context.client,
            cache=self._context.cache,
            mirrors=mirrors_for(self._project, self._context),
            reporter=self._context.reporter,
            allow_expired=self._project.settings.allow_expired,
        )

    def _libraries(self, wheels: Sequence[WheelRef]) -> list[str]:
        """Sonames that the wheels need of the system. Those that no table knows are said, not guessed."""
        needs = self._needs(wheels)
        for label, need in needs:
            check_machines(label, need, self._target.architecture)
        missing = missing_libraries(needs)
        for soname in unknown_libraries(missing):
            self._context.reporter.warn(
                f"{missing[soname]} needs {soname}, and it is not known which Debian package holds it; "
                'if the app needs that file, name the package in packages = ["..."]'
            )
        return sorted(missing)

    def _needs(self, wheels: Sequence[WheelRef]) -> list[tuple[str, Needs]]:
        context = self._context
        known = {wheel.sha256: need for wheel in wheels if (need := known_needs(wheel.sha256, context.cache))}
        unread = {wheel.sha256: wheel for wheel in wheels if wheel.sha256 not in known}
        artifacts = [artifact_of(wheel) for wheel in unread.values()]
        with closing(
            fetch(artifacts, cache=context.cache, client=context.client, reporter=context.reporter, title="Wheels")
        ) as arriving:
            for artifact, path in arriving:
                wheel = unread[artifact.sha256]
                try:
                    need = wheel_needs(path, wheel.filename, wheel.sha256, context.cache)
                except WheelError:
                    if not fetch_damaged([artifact], context.cache, context.client, context.reporter):
                        raise
                    need = wheel_needs(path, wheel.filename, wheel.sha256, context.cache)
                known[wheel.sha256] = need
        return [(wheel.filename, known[wheel.sha256]) for wheel in wheels]
