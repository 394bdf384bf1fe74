"""/etc/ld.so.cache: what is listed, in which order, in which bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paddlewheel.debian.ldcache import (
    Library,
    cached_libraries,
    compare_names,
    configured_folders,
    is_candidate,
    read_library,
    write_cache,
)
from tests.support.need import need

FLAGS = 0x0303
HERE = "/usr/lib/x86_64-linux-gnu"


def test_names_compare_as_glibc_compares_them() -> None:
    ascending = ["liba.so", "liba.so.1", "liba.so.2", "liba.so.10", "libb.so.1", "libz.so.1", "libz2.so"]
    for number, left in enumerate(ascending):
        for other, right in enumerate(ascending):
            order = compare_names(left, right)
            assert (order > 0) - (order < 0) == (number > other) - (number < other), (left, right)


def test_candidates() -> None:
    assert all(is_candidate(name) for name in ("libz.so.1", "libz.so", "ld-linux-x86-64.so.2", "libLLVM-19.so"))
    assert not any(is_candidate(name) for name in ("libz.a", "z.so", "python3.11", "libz.so2", "x.py"))


def listed(files: dict[str, str], links: dict[str, str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Soname -> path, and the links that were added, for files (name -> soname) and links in one folder."""
    found, added = cached_libraries(
        [(f"{HERE}/{name}", soname, FLAGS) for name, soname in files.items()],
        {f"{HERE}/{name}": target for name, target in (links or {}).items()},
        ["/lib/x86_64-linux-gnu", HERE, "/usr/lib"],
    )
    return {library.soname: library.path for library in found}, added


def test_a_library_is_listed_by_its_soname_under_the_first_folder() -> None:
    assert listed({"libz.so.1.2.13": "libz.so.1"}, {"libz.so.1": "libz.so.1.2.13"}) == (
        {"libz.so.1": "/lib/x86_64-linux-gnu/libz.so.1"},
        {},
    )


def test_a_missing_link_is_added() -> None:
    assert listed({"libz.so.1.2.13": "libz.so.1", "libz.so.1.2.9": "libz.so.1"})[1] == {
        f"{HERE}/libz.so.1": "libz.so.1.2.13"
    }


def test_links_of_other_names() -> None:
    # A developer's link is listed by itself, others are not: as ldconfig does.
    sonames, _ = listed(
        {"libz.so.1.2": "libz.so.1", "libbz2.so.1.0.4": "libbz2.so.1.0", "libLLVM.so.19.1": "libLLVM.so.19.1"},
        {
            "libz.so.1": "libz.so.1.2",
            "libz.so": "libz.so.1",
            "libbz2.so.1.0": "libbz2.so.1.0.4",
            "libbz2.so.1": "libbz2.so.1.0.4",
            "libLLVM-19.so": "libLLVM.so.19.1",
            "libdangling.so.1": "nowhere",
            "libloop.so": "libloop.so",
        },
    )
    assert sorted(sonames) == ["libLLVM.so.19.1", "libbz2.so.1.0", "libz.so", "libz.so.1"]


def test_folders_of_the_configuration_come_first() -> None:
    folders = configured_folders(
        {
            "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
            "/etc/ld.so.conf.d/b.conf": "# comment\n/opt/b/\n/usr/lib\n",
            "/etc/ld.so.conf.d/a.conf": "/opt/a # x\nrelative\n",
            "/etc/ld.so.conf.d/readme": "/opt/no\n",
        }
    )
    assert folders == ("/opt/a", "/opt/b", "/usr/lib", "/lib")


def test_the_loader_of_this_machine_reads_what_was_written(tmp_path: Path) -> None:
    need(Path("/sbin/ldconfig").exists(), "ldconfig is not installed")
    libraries = [Library(f"lib{name}.so.{n}", f"/opt/lib{name}.so.{n}", FLAGS) for name in "abz" for n in (1, 2, 10)]
    cache = tmp_path / "ld.so.cache"
    cache.write_bytes(write_cache(libraries[::2] + libraries[1::2] + libraries[:1]))
    out = subprocess.run(["/sbin/ldconfig", "-p", "-C", str(cache)], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in out.splitlines() if "=>" in line]
    # The order is that of the file: descending, as the loader's search by halves wants it.
    assert lines == [f"lib{name}.so.{n} (libc6,x86-64) => /opt/lib{name}.so.{n}" for name in "zba" for n in (10, 2, 1)]


def test_the_order_of_the_input_does_not_matter() -> None:
    libraries = [Library(f"lib{n}.so", f"/opt/lib{n}.so", FLAGS) for n in range(20)]
    assert write_cache(libraries) == write_cache(libraries[::-1])


def test_sonames_are_read_from_elf_files() -> None:
    import _ctypes

    need(sys.platform == "linux", "needs ELF files")
    libc = next((p for p in Path("/lib").glob("*-linux-gnu/libc.so.6")), None)
    need(libc is not None, "no glibc here")
    assert libc is not None
    found = read_library(libc.read_bytes())
    assert found is not None
    assert found[0] == "libc.so.6"
    module = read_library(Path(_ctypes.__file__).read_bytes())
    assert module is not None
    assert module[0] == ""


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh", b"\x7fELF", b"\x7fELF" + bytes(60), b"/* GNU ld script */"])
def test_what_is_no_library_is_passed_over(data: bytes) -> None:
    assert read_library(data) is None
