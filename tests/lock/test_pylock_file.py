"""pylock.toml: what is read, what is refused and where, and that text written is read back the same."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from paddlewheel.errors import LockFormatError
from paddlewheel.lock.pylock_file import format_table, parse_pylock, to_table
from tests.lock.conftest import Starts, Workshop, versions

HASH = "ab" * 32
PYLOCK = f"""\
lock-version = "1.0"
created-by = "hand"
default-groups = ["web"]

[[packages]]
name = "lib"
version = "1.0"
marker = "sys_platform == 'linux'"
wheels = [
    {{ url = "https://example.org/lib-1.0-py3-none-any.whl", size = 3, hashes = {{ sha256 = "{HASH}" }} }},
    {{ url = "https://example.org/lib-1.0-py2-none-any.whl", hashes = {{ md5 = "00", sha256 = "{HASH}" }} }},
]

[[packages]]
name = "raw"
version = "2.0"
sdist = {{ name = "raw-2.0.tar.gz", path = "sources/raw-2.0.tar.gz", hashes = {{ sha256 = "{HASH}" }} }}
"""


def test_read(shop: Workshop, starts: Starts) -> None:
    shop.write({"pylock.toml": PYLOCK})
    lock = shop.lock(locked=True)
    assert versions(lock) == {"lib": "1.0", "raw": "2.0"}
    assert lock.locker == "hand"
    assert lock.requested == {"lib", "raw"}
    assert lock.path == shop.root / "pylock.toml"
    assert starts.count() == 0


def test_requested_are_the_declared_ones(shop: Workshop) -> None:
    shop.write(
        {"pylock.toml": PYLOCK, "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["Raw>1"]\n'}
    )
    assert shop.lock().requested == {"raw"}


def edited(old: str, new: str) -> str:
    assert old in PYLOCK
    return PYLOCK.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (edited('created-by = "hand"', "created-by ="), r"^pylock.toml:2:\d+: no valid TOML"),
        (edited('lock-version = "1.0"\n', ""), r"^pylock.toml: lock-version: missing"),
        (edited('lock-version = "1.0"', 'lock-version = "2.1"'), r"^pylock.toml: lock-version 2.1 is not supported"),
        (edited('lock-version = "1.0"', "lock-version = 1"), r"^pylock.toml: lock-version: unexpected type int"),
        (edited('name = "raw"\n', ""), r"^pylock.toml: packages\[1\].name: missing"),
        (edited('name = "lib"', 'name = "Lib"'), r"^pylock.toml: packages\[0\].name: .*not normalized"),
        (edited('version = "2.0"', 'version = "two"'), r"^pylock.toml: packages\[1\].version: "),
        (
            edited("lib-1.0-py2-none-any.whl", "lib.whl"),
            r"packages\[0\].wheels\[1\]: invalid wheel filename",
        ),
        (edited(", hashes = { md5", ", sums = { md5"), r"^pylock.toml: packages\[0\].wheels\[1\].hashes: missing"),
        (edited(f'md5 = "00", sha256 = "{HASH}"', 'md5 = "00"'), r"packages\[0\].wheels\[1\]: lib 1.0 .*given: md5"),
        (edited(f'sha256 = "{HASH}" }} }}\n', 'sha1 = "00" } }\n'), r"packages\[1\].sdist: raw 2.0 .*given: sha1"),
        (edited(HASH, "ab"), r"packages\[0\].wheels\[0\]: lib 1.0 has no valid sha256"),
        (edited("marker = \"sys_platform == 'linux'\"", 'marker = "nonsense"'), r"packages\[0\].marker"),
    ],
)
def test_refused_with_the_place(shop: Workshop, text: str, message: str) -> None:
    shop.write({"pylock.toml": text})
    with pytest.raises(LockFormatError, match=message) as caught:
        shop.lock()
    assert caught.value.hint
    assert caught.value.exit_status == 20


def test_newer_minor_version_is_read_with_a_warning(shop: Workshop) -> None:
    shop.write({"pylock.toml": edited('lock-version = "1.0"', 'lock-version = "1.7"')})
    assert versions(shop.lock()) == {"lib": "1.0", "raw": "2.0"}
    assert "lock version 1.7" in shop.reporter.warnings[0]


def test_not_utf8(shop: Workshop) -> None:
    (shop.root / "pylock.toml").write_bytes(b'lock-version = "1.0"\n# \xff\n')
    with pytest.raises(LockFormatError, match=r"pylock.toml:2: not UTF-8"):
        shop.lock()


def test_written_text_is_read_back_the_same() -> None:
    pylock = Pylock.from_dict(tomllib.loads(PYLOCK))
    text = format_table(to_table(pylock), header="one\ntwo")
    assert text.startswith("# one\n# two\nlock-version")
    assert Pylock.from_dict(tomllib.loads(text)) == pylock
    assert format_table(to_table(parse_pylock(tomllib.loads(text), "x")[0]), header="one\ntwo") == text


def test_credentials_are_taken_out() -> None:
    table = tomllib.loads(PYLOCK.replace("https://example.org", "https://me:secret@example.org:8080"))
    text = format_table(to_table(Pylock.from_dict(table)))
    assert "secret" not in text
    assert "https://example.org:8080/lib-1.0-py3-none-any.whl" in text


scalars = st.one_of(
    st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.datetimes(min_value=datetime(1, 1, 1))
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda key: key not in ("packages", "tool")), values, max_size=5))
def test_any_table_is_written_as_toml(table: dict[str, Any]) -> None:
    assert tomllib.loads(format_table(table)) == {**table, "packages": []}


@pytest.mark.parametrize("change", [str.upper, lambda text: text + "é", lambda text: f'"{text}"'])
def test_strings_of_all_kinds(change: Callable[[str], str]) -> None:
    table = {"packages": [{"name": change("x'y\\\x7f\n")}]}
    assert tomllib.loads(format_table(table)) == table
