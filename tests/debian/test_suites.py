"""Which suite a project gets."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.debian.suites import check_python, choose_suite, full_python_version, glibc_version
from paddlewheel.errors import LockFormatError, ResolutionError, SettingsError


@pytest.mark.parametrize(
    ("requires", "pin", "python", "base", "suite"),
    [
        (None, None, None, None, "trixie"),
        (None, None, None, "distroless", "trixie"),
        (">=3.9", None, None, None, "trixie"),
        (">=3.11,<3.12", None, None, None, "bookworm"),
        (">=3.11.4", None, None, None, "trixie"),
        (">=3.14", None, None, None, "forky"),
        ("<3.13", None, None, None, "bookworm"),
        (">=3.9", "3.11", None, None, "bookworm"),
        (">=3.9", "3.11.9", None, None, "bookworm"),
        (">=3.9", "cpython@3.14", None, None, "forky"),
        (None, "pypy3.10", None, None, "trixie"),
        (None, "3.11", "3.13", None, "trixie"),
        (None, "3.11", None, "distroless:forky", "forky"),
        (None, None, "3.11", "distroless:bookworm", "bookworm"),
    ],
)
def test_choice(requires: str | None, pin: str | None, python: str | None, base: str | None, suite: str) -> None:
    choice = choose_suite(SpecifierSet(requires) if requires else None, pin, python, base)
    assert choice.suite == suite
    assert choice.reason.startswith(suite)
    assert f"Python {choice.python[0]}.{choice.python[1]}" in choice.reason


@pytest.mark.parametrize(
    ("requires", "pin", "python", "base", "said"),
    [
        (">=3.15", None, None, None, "fits requires-python >=3.15"),
        ("==3.12.*", None, None, None, r"fits requires-python ==3\.12\.\*"),
        (None, "3.12", None, None, r"\.python-version asks for Python 3\.12, which no Debian suite brings"),
        (None, None, "3.12", None, r"^--python or the setting python asks for Python 3\.12"),
        (">=3.12", None, None, "distroless:bookworm", "which requires-python >=3.12 excludes"),
        (
            None,
            None,
            "3.13",
            "distroless:bookworm",
            r"brings Python 3\.11, and --python or the setting python asks for 3\.13",
        ),
        (">=3.12", "3.11", None, None, "which requires-python >=3.12 excludes"),
    ],
)
def test_no_suite_fits(requires: str | None, pin: str | None, python: str | None, base: str | None, said: str) -> None:
    with pytest.raises(ResolutionError, match=said) as caught:
        choose_suite(SpecifierSet(requires) if requires else None, pin, python, base)
    assert "distroless:bookworm (Python 3.11), distroless:trixie (Python 3.13)" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("requires", "pin", "python", "hint"),
    [
        (None, "3.12", None, 'pass `--python 3.13`, or set python = "3.13" (it counts more than .python-version)\n'),
        (None, None, "3.12", 'pass `--python 3.13`, or set python = "3.13"\n'),
        ("<3.13", "3.12", None, 'pass `--python 3.11`, or set python = "3.11" (it counts more than .python-version)\n'),
        ("==3.12.*", "3.12", None, "there are distroless:bookworm"),
    ],
)
def test_what_to_type_instead_of_a_python_that_no_suite_has(
    requires: str | None, pin: str | None, python: str | None, hint: str
) -> None:
    with pytest.raises(ResolutionError, match="which no Debian suite brings") as caught:
        choose_suite(SpecifierSet(requires) if requires else None, pin, python, None)
    assert (caught.value.hint or "").startswith(hint)


@pytest.mark.parametrize("base", ["distroless:potato", "debian", "python:3.12-slim"])
def test_an_unknown_base_is_refused(base: str) -> None:
    with pytest.raises(SettingsError, match="base"):
        choose_suite(base=base)


def test_a_malformed_python_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="no version of Python"):
        choose_suite(setting_python="three")


def locked(suite: str, **versions: str) -> PinnedBase:
    packages = [
        PinnedPackage(name=n, version=v, architecture="amd64", archive="debian", path="p", size=1, sha256="0" * 64)
        for n, v in versions.items()
    ]
    return PinnedBase(suite=suite, architecture="amd64", snapshot="", requested=(), packages=tuple(packages))


@pytest.mark.parametrize(
    ("version", "python"), [("3.11.2-6+deb12u6", "3.11.2"), ("3.11.0~rc2-1", "3.11.0rc2"), ("1:3.11.10-1", "3.11.10")]
)
def test_the_full_version_is_read_from_the_package(version: str, python: str) -> None:
    assert full_python_version(locked("bookworm", **{"python3.11-minimal": version})) == python


def test_the_exact_python_is_checked() -> None:
    base = locked("bookworm", libc6="2.36-9+deb12u9", **{"python3.11-minimal": "3.11.2-6"})
    assert glibc_version(base) == (2, 36)
    check_python(base, SpecifierSet(">=3.11"))
    check_python(base, None)
    with pytest.raises(ResolutionError, match=r"has Python 3\.11\.2, and requires-python >=3\.11\.4 excludes it"):
        check_python(base, SpecifierSet(">=3.11.4"))


def test_a_lock_without_python_is_refused() -> None:
    with pytest.raises(LockFormatError, match="no package libc6"):
        glibc_version(locked("bookworm"))
