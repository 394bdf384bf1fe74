"""`paddlewheel cache`, and `upkeep` below it, on real files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paddlewheel import upkeep
from paddlewheel.cache import Cache
from tests.cli.fakes import command

DAY = 86400.0


def aged(path: Path, days: float) -> Path:
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def filled(own_cache: Path) -> Path:
    """A cache with a blob of 1,000 bytes for 40 days, one of 2,000 for 10 days, a record, and an unpacked layer."""
    cache = Cache(own_cache)
    for size, days in ((1000, 40), (2000, 10)):
        aged(cache.store.path(cache.store.put(bytes(size))), days)
    cache.put_record("layers", "ab" * 32, {"size": 1})
    tree = own_cache / "rootfs" / ("cd" * 32)
    (tree / "usr" / "bin").mkdir(parents=True)
    (tree / "usr" / "bin" / "python3").write_bytes(bytes(500))
    (tree / "usr" / "bin").chmod(0o555)
    (tree / "usr" / "link").symlink_to("bin")
    tree.chmod(0o555)
    with cache.lock("x"):
        pass
    return own_cache


def sizes(root: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for entry in upkeep.entries(root):
        found.setdefault(entry.kind, []).append(entry.size)
    return {kind: sorted(values) for kind, values in found.items()}


def test_dir_and_size(filled: Path) -> None:
    assert command("cache", "dir").out == f"{filled}\n"
    value = json.loads(command("cache", "size", "--json").out)
    assert value["dir"] == str(filled)
    assert value["kinds"]["blobs"] == {"entries": 2, "bytes": 3000}
    assert value["kinds"]["rootfs"] == {"entries": 1, "bytes": 500}
    assert value["bytes"] == 3500 + value["kinds"]["records"]["bytes"]
    assert "locks" not in value["kinds"]
    lines = command("cache", "size").out.splitlines()
    assert lines[0].split() == ["blobs", "3.0", "kB", "2"]
    assert lines[-1].split()[0] == "total"
    assert command("cache").out.splitlines() == lines


def test_an_absent_cache_is_empty(own_cache: Path) -> None:
    assert json.loads(command("cache", "size", "--json").out) == {"dir": str(own_cache), "bytes": 0, "kinds": {}}
    assert command("cache", "prune").err == "0 entries removed, 0 B\n"
    assert not own_cache.exists()


def test_prune_takes_what_was_unused_for_thirty_days(filled: Path) -> None:
    result = command("cache", "prune", "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out) == {"dir": str(filled), "removed": 1, "bytes": 1000, "dry_run": False}
    assert sizes(filled)["blobs"] == [2000]
    assert sorted(sizes(filled)) == ["blobs", "records", "rootfs"]


def test_dry_run_removes_nothing(filled: Path) -> None:
    before = sizes(filled)
    assert command("cache", "prune", "--dry-run").err == "1 entry would be removed, 1.0 kB\n"
    assert sizes(filled) == before


def test_older_than(filled: Path) -> None:
    command("cache", "prune", "--older-than", "5d")
    assert sorted(sizes(filled)) == ["records", "rootfs"]


def test_max_size_takes_the_longest_unused_first(filled: Path) -> None:
    command("cache", "prune", "--max-size", "2900B")
    assert sizes(filled)["blobs"] == [2000]


def test_what_is_in_use_stays(filled: Path) -> None:
    command("cache", "prune", "--max-size", "0", "--older-than", "0s")
    assert sorted(sizes(filled)) == ["records", "rootfs"]  # they were made just now


def test_unpacked_layers_grow_old_too(filled: Path) -> None:
    list(upkeep.entries(filled))  # to look at them is not to use them
    chosen = upkeep.choose(upkeep.entries(filled), now=time.time() + 31 * DAY)
    assert sorted(entry.kind for entry in chosen) == ["blobs", "blobs", "records", "rootfs"]
    for entry in chosen:
        assert upkeep.remove(filled, entry)
    assert sizes(filled) == {}


def test_what_uv_keeps_goes_as_a_whole(own_cache: Path) -> None:
    unpacked = own_cache / "uv" / "archive-v0" / "abc"
    unpacked.mkdir(parents=True)
    for name, days in (("old.py", 90), ("new.py", 1)):
        (unpacked / name).write_bytes(bytes(100))
        aged(unpacked / name, days)
    assert sizes(own_cache) == {"uv": [200]}
    found = list(upkeep.entries(own_cache))
    assert upkeep.choose(found) == []
    chosen = upkeep.choose(found, now=time.time() + 31 * DAY)
    assert all(upkeep.remove(own_cache, entry) for entry in chosen)
    assert not unpacked.exists()


def test_all(filled: Path) -> None:
    command("cache", "prune", "--all")
    assert sizes(filled) == {}
    assert (filled / "locks" / "x").exists()


def test_debris_of_a_killed_build_goes_and_work_under_way_stays(own_cache: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = {f"blob-{gone.pid}-abcdef": False, f"build-x-{gone.pid}-abcdef": False, f"blob-{os.getpid()}-123456": True}
    for name in names:
        (own_cache / "tmp" / name).mkdir(parents=True)
        (own_cache / "tmp" / name / "half").write_bytes(bytes(10))
    command("cache", "prune")
    assert len(sizes(own_cache)["tmp"]) == 3  # not so soon
    chosen = upkeep.choose(upkeep.entries(own_cache), now=time.time() + 1000)
    assert {entry.path.name: entry not in chosen for entry in upkeep.entries(own_cache)} == names
    command("cache", "prune", "--all")
    assert {path.name for path in (own_cache / "tmp").iterdir()} == {name for name, stays in names.items() if stays}


def test_partial_downloads_wait_to_be_resumed(own_cache: Path) -> None:
    import fcntl

    partial = own_cache / "tmp" / f"download-{'ab' * 32}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(bytes(100))
    aged(partial, 10)
    command("cache", "prune")
    with partial.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        command("cache", "prune", "--all")
        assert partial.exists()  # it is written to
    command("cache", "prune", "--older-than", "5d")
    assert not partial.exists()


def test_an_entry_that_vanishes_meanwhile_is_no_error(filled: Path) -> None:
    found = list(upkeep.entries(filled))
    for entry in found * 2:
        upkeep.remove(filled, entry)
    assert sizes(filled) == {}


def test_a_layer_that_a_sandbox_stands_on_stays(filled: Path) -> None:
    import fcntl

    (tree,) = (filled / "rootfs").iterdir()
    handle = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        command("cache", "prune", "--all")
        assert list(sizes(filled)) == ["rootfs"]
    finally:
        os.close(handle)
    command("cache", "prune", "--all")
    assert sizes(filled) == {}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "all of it was used within the last 30 days; --all removes that too"),
        (["--older-than", "12h"], "all of it was used within the last 12 hours; --all removes that too"),
        (["--older-than", "1s"], "all of it was used within the last 10 minutes; --all removes that too"),
        (["--max-size", "1kB"], "all of it was used within the last 10 minutes; --all removes that too"),
        (["--max-size", "3kB", "--dry-run"], "the cache holds 2.0 kB, which is no more than that"),
    ],
)
def test_why_nothing_went_is_said(own_cache: Path, words: list[str], why: str) -> None:
    Cache(own_cache).store.put(bytes(2000))
    said = command("cache", "prune", *words).err
    assert said.startswith("0 entries ")
    assert said.endswith(f", 0 B ({why})\n")


@pytest.mark.parametrize(
    "words",
    [["--older-than", "soon"], ["--max-size", "much"], ["--older-than", "3"], ["--max-size", "5"]],
)
def test_bad_limits(words: list[str], filled: Path) -> None:
    before = sizes(filled)
    result = command("cache", "prune", *words)
    assert result.status == 2
    assert "hint: write it as" in result.err
    assert sizes(filled) == before
