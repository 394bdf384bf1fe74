"""What `LayerWriter` writes is read back by others: Python's gzip and tarfile, gzip(1), tar(1)."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import subprocess
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddlewheel.image.layer import LayerWriter, WrittenLayer
from paddlewheel.image.squeeze import squeeze, squeeze_header
from paddlewheel.image.tar import EPOCH, Entry, file_fields, header, padding
from tests.support.need import need_program

PART = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("ab.-_ \n="), min_size=1
).filter(lambda part: part not in (".", ".."))
PATH = st.lists(PART | st.text("abc", min_size=60, max_size=170), min_size=1, max_size=6).map("/".join)


def write(items: Iterable[tuple[Entry, bytes]], *, level: int = 9) -> tuple[bytes, WrittenLayer]:
    sink = io.BytesIO()
    writer = LayerWriter(sink, level=level)
    for entry, data in items:
        writer.add(entry, data)
    written = writer.close()
    return sink.getvalue(), written


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def read(blob: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob)), mode="r:") as tar:
        return {
            member.name: (member, (tar.extractfile(member) or io.BytesIO()).read() if member.isreg() else b"")
            for member in tar
        }


@settings(deadline=None)
@given(path=PATH, target=PATH, kind=st.sampled_from(["file", "dir", "symlink", "hardlink"]), data=st.data())
def test_any_name_is_read_back(path: str, target: str, kind: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 1 << 40)) if kind == "file" else 0
    uid = data.draw(st.integers(0, 1 << 31))
    mode = data.draw(st.integers(0, 0o7777))
    linked = kind in ("symlink", "hardlink")
    entry = Entry(path, kind=kind, mode=mode, size=size, target=target if linked else "", uid=uid, gid=5)  # type: ignore[arg-type]
    block = header(entry)
    assert len(block) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(block + bytes(1024)), mode="r:") as tar:
        member = tar.next()
    assert member is not None
    # tarfile takes trailing slashes off every name.
    assert member.name == path.rstrip("/")
    assert (member.mode, member.uid, member.gid, member.mtime) == (mode, uid, 5, EPOCH)
    assert member.size == size
    assert member.linkname == (target if linked else "")
    assert (member.isreg(), member.isdir(), member.issym(), member.islnk()) == tuple(
        kind == other for other in ("file", "dir", "symlink", "hardlink")
    )


@settings(deadline=None)
@given(st.lists(PATH, min_size=1, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_splicing_and_adding_give_the_same_tar(paths: list[str], rng: random.Random) -> None:
    bodies = [rng.randbytes(rng.choice((0, 1, 511, 512, 513, 3000))) for _ in paths]
    plain, by_adding = write((Entry(path, size=len(body)), body) for path, body in zip(paths, bodies, strict=True))
    sink = io.BytesIO()
    writer = LayerWriter(sink)
    for path, body in zip(paths, bodies, strict=True):
        writer.splice(Entry(path, size=len(body)), zlib.crc32(body), deflated(body), body)
    by_splicing = writer.close()
    assert gzip.decompress(sink.getvalue()) == gzip.decompress(plain)
    assert by_splicing.diff_id == by_adding.diff_id
    assert by_splicing.unpacked == by_adding.unpacked == len(gzip.decompress(plain))


def test_digests_and_sizes_are_those_of_the_streams() -> None:
    blob, written = write([(Entry("a", kind="dir", mode=0o755), b""), (Entry("a/b", size=3), b"abc")])
    tar = gzip.decompress(blob)
    assert written.digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert written.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert (written.size, written.unpacked, written.entries) == (len(blob), len(tar), 2)


def test_bodies_in_pieces_and_larger_than_a_member(tmp_path: Path) -> None:
    body = os.urandom(1 << 20) + bytes(3 << 20) + b"end"
    raw = deflated(body)
    pieces = [body[at : at + 700_001] for at in range(0, len(body), 700_001)]
    sink = io.BytesIO()
    writer = LayerWriter(sink)
    writer.add(Entry("added", size=len(body)), memoryview(body))
    writer.add_stream(Entry("streamed", size=len(body)), pieces)
    writer.splice(Entry("spliced", size=len(body)), zlib.crc32(body), memoryview(raw), body)
    writer.splice_stream(
        Entry("in-pieces", size=len(body)),
        zlib.crc32(body),
        [(raw[:1000], body[:5]), (b"", body[5:5000]), (raw[1000:], body[5000:])],
    )
    written = writer.close()
    found = read(sink.getvalue())
    assert list(found) == ["added", "streamed", "spliced", "in-pieces"]
    assert all(data == body for _, data in found.values())
    assert written.diff_id == "sha256:" + hashlib.sha256(gzip.decompress(sink.getvalue())).hexdigest()


def test_other_programs_read_it(tmp_path: Path) -> None:
    need_program("tar")
    need_program("gzip")
    long = "/".join(["a-rather-long-name"] * 15)
    names = ["plain", "naïve/größe.txt", long, "with space", "x" * 100, "y" * 101]
    sink = io.BytesIO()
    writer = LayerWriter(sink)
    for name in names:
        body = name.encode() * 100
        writer.splice(Entry(name, size=len(body)), zlib.crc32(body), deflated(body), body)
    writer.close()
    blob = tmp_path / "layer.tar.gz"
    blob.write_bytes(sink.getvalue())
    assert gzip.decompress(sink.getvalue())
    subprocess.run(["gzip", "-t", blob], check=True)
    listed = subprocess.run(
        ["tar", "--list", "--gzip", "--quoting-style=literal", "--file", blob],
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    assert listed.stdout.decode().splitlines() == names
    assert listed.stderr == b""


def test_the_level_changes_the_blob_and_not_the_tar() -> None:
    items = [(Entry("text", size=200_000), b"paddle wheel " * 15384 + b"12345678")]
    low, fast = write(items, level=1)
    high, best = write(items, level=12)
    assert fast.diff_id == best.diff_id
    assert len(high) < len(low)


@pytest.mark.parametrize(
    ("entry", "body"),
    [(Entry("a", size=3), b"ab"), (Entry("a", size=3), b"abcd"), (Entry("a"), b"x")],
)
def test_a_body_of_another_size_is_refused(entry: Entry, body: bytes) -> None:
    writer = LayerWriter(io.BytesIO())
    with pytest.raises(ValueError, match="a: "):
        writer.add(entry, body)
    with pytest.raises(ValueError, match="a: "):
        writer.add_stream(entry, [body])
    with pytest.raises(ValueError, match="a: "):
        writer.splice(entry, 0, deflated(body), body)
    with pytest.raises(ValueError, match="a: "):
        writer.splice_stream(entry, 0, [(deflated(body), body)])


@pytest.mark.parametrize(
    "entry",
    [
        Entry(""),
        Entry("a\0b"),
        Entry("a", kind="symlink", target="b\0"),
        Entry("a", size=-1),
        Entry("a", uid=-1),
        Entry("a", mtime=-1),
        Entry("a", mtime=1 << 40),
    ],
)
def test_an_entry_that_no_header_can_say_is_refused(entry: Entry) -> None:
    with pytest.raises(ValueError, match=r"a name|a number"):
        header(entry)


def test_names_that_are_no_utf_8_keep_their_bytes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    blob, _ = write([(Entry(name, size=1), b"x")])
    assert list(read(blob)) == [name]


@given(st.binary(max_size=3000).map(lambda data: bytes(byte & 0x7F for byte in data)))
def test_squeeze_is_deflate(data: bytes) -> None:
    assert zlib.decompress(squeeze(data), -15) == data


@given(st.lists(st.tuples(st.integers(0, 1200), st.binary(max_size=4)), max_size=8))
def test_squeeze_takes_runs_of_zeros_of_any_length(runs: list[tuple[int, bytes]]) -> None:
    data = b"".join(bytes(length) + bytes(byte & 0x7F for byte in text) for length, text in runs)
    stream = zlib.decompressobj(-15)
    assert stream.decompress(squeeze(bytearray(data))) == data
    assert stream.eof
    assert stream.unused_data == b""


@given(
    gap=st.integers(0, 511),
    path=st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=100),
    mode=st.integers(0, 0o7777),
    size=st.integers(0, 1 << 40),
)
def test_a_header_in_parts_is_squeezed_as_the_whole(gap: int, path: str, mode: int, size: int) -> None:
    entry = Entry(path, mode=mode, size=size)
    fields = file_fields(entry)
    if fields is None:
        assert len(header(entry)) > 512
    else:
        assert squeeze_header(gap, *fields) == squeeze(bytes(gap) + header(entry))


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a", kind="dir"),
        Entry("a", kind="symlink", target="b"),
        Entry("a", uid=1),
        Entry("a", gid=1),
        Entry("a" * 101),
        Entry("\u00e4"),
        Entry("a\0b"),
        Entry(""),
        Entry("a", size=1 << 33),
        Entry("a", size=-1),
        Entry("a", mtime=-1),
    ],
)
def test_what_is_no_plain_file_has_no_parts(entry: Entry) -> None:
    assert file_fields(entry) is None


def test_squeeze_makes_a_header_small() -> None:
    data = padding(100) + header(Entry("opt/venv/lib/python3.11/site-packages/numpy/core/numeric.py", size=5000))
    assert len(squeeze(data)) < 180
