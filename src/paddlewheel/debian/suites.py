"""Which Debian suite a base is composed from, and what Python and glibc it then has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from packaging.specifiers import SpecifierSet

from paddlewheel.debian.model import SUITES, PinnedBase
from paddlewheel.errors import LockFormatError, ResolutionError, SettingsError

STABLE: Final = "trixie"
"""What is taken where nothing is said: the newest released suite."""

_PREFERENCE: Final = (STABLE, "bookworm", "forky")
"""Stable before oldstable before testing, whose indexes expire and whose versions still move."""

_FULL: Final = re.compile(r"(?:\d+:)?(\d+\.\d+\.\d+)(?:~?(a|b|rc)(\d+))?")
_MINOR: Final = re.compile(r"(?:cpython@)?(\d+)\.(\d+)(?:\.\d+)?")
_PATCHES: Final = range(60)
_PIN: Final = ".python-version"


@dataclass(frozen=True, slots=True)
class SuiteChoice:
    """A suite, the Python that it brings, and a sentence about why."""

    suite: str
    python: tuple[int, int]
    reason: str


def parse_base(base: str) -> str | None:
    """The suite that a `base` setting names, or None for plain ``distroless``. Raise `SettingsError`."""
    kind, colon, suite = base.partition(":")
    if kind != "distroless":
        raise SettingsError(f"base: {base!r} is not known", hint=f"write distroless or distroless:{STABLE}")
    if not colon:
        return None
    if suite not in SUITES:
        raise SettingsError(f"base: no suite is called {suite!r}", hint=f"there are {_offer()}")
    return suite


def choose_suite(
    requires_python: SpecifierSet | None = None,
    python_pin: str | None = None,
    setting_python: str | None = None,
    base: str | None = None,
) -> SuiteChoice:
    """The suite for a project: the base named, else the Python named, else the requirement, else stable.

    `setting_python` and `python_pin` count by their minor version. Raise `ResolutionError` where no suite fits, or
    where what is named contradicts itself.
    """
    suite = parse_base(base) if base is not None else None
    wanted, source = _wanted(setting_python, python_pin)
    if suite is not None:
        return _named_suite(suite, wanted, source, requires_python, explicit=setting_python is not None)
    if wanted is not None:
        for name, python in SUITES.items():
            if python == wanted:
                _check_requires(python, requires_python, f"{source} asks for Python {_dotted(python)}")
                return SuiteChoice(name, python, f"{name}: {source} asks for Python {_dotted(python)}")
        raise ResolutionError(
            f"{source} asks for Python {_dotted(wanted)}, which no Debian suite brings",
            hint=_another(requires_python, source),
        )
    for name in _PREFERENCE:
        if _allows(requires_python, SUITES[name]):
            if requires_python is None or not str(requires_python):
                return SuiteChoice(name, SUITES[name], f"{name}: the stable suite, with Python {_dotted(SUITES[name])}")
            return SuiteChoice(
                name, SUITES[name], f"{name}: its Python {_dotted(SUITES[name])} fits requires-python {requires_python}"
            )
    raise ResolutionError(
        f"no Debian suite brings a Python that fits requires-python {requires_python}", hint=f"there are {_offer()}"
    )


def _wanted(setting_python: str | None, python_pin: str | None) -> tuple[tuple[int, int] | None, str]:
    for text, source in ((setting_python, "--python or the setting python"), (python_pin, _PIN)):
        if text:
            match = _MINOR.fullmatch(text.strip())
            if match is not None:
                return (int(match[1]), int(match[2])), source
            if text is setting_python:
                raise SettingsError(f"python: {text!r} is no version of Python", hint='write it as "3.13"')
    return None, ""


def _named_suite(
    suite: str,
    wanted: tuple[int, int] | None,
    source: str,
    requires_python: SpecifierSet | None,
    *,
    explicit: bool,
) -> SuiteChoice:
    python = SUITES[suite]
    # .python-version is about the developer's machine: a base that is named outright may differ from it.
    if wanted is not None and explicit and wanted != python:
        raise ResolutionError(
            f"the base distroless:{suite} brings Python {_dotted(python)}, and {source} asks for {_dotted(wanted)}",
            hint=f"there are {_offer()}",
        )
    _check_requires(python, requires_python, f"the base distroless:{suite} brings Python {_dotted(python)}")
    differs = f", though {source} says {_dotted(wanted)}" if wanted is not None and wanted != python else ""
    return SuiteChoice(suite, python, f"{suite}: named as the base, with Python {_dotted(python)}{differs}")


def _check_requires(python: tuple[int, int], requires: SpecifierSet | None, what: str) -> None:
    if not _allows(requires, python):
        raise ResolutionError(f"{what}, which requires-python {requires} excludes", hint=f"there are {_offer()}")


def _allows(requires: SpecifierSet | None, python: tuple[int, int]) -> bool:
    """Whether any release of the minor version fits; `check_python` looks at the exact one."""
    if requires is None:
        return True
    return any(requires.contains(f"{_dotted(python)}.{patch}") for patch in _PATCHES)


def _another(requires: SpecifierSet | None, source: str) -> str:
    """What to write instead of a Python that no suite brings."""
    python = next((SUITES[suite] for suite in _PREFERENCE if _allows(requires, SUITES[suite])), None)
    if python is None:
        return f"there are {_offer()}"
    more = f" (it counts more than {source})" if source == _PIN else ""
    return f'pass `--python {_dotted(python)}`, or set python = "{_dotted(python)}"{more}\nthere are {_offer()}'


def _dotted(python: tuple[int, int]) -> str:
    return f"{python[0]}.{python[1]}"


def _offer() -> str:
    return ", ".join(f"distroless:{suite} (Python {_dotted(python)})" for suite, python in SUITES.items())


def full_python_version(base: PinnedBase) -> str:
    """As ``3.11.2``, from the version of the locked package. Raise `LockFormatError`."""
    name = f"python{_dotted(SUITES[base.suite])}-minimal"
    match = _FULL.match(_locked_version(base, name))
    if match is None:
        raise LockFormatError(f"the locked version of {name} is no version of Python")
    return match[1] + (f"{match[2]}{match[3]}" if match[2] else "")


def glibc_version(base: PinnedBase) -> tuple[int, int]:
    """As ``(2, 36)``."""
    match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", _locked_version(base, "libc6"))
    if match is None:
        raise LockFormatError("the locked version of libc6 is no version of glibc")
    return int(match[1]), int(match[2])


def _locked_version(base: PinnedBase, name: str) -> str:
    for package in base.packages:
        if package.name == name:
            return package.version
    raise LockFormatError(
        f"the locked base of suite {base.suite} has no package {name}", hint="make the lock again: paddlewheel lock"
    )


def check_python(base: PinnedBase, requires_python: SpecifierSet | None) -> None:
    """Raise `ResolutionError` where the exact Python of the locked base does not fit the project's requirement."""
    version = full_python_version(base)
    if requires_python is not None and not requires_python.contains(version, prereleases=True):
        raise ResolutionError(
            f"distroless:{base.suite} has Python {version}, and requires-python {requires_python} excludes it",
            hint=f"there are {_offer()}; choose another by base or python",
        )
