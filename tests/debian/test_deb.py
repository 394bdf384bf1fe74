"""Reading .deb files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from paddlewheel.debian.deb import DebFile
from paddlewheel.errors import DebianError, IntegrityError
from paddlewheel.image.tar import EPOCH, Entry
from tests.support.debs import Deb, ar, compressed, deb

SAMPLE = deb(
    "sample",
    files={"lib/x86_64-linux-gnu/libs.so.1": b"library", "usr/bin/tool": "program", "etc/conf": "x=1\n"},
    modes={"usr/bin/tool": 0o4755},
    links={"usr/bin/link": "tool", "sbin/other": "/usr/bin/tool"},
    hard={"bin/hard": "./usr/bin/tool"},
)


def opened(tmp_path: Path, one: Deb | bytes) -> DebFile:
    place = tmp_path / "some.deb"
    place.write_bytes(one if isinstance(one, bytes) else one.data)
    return DebFile(place, "sample 1.0-1")


@pytest.mark.parametrize("compress", ["xz", "gz"])
def test_entries_lie_behind_merged_usr(tmp_path: Path, compress: str) -> None:
    file = opened(tmp_path, deb("sample", files={"lib/a": "1", "bin/b": "22", "etc/c": "333"}, compress=compress))
    assert [(entry.path, entry.kind, data) for entry, data in file.entries()] == [
        ("etc", "dir", b""),
        ("usr/lib/a", "file", b"1"),
        ("usr/bin/b", "file", b"22"),
        ("etc/c", "file", b"333"),
    ]


def test_kinds_modes_owners_and_times(tmp_path: Path) -> None:
    entries = {entry.path: entry for entry, _ in opened(tmp_path, SAMPLE).entries()}
    assert entries["usr/bin/tool"] == Entry("usr/bin/tool", "file", 0o755, 7)
    assert entries["usr/bin/link"] == Entry("usr/bin/link", "symlink", 0o777, target="tool")
    assert entries["usr/sbin/other"].target == "/usr/bin/tool"
    assert (entries["usr/bin/hard"].kind, entries["usr/bin/hard"].target) == ("hardlink", "usr/bin/tool")
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, EPOCH)}


def test_control_files_are_read(tmp_path: Path) -> None:
    file = opened(tmp_path, SAMPLE)
    assert file.control["Package"] == "sample"
    assert file.control_files["md5sums"].count("\n") == 3


def test_the_hash_is_checked(tmp_path: Path) -> None:
    file = opened(tmp_path, SAMPLE)
    file.check(SAMPLE.sha256)
    with pytest.raises(IntegrityError, match=r"sample 1\.0-1: the \.deb has SHA-256"):
        file.check("0" * 64)


@pytest.mark.parametrize("keep", [0, 5, 40, 100, 200, -1, -30])
def test_a_file_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    # -1 may only cut the padding; then two.
    with pytest.raises(DebianError, match=r"^sample 1\.0-1"):
        list(opened(tmp_path, SAMPLE.data[: keep if keep != -1 else -3]).entries())


def test_a_tar_cut_short_inside_good_compression_is_refused(tmp_path: Path) -> None:
    body = compressed(b"./etc/x".ljust(100, b"\0") + b"0000644\0" * 3, "xz")
    broken = ar({"debian-binary": b"2.0\n", "control.tar.xz": body, "data.tar.xz": body})
    with pytest.raises(DebianError, match="damaged"):
        list(opened(tmp_path, broken).entries())


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"!<arch>\nnonsense", b"<html>"])
def test_what_is_no_deb_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DebianError, match=r"sample 1\.0-1"):
        list(opened(tmp_path, data).entries())


def test_a_deb_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DebianError, match=r"no data\.tar, only debian-binary"):
        list(opened(tmp_path, ar({"debian-binary": b"2.0\n"})).entries())


def test_an_unknown_compression_is_named(tmp_path: Path) -> None:
    with pytest.raises(DebianError, match=r"data\.tar\.lzma is compressed in an unknown way"):
        list(opened(tmp_path, ar({"data.tar.lzma": b"x"})).entries())


def test_zstd_says_what_is_missing(tmp_path: Path) -> None:
    import sys

    with pytest.raises(DebianError, match="zstd" if sys.version_info < (3, 14) else "damaged"):
        list(opened(tmp_path, ar({"data.tar.zst": b"nothing"})).entries())


@pytest.mark.parametrize("path", ["../../etc/passwd", "etc/../../x"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    info = tarfile.TarInfo(path)
    with pytest.raises(DebianError, match="leads out of the image"):
        list(opened(tmp_path, deb("sample", members=(info,))).entries())


def test_an_absolute_path_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("/etc/passwd")
    with pytest.raises(DebianError, match="leads out of the image"):
        list(opened(tmp_path, deb("sample", members=(info,))).entries())


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("./dev/thing")
    info.type = kind
    with pytest.raises(DebianError, match="dev/thing is a device or a pipe"):
        list(opened(tmp_path, deb("sample", members=(info,))).entries())
