"""What is left out of packages."""

from __future__ import annotations

import pytest

from paddlewheel.debian.filters import RULES, dropped_by, wants_bytecode

DROPPED = {
    "docs": ["usr/share/doc/libc6/NEWS.gz", "usr/share/doc/libc6/examples/a.c"],
    "man": ["usr/share/man", "usr/share/man/man1/x.1.gz", "usr/share/man/de"],
    "info": ["usr/share/info/x.info.gz"],
    "lintian": ["usr/share/lintian/overrides/x"],
    "bug": ["usr/share/bug/x/presubj"],
    "locales": ["usr/share/locale/de/LC_MESSAGES/x.mo"],
    "certificates": ["usr/share/ca-certificates/mozilla/x.crt"],
    "gconv": ["usr/lib/x86_64-linux-gnu/gconv/IBM930.so", "usr/lib/aarch64-linux-gnu/gconv/libCNS.so"],
    "zones twice": ["usr/share/zoneinfo/right/Europe/Paris", "usr/share/zoneinfo/posix/UTC"],
    "libc commands": ["usr/bin/ldd", "usr/bin/localedef"],
    "Python tests": ["usr/lib/python3.13/test/support/__init__.py"],
    "Python test modules": ["usr/lib/python3.11/lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so"],
    "Python leftovers": ["usr/lib/python3.11/lib2to3/Grammar.txt", "usr/lib/python3.13/turtle.py"],
    "Python manual": ["usr/lib/python3.11/pydoc_data/topics.py"],
    "caches": ["usr/lib/python3/dist-packages/__pycache__/x.cpython-311.pyc"],
}
KEPT = [
    "usr/share/doc",
    "usr/share/doc/libc6",
    "usr/share/doc/libc6/copyright",
    "usr/share/common-licenses/GPL-3",
    "usr/share/zoneinfo/Europe/Paris",
    "usr/share/zoneinfo/tzdata.zi",
    "usr/lib/locale/C.utf8/LC_CTYPE",
    "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
    "usr/lib/x86_64-linux-gnu/gconv/gconv-modules",
    "usr/lib/python3.11/pydoc.py",
    "usr/lib/python3.11/pydoc_data/__init__.py",
    "usr/lib/python3.11/unittest/mock.py",
    "usr/lib/python3.11/distutils/core.py",
    "usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so",
    "usr/bin/python3.11",
    "usr/sbin/ldconfig",
    "etc/mime.types",
    "usr/lib/python3/dist-packages/testtools/x.py",
]


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in DROPPED.items() for path in paths])
def test_dropped(name: str, path: str) -> None:
    rule = dropped_by(path)
    assert rule is not None
    assert rule.name == name


@pytest.mark.parametrize("path", KEPT)
def test_kept(path: str) -> None:
    assert dropped_by(path) is None


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_rarely_imported_modules_are_not_compiled() -> None:
    library = "usr/lib/python3.13"
    assert not any(wants_bytecode(f"{library}/{name}.py") for name in ("pydoc", "_pydecimal", "importlib/_bootstrap"))
    assert all(wants_bytecode(f"{library}/{name}.py") for name in ("os", "decimal", "importlib/util", "unittest/mock"))
    assert wants_bytecode("usr/lib/python3/dist-packages/pydoc.py")
