"""Wheels that break their format: each is refused by name, and nothing is left in the store."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.splice import WheelFile, splice
from paddlewheel.errors import CollisionError, WheelError
from paddlewheel.image.store import Store
from tests.support.wheels import make_wheel, symlink
from tests.support.zips import Member

VENV = Venv("/opt/venv", (3, 11))


def refuse(folder: Path, wheel: Path, words: str, *, vouched: bool = True) -> None:
    store = Store(folder / "store")
    with pytest.raises(WheelError, match=words) as caught:
        splice([WheelFile(path=wheel, filename=wheel.name, vouched=vouched)], VENV, store)
    assert wheel.name in caught.value.message
    assert not [path for path in (folder / "store").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["../evil.py", "/etc/passwd", "demo/../../evil.py", "demo//x.py", "./x.py", "a\\b.py", "demo/.."]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    refuse(tmp_path, make_wheel(tmp_path, extra=[(name, b"x")]), "is no relative path")


def test_a_name_twice(tmp_path: Path) -> None:
    refuse(tmp_path, make_wheel(tmp_path, files={"demo.py": "x"}, extra=[("demo.py", b"y")]), "in it twice")


def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    refuse(tmp_path, make_wheel(tmp_path, files={"demo": "x", "demo/a.py": "y"}), "both a file and a folder")


def test_a_link(tmp_path: Path) -> None:
    refuse(tmp_path, make_wheel(tmp_path, files={"demo/a": symlink("/etc/passwd")}), "symbolic link")


@pytest.mark.parametrize("size", [100, 5 << 20])
def test_a_wrong_crc(tmp_path: Path, size: int) -> None:
    wheel = make_wheel(tmp_path, files={"demo/data.bin": Member(data=b"x" * size, crc=12345)})
    refuse(tmp_path, wheel, "does not inflate to the size and CRC")


@pytest.mark.parametrize("stored", [False, True])
def test_a_wrong_crc_stored_or_not(tmp_path: Path, stored: bool) -> None:
    wheel = make_wheel(tmp_path, files={"demo/data.bin": Member(data=b"x", crc=1)}, stored=stored)
    refuse(tmp_path, wheel, "CRC")


def declare(path: Path, name: bytes, size: int) -> None:
    """Write another uncompressed size into the central directory, and the local header, of `name`."""
    data = bytearray(path.read_bytes())
    place = -1
    while (place := data.find(name, place + 1)) >= 0:
        if data[place - 46 : place - 42] == b"PK\x01\x02":
            struct.pack_into("<L", data, place - 22, size)
        elif data[place - 30 : place - 26] == b"PK\x03\x04":
            struct.pack_into("<L", data, place - 8, size)
    path.write_bytes(data)


@pytest.mark.parametrize("declared", [10, 2 << 20])
def test_a_bomb_against_its_own_size(tmp_path: Path, declared: int) -> None:
    wheel = make_wheel(tmp_path, files={"demo/bomb.bin": bytes(64 << 20)}, record=lambda rows: blank(rows, "bomb"))
    declare(wheel, b"demo/bomb.bin", declared)
    refuse(tmp_path, wheel, "does not inflate")


def blank(rows: list[tuple[str, str, str]], name: str) -> list[tuple[str, str, str]]:
    return [(path, "", "") if name in path else (path, digest, size) for path, digest, size in rows]


def test_a_declared_size_that_is_too_large(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, files={"demo/a.bin": b"x" * 1000}, record=lambda rows: blank(rows, "a.bin"))
    declare(wheel, b"demo/a.bin", 1001)
    refuse(tmp_path, wheel, "does not inflate")


Rows = list[tuple[str, str, str]]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda rows: [*rows, ("demo/gone.py", "sha256=x", "1")], "lists 'demo/gone.py', which is not in the wheel"),
        (lambda rows: [row for row in rows if not row[0].endswith("__init__.py")], "not in RECORD"),
        (lambda rows: [(p, h, "9" if p.endswith("__init__.py") else s) for p, h, s in rows], "9 bytes, it has"),
        (lambda rows: [(p, h, "many") for p, h, s in rows], "path,hash,size was expected"),
    ],
)
def test_record_lies(tmp_path: Path, edit: Callable[[Rows], Rows], words: str) -> None:
    refuse(tmp_path, make_wheel(tmp_path, files={"demo/__init__.py": "x = 1"}, record=edit), words)


def test_hashes_of_record_count_where_no_lock_vouches(tmp_path: Path) -> None:
    def lie(rows: Rows) -> Rows:
        return [(p, "sha256=" + "A" * 43 if p == "demo/__init__.py" else h, s) for p, h, s in rows]

    wheel = make_wheel(tmp_path, files={"demo/__init__.py": "x = 1"}, record=lie)
    refuse(tmp_path, wheel, "does not have the hash", vouched=False)
    splice([WheelFile(path=wheel, filename=wheel.name)], VENV, Store(tmp_path / "other"))


def test_no_hash_in_record_where_no_lock_vouches(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, files={"demo/__init__.py": "x"}, record=lambda rows: blank(rows, "__init__"))
    refuse(tmp_path, wheel, "no sha256 or stronger hash", vouched=False)


def test_a_newer_wheel_version(tmp_path: Path) -> None:
    refuse(tmp_path, make_wheel(tmp_path, wheel_version="2.0"), r"Wheel-Version 2\.0 is newer")


@pytest.mark.parametrize("name", ["WHEEL", "METADATA", "RECORD"])
def test_a_file_of_dist_info_is_missing(tmp_path: Path, name: str) -> None:
    def without(rows: Rows) -> Rows:
        return [row for row in rows if not row[0].endswith(name)]

    refuse(tmp_path, make_wheel(tmp_path, dist_info={name: None}, record=without), f"{name} is missing")


def test_another_packages_dist_info(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "other")
    renamed = wheel.rename(tmp_path / "demo-1.0-py3-none-any.whl")
    refuse(tmp_path, renamed, "one demo-1.0.dist-info folder was expected")


def test_an_unknown_scheme(tmp_path: Path) -> None:
    refuse(tmp_path, make_wheel(tmp_path, data={"surprise/x": "y"}), "unknown install scheme 'surprise'")


@pytest.mark.parametrize("script", ["../evil", "a/b", ""])
def test_a_script_with_a_name_that_leads_out(tmp_path: Path, script: str) -> None:
    text = f"[console_scripts]\n{script} = demo:main\n"
    refuse(tmp_path, make_wheel(tmp_path, dist_info={"entry_points.txt": text}), "entry_points.txt")


def test_a_script_without_a_function(tmp_path: Path) -> None:
    text = "[console_scripts]\ntool = demo; import os\n"
    refuse(tmp_path, make_wheel(tmp_path, dist_info={"entry_points.txt": text}), "no entry point for a script")


@pytest.mark.parametrize("cut", [0, 20, 200])
def test_a_truncated_wheel(tmp_path: Path, cut: int) -> None:
    wheel = make_wheel(tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:cut])
    refuse(tmp_path, wheel, "no zip file")


def end_of_member(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")


@pytest.mark.parametrize("size", [100, 70_000, 1_100_000])
@pytest.mark.parametrize("behind", [b"hidden", b"\0", end_of_member(b"x" * 100), end_of_member(b"x" * 100) * 2])
def test_a_deflate_stream_with_something_behind_it(tmp_path: Path, size: int, behind: bytes) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = squeeze.compress(b"x" * size) + squeeze.flush() + behind
    wheel = make_wheel(tmp_path, files={"demo/a.bin": Member(data=b"x" * size, raw=stream)})
    refuse(tmp_path, wheel, "does not inflate")


def test_two_wheels_with_other_bytes_at_one_path(tmp_path: Path) -> None:
    one = make_wheel(tmp_path, "one", files={"shared/__init__.py": "x = 1"})
    two = make_wheel(tmp_path, "two", files={"shared/__init__.py": "x = 2"})
    files = [WheelFile(path=wheel, filename=wheel.name) for wheel in (one, two)]
    with pytest.raises(CollisionError, match=r"one-1\.0.* and two-1\.0.* both install .*shared/__init__\.py"):
        splice(files, VENV, Store(tmp_path / "store"))


def test_two_wheels_with_the_same_bytes_at_one_path(tmp_path: Path) -> None:
    wheels = [make_wheel(tmp_path, name, files={"shared/__init__.py": "x = 1"}) for name in ("one", "two")]
    made = splice([WheelFile(path=wheel, filename=wheel.name) for wheel in wheels], VENV, Store(tmp_path / "store"))
    assert sum(path.endswith("shared/__init__.py") for path in made.files) == 1
