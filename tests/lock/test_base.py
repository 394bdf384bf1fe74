"""paddlewheel.lock: written and read back, refused with a place, and whether it still fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paddlewheel.debian.model import PinnedBase, PinnedPackage
from paddlewheel.errors import LockFormatError
from paddlewheel.lock.base import (
    BaseLock,
    format_base_lock,
    misfit,
    parse_base_lock,
    read_base_lock,
    write_base_lock,
)
from paddlewheel.lock.model import BuildRequirement


def package(name: str, **more: object) -> PinnedPackage:
    values: dict[str, object] = {
        "name": name,
        "version": "1:2.0~rc1-1+b1",
        "architecture": "amd64",
        "archive": "debian",
        "path": f"pool/main/{name[0]}/{name}/{name}_2.0~rc1-1+b1_amd64.deb",
        "size": 1234,
        "sha256": "ab" * 32,
    }
    return PinnedPackage(**(values | more))  # type: ignore[arg-type]


BASE = PinnedBase(
    suite="trixie",
    architecture="amd64",
    snapshot="20260301T120000Z",
    requested=("libpq5",),
    libraries=("libstdc++.so.6",),
    packages=(
        package("libpq5", extra=True, archive="debian-security"),
        package("libssl3t64", snapshot="20260201T120000Z"),
        package("libstdc++6", extra=True),
        package("zlib1g"),
    ),
)
ARM64 = replace(
    BASE,
    architecture="arm64",
    libraries=(),
    missing=("libaio.so.1",),
    packages=tuple(replace(one, architecture="all" if one.name == "zlib1g" else "arm64") for one in BASE.packages),
)
LOCK = BaseLock(
    bases={"amd64": BASE, "arm64": ARM64},
    build=(
        BuildRequirement(name="hatchling", version="1.27.0", hashes=("sha256:" + "cd" * 32, "sha256:" + "ef" * 32)),
        BuildRequirement(name="pluggy", version="1.5", hashes=("sha256:" + "01" * 32,)),
    ),
)
TEXT = f"""\
# Made by `paddlewheel lock`. Commit it; do not edit it.
lock-version = "1.0"

[base]
kind = "distroless"
suite = "trixie"
packages = []

[base.amd64]
snapshot = "20260301T120000Z"
libraries = ["libstdc++.so.6"]

[[base.amd64.package]]
name = "libstdc++6"
version = "1:2.0~rc1-1+b1"
architecture = "amd64"
archive = "debian"
path = "pool/main/l/libstdc++6/libstdc++6_2.0~rc1-1+b1_amd64.deb"
size = 1234
sha256 = "{"ab" * 32}"
extra = true

[[app-builder.package]]
name = "pluggy"
version = "1.5"
hashes = [
    "sha256:{"01" * 32}",
]
"""


def test_the_text_is_as_written_here() -> None:
    base = replace(BASE, requested=(), packages=(package("libstdc++6", extra=True),))
    lock = BaseLock(bases={"amd64": base}, build=LOCK.build[1:])
    assert format_base_lock(lock) == TEXT
    assert parse_base_lock(TEXT) == lock


@pytest.mark.parametrize("lock", [LOCK, BaseLock(), BaseLock(bases={"amd64": BASE}), BaseLock(build=LOCK.build)])
def test_what_is_written_is_read_back(tmp_path: Path, lock: BaseLock) -> None:
    path = tmp_path / "paddlewheel.lock"
    assert read_base_lock(path) is None
    assert write_base_lock(path, lock)
    assert read_base_lock(path) == lock
    assert not write_base_lock(path, lock)
    assert [item.name for item in tmp_path.iterdir()] == ["paddlewheel.lock"]


def test_order_does_not_matter() -> None:
    shuffled = BaseLock(
        bases={
            "arm64": LOCK.bases["arm64"],
            "amd64": replace(BASE, packages=BASE.packages[::-1]),
        },
        build=LOCK.build[::-1],
    )
    assert format_base_lock(shuffled) == format_base_lock(LOCK)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('lock-version = "1.0"\n', "", "lock-version: the field is missing"),
        ('lock-version = "1.0"', 'lock-version = "one"', "lock-version: 'one' is no version"),
        ('lock-version = "1.0"', "lock-version = 1", "lock-version: a text is wanted"),
        ('lock-version = "1.0"', 'lock-version = "1.0"\ncolour = "red"', "colour: no such field is known"),
        ('kind = "distroless"', 'kind = "busybox"', "base.kind: 'busybox' is not known"),
        ('suite = "trixie"', 'suite = "potato"', "base.suite: 'potato' is not known"),
        ("packages = []", 'packages = ["a b"]', r"base.packages\[0\]: 'a b' is not of the right form"),
        ("packages = []", "packages = [1]", r"base.packages\[0\]: a text is wanted"),
        ("packages = []", 'packages = "a"', "base.packages: an array is wanted"),
        ("[base.amd64]", "[base.AMD]", "base.AMD"),
        ('snapshot = "20260301T120000Z"', 'snapshot = "2026"', "base.amd64.snapshot: '2026' is not of the right form"),
        ("20260301T120000Z", "99991399T999999Z", "base.amd64.snapshot: '99991399T999999Z' is no time"),
        ("20260301T120000Z", "99991231T235959Z", "base.amd64.snapshot: '99991231T235959Z' is no time that"),
        ("20260301T120000Z", "00010101T000000Z", "base.amd64.snapshot: '00010101T000000Z' is no time that"),
        ("20260301", "٢٠٢٦0301", "base.amd64.snapshot: .* is not of the right form"),
        (
            'architecture = "amd64"',
            'architecture = "arm64"',
            r"base.amd64.package\[0\].architecture: 'arm64' is not for amd64",
        ),
        ('name = "libstdc++6"', 'name = "../x"', r"base.amd64.package\[0\].name"),
        ('archive = "debian"', 'archive = "ubuntu"', r"base.amd64.package\[0\].archive: 'ubuntu'"),
        ('path = "pool/', 'path = "/pool/', r"base.amd64.package\[0\].path"),
        ('path = "pool/', 'path = "pool/../../', r"base.amd64.package\[0\].path"),
        ("size = 1234", "size = -1", r"base.amd64.package\[0\].size: a number of bytes"),
        ("size = 1234", "size = true", r"base.amd64.package\[0\].size: a number of bytes"),
        ("size = 1234\n", "", r"base.amd64.package\[0\].size: a number of bytes"),
        (f'sha256 = "{"ab" * 32}"', 'sha256 = "ab"', r"base.amd64.package\[0\].sha256"),
        ("extra = true", 'extra = "yes"', r"base.amd64.package\[0\].extra"),
        ("extra = true", "extra = true\nmirror = 1", r"base.amd64.package\[0\].mirror: no such field"),
        ('version = "1.5"\n', "", r"app-builder.package\[0\].version: the field is missing"),
        ("sha256:", "plain", r"app-builder.package\[0\].hashes\[0\]"),
        ("[[app-builder.package]]", "[app-builder.package]", "app-builder.package: an array is wanted"),
        ("[base]", "[[base]]", "not TOML|base: a table is wanted"),
    ],
)
def test_every_field_is_checked_and_its_place_named(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(LockFormatError, match=said) as caught:
        parse_base_lock(TEXT.replace(old, new), "paddlewheel.lock")
    assert caught.value.message.startswith("paddlewheel.lock")
    assert caught.value.hint


def test_a_newer_major_version_asks_for_an_upgrade() -> None:
    with pytest.raises(LockFormatError, match=r"is of version 2\.0, and this paddlewheel reads up to 1\.x") as caught:
        parse_base_lock('lock-version = "2.0"\n[strange]\n')
    assert caught.value.hint == "upgrade paddlewheel"


def test_a_newer_minor_version_is_read() -> None:
    assert parse_base_lock(TEXT.replace('"1.0"', '"1.7"')) == parse_base_lock(TEXT)


def test_a_package_twice_is_refused() -> None:
    stanza = TEXT[TEXT.index("[[base.amd64") : TEXT.index("[[app-builder")]
    with pytest.raises(LockFormatError, match=r"libstdc\+\+6 stands there twice"):
        parse_base_lock(TEXT + stanza)


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockFormatError, match=r"paddlewheel\.lock is not TOML"):
        parse_base_lock("lock-version = ")
    with pytest.raises(LockFormatError, match="marks of a merge conflict"):
        parse_base_lock(TEXT.replace("size", "<<<<<<< HEAD\nsize"))
    path = tmp_path / "paddlewheel.lock"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LockFormatError, match="cannot be read"):
        read_base_lock(path)


def test_a_base_that_fits() -> None:
    assert misfit(BASE, suite="trixie", packages=["libpq5"], libraries=[]) is None
    arm64 = LOCK.bases["arm64"]
    assert misfit(arm64, suite="trixie", packages=["libpq5"], libraries=["libaio.so.1"]) is None
    libraries = ["libz.so.1", "libstdc++.so.6", "libssl.so.3", "libunheard-of.so.9"]
    assert misfit(BASE, suite="trixie", packages=["libpq5", "libpq5"], libraries=libraries) is None


def test_a_base_that_does_not_fit_says_why() -> None:
    assert misfit(None, suite="trixie", packages=[], libraries=[]) == "it has no base for this platform"
    assert (
        misfit(BASE, suite="forky", packages=["libpq5"], libraries=[]) == "it is of suite trixie, and forky is wanted"
    )
    assert misfit(BASE, suite="trixie", packages=["git"], libraries=[]) == (
        "it lacks git and has libpq5, no longer wanted"
    )
    assert misfit(BASE, suite="trixie", packages=["libpq5"], libraries=["libgomp.so.1", "libz.so.1"]) == (
        "it lacks libgomp.so.1, which wheels need"
    )


def test_a_base_is_put_beside_those_of_the_same_request() -> None:
    assert set(LOCK.with_base(BASE).bases) == {"amd64", "arm64"}
    other = replace(BASE, requested=("git",))
    assert LOCK.with_base(other).bases == {"amd64": other}
    assert LOCK.with_base(other).build == LOCK.build
