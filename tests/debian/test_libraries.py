"""Shared libraries and the packages that hold them."""

from __future__ import annotations

import pytest

from paddlewheel.debian.libraries import LIBRARIES, holds, package_for, provided_sonames, unknown_libraries

# PEP 600, PEP 599 and PEP 571: what a manylinux wheel may expect of the system.
MANYLINUX = [
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libc.so.6",
    "libnsl.so.1",
    "libutil.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "libX11.so.6",
    "libXext.so.6",
    "libXrender.so.1",
    "libICE.so.6",
    "libSM.so.6",
    "libGL.so.1",
    "libgobject-2.0.so.0",
    "libgthread-2.0.so.0",
    "libglib-2.0.so.0",
    "libz.so.1",
    "libexpat.so.1",
    "libanl.so.1",
    "libatomic.so.1",
    "libmvec.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
]


@pytest.mark.parametrize("soname", MANYLINUX)
def test_every_library_of_manylinux_is_known(soname: str) -> None:
    assert package_for(soname) is not None


def test_known_and_unknown() -> None:
    assert package_for("libstdc++.so.6") == "libstdc++6"
    assert package_for("libpython3.11.so.1.0") == "libpython3.11"
    assert unknown_libraries(["libcuda.so.1", "libz.so.1", "libweird.so.2", "libcuda.so.1"]) == (
        "libcuda.so.1",
        "libweird.so.2",
    )


def test_a_renamed_package_holds_its_library() -> None:
    assert holds({"libssl3t64"}, "libssl.so.3")
    assert holds({"libssl3"}, "libssl.so.3")
    assert not holds({"libssl1.1"}, "libssl.so.3")
    assert not holds({"libcuda1"}, "libcuda.so.1")


def test_sonames_among_files() -> None:
    paths = [
        "usr/lib/x86_64-linux-gnu/libz.so.1",
        "usr/lib/x86_64-linux-gnu/libz.so.1.2.13",
        "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so",
        "usr/lib64/ld-linux-x86-64.so.2",
        "usr/lib/libfoo.so",
        "usr/share/doc/libz.so.1",
    ]
    assert provided_sonames(paths) == {"libz.so.1", "libz.so.1.2.13", "ld-linux-x86-64.so.2", "libfoo.so"}


def test_the_table_is_made_of_sonames_and_package_names() -> None:
    assert all(".so" in soname and " " not in package for soname, package in LIBRARIES.items())
