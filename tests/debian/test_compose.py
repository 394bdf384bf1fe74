"""Layers composed from packages: a listing that a reader can check, and the odd cases."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.debian.compose import (
    Composed,
    compose_core,
    compose_extras,
    core_key,
    extra_packages,
    extras_key,
)
from paddlewheel.debian.model import PinnedBase
from paddlewheel.debian.system_files import TRIPLETS, alternatives, timezone_entries
from paddlewheel.errors import DebianError
from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.tar import EPOCH
from tests.debian.conftest import Site
from tests.support.debs import deb

GNU = "usr/lib/x86_64-linux-gnu"
LD_CONF = {"etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n", "etc/ld.so.conf.d/x.conf": "/lib/x86_64-linux-gnu\n"}


def library() -> bytes:
    """A library of this machine with a soname, whatever its file is called."""
    return next(Path("/lib").glob("*-linux-gnu/libdl.so.2")).read_bytes()


def site_with_packages(site: Site) -> PinnedBase:
    site.archive.add(
        "bookworm",
        deb(
            "python3.11-minimal",
            "3.11.2-6",
            files={
                "usr/bin/python3.11": "elf",
                "usr/share/doc/python3.11-minimal/copyright": "free",
                "usr/share/doc/python3.11-minimal/NEWS": "old",
                "usr/lib/python3.11/os.py": "import sys\n",
                "usr/lib/python3.11/test/x.py": "assert 1\n",
            },
            modes={"usr/bin/python3.11": 0o4755},
        ),
        deb("libc6", "2.36-9", files={"lib/x86_64-linux-gnu/libdl-2.36.so": library(), **LD_CONF}),
        deb(
            "ca-certificates",
            "2023",
            architecture="all",
            files={
                "usr/share/ca-certificates/mozilla/B.crt": "-----B-----",
                "usr/share/ca-certificates/mozilla/A.crt": "-----A-----\n",
                "usr/sbin/update-ca-certificates": "#!/bin/sh\n",
            },
        ),
        deb("libblas3", "3.11", files={f"{GNU}/blas/libblas.so.3": library(), "etc/conf": "1\n"}),
        deb(
            "libextra", "1.0", files={f"{GNU}/libextra.so.1": b"no elf", "etc/extra/x": "x"}, directories=("var/extra",)
        ),
    )
    site.archive.publish("bookworm")
    return site.resolve("ca-certificates", "libc6", "python3.11-minimal", packages=["libblas3", "libextra"])


def layer(compose: object, *arguments: object) -> tuple[bytes, Composed]:
    sink = io.BytesIO()
    writer = LayerWriter(sink, level=1)
    composed = compose(*arguments, writer)  # type: ignore[operator]
    writer.close()
    return sink.getvalue(), composed


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        found = tar.getmembers()
    assert len({member.name for member in found}) == len(found)
    return {member.name: member for member in found}


def content(data: bytes, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        file = tar.extractfile(path)
        assert file is not None
        return file.read()


def listing(data: bytes) -> list[str]:
    """One line for each member that a package or a maintainer script would have brought."""
    kinds = {tarfile.DIRTYPE: "d", tarfile.REGTYPE: "-", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h"}
    lines = []
    for name, member in members(data).items():
        link = f" -> {member.linkname}" if member.linkname else ""
        lines.append(f"{kinds[member.type]} {member.mode:04o} {member.uid} {name}{link}")
    return lines


CORE = """\
d 0755 0 boot
d 0755 0 dev
d 0755 0 etc
d 0755 0 home
d 0755 0 opt
d 0755 0 proc
d 0700 0 root
d 0755 0 run
d 0755 0 srv
d 0755 0 sys
d 1777 0 tmp
d 0755 0 usr
d 0755 0 usr/bin
d 0755 0 usr/lib
d 0755 0 usr/sbin
d 0755 0 usr/local
d 0755 0 usr/local/bin
d 0755 0 usr/local/lib
d 0755 0 var
d 0755 0 var/cache
d 0755 0 var/lib
d 0755 0 var/lib/dpkg
d 0755 0 var/lib/dpkg/status.d
d 0755 0 var/log
d 1777 0 var/tmp
d 0755 65532 home/nonroot
d 0755 0 usr/lib64
l 0777 0 lib64 -> usr/lib64
d 1777 0 run/lock
d 0755 0 etc/ssl
d 0755 0 etc/ssl/certs
d 0755 0 usr/lib/ssl
l 0777 0 bin -> usr/bin
l 0777 0 sbin -> usr/sbin
l 0777 0 lib -> usr/lib
l 0777 0 var/run -> /run
l 0777 0 var/lock -> /run/lock
l 0777 0 usr/lib/ssl/cert.pem -> /etc/ssl/certs/ca-certificates.crt
l 0777 0 usr/lib/ssl/certs -> /etc/ssl/certs
- 0644 0 etc/passwd
- 0644 0 etc/group
- 0644 0 etc/nsswitch.conf
- 0644 0 etc/host.conf
d 0755 0 usr/share
- 0644 0 var/lib/dpkg/status.d/ca-certificates
- 0644 0 var/lib/dpkg/status.d/ca-certificates.md5sums
d 0755 0 etc/ld.so.conf.d
d 0755 0 usr/lib/x86_64-linux-gnu
- 0644 0 usr/lib/x86_64-linux-gnu/libdl-2.36.so
- 0644 0 etc/ld.so.conf
- 0644 0 etc/ld.so.conf.d/x.conf
- 0644 0 var/lib/dpkg/status.d/libc6
- 0644 0 var/lib/dpkg/status.d/libc6.md5sums
d 0755 0 usr/lib/python3.11
d 0755 0 usr/share/doc
d 0755 0 usr/share/doc/python3.11-minimal
- 0755 0 usr/bin/python3.11
- 0644 0 usr/share/doc/python3.11-minimal/copyright
- 0644 0 usr/lib/python3.11/os.py
- 0644 0 var/lib/dpkg/status.d/python3.11-minimal
- 0644 0 var/lib/dpkg/status.d/python3.11-minimal.md5sums
l 0777 0 usr/bin/python3 -> python3.11
- 0644 0 etc/ssl/certs/ca-certificates.crt
l 0777 0 usr/lib/x86_64-linux-gnu/libdl.so.2 -> libdl-2.36.so
- 0644 0 etc/ld.so.cache
""".splitlines()

EXTRAS = """\
- 0644 0 etc/conf
d 0755 0 usr/lib/x86_64-linux-gnu/blas
- 0644 0 usr/lib/x86_64-linux-gnu/blas/libblas.so.3
- 0644 0 var/lib/dpkg/status.d/libblas3
- 0644 0 var/lib/dpkg/status.d/libblas3.md5sums
d 0755 0 etc/extra
d 0755 0 var/extra
- 0644 0 usr/lib/x86_64-linux-gnu/libextra.so.1
- 0644 0 etc/extra/x
- 0644 0 var/lib/dpkg/status.d/libextra
- 0644 0 var/lib/dpkg/status.d/libextra.md5sums
l 0777 0 usr/lib/x86_64-linux-gnu/libblas.so.3 -> blas/libblas.so.3
- 0644 0 etc/ld.so.cache
""".splitlines()


def test_two_layers(site: Site) -> None:
    base = site_with_packages(site)
    debs = site.fetch(base)
    core, composed = layer(compose_core, base, debs)
    assert listing(core) == CORE
    extras, whole = layer(compose_extras, base, debs, Composed.from_json(json.loads(json.dumps(composed.to_json()))))
    assert sorted(listing(extras)) == sorted(EXTRAS)
    assert {member.mtime for member in members(core).values()} == {EPOCH}
    assert set(composed.files) < set(whole.files)
    assert "libdl.so.2" in composed.sonames
    assert not {"test", "NEWS"} & {Path(path).name for path in whole.files}


def test_the_same_bytes_twice(site: Site) -> None:
    base = site_with_packages(site)
    debs = site.fetch(base)
    assert layer(compose_core, base, debs) == layer(compose_core, base, debs)


def test_certificates_become_a_bundle_in_order(site: Site) -> None:
    base = site_with_packages(site)
    core, _ = layer(compose_core, base, site.fetch(base))
    assert content(core, "etc/ssl/certs/ca-certificates.crt") == b"-----A-----\n-----B-----\n"


def test_records_tell_what_is_there(site: Site) -> None:
    base = site_with_packages(site)
    core, _ = layer(compose_core, base, site.fetch(base))
    record = content(core, "var/lib/dpkg/status.d/python3.11-minimal").decode()
    assert record.startswith("Package: python3.11-minimal\nVersion: 3.11.2-6\n")
    assert record.endswith("\n")
    sums = content(core, "var/lib/dpkg/status.d/python3.11-minimal.md5sums").decode()
    assert "usr/bin/python3.11" in sums
    assert "NEWS" not in sums
    assert b"nonroot:x:65532:65532:" in content(core, "etc/passwd")
    assert b"nobody:x:65534:65534:" in content(core, "etc/passwd")
    assert content(core, "var/lib/dpkg/status.d/libc6.md5sums").count(b"lib/x86_64-linux-gnu/libdl-2.36.so") == 1


def test_keys_tell_layers_apart(site: Site) -> None:
    base = site_with_packages(site)
    fewer = site.resolve("ca-certificates", "libc6", "python3.11-minimal", packages=["libextra"])
    assert core_key(base) == core_key(fewer)
    assert extras_key(base) != extras_key(fewer)
    assert [package.name for package in extra_packages(fewer)] == ["libextra"]


@pytest.mark.parametrize("edit", [{"size": 1}, {"architecture": "arm64"}, {"sha256": "0" * 64}, {"extra": True}])
def test_keys_change_with_what_a_lock_says_of_a_package(site: Site, edit: dict[str, Any]) -> None:
    base = site_with_packages(site)
    first, *rest = base.packages
    edited = replace(base, packages=(replace(first, **edit), *rest))
    assert core_key(edited) != core_key(base)
    assert extras_key(edited) != extras_key(base)


def test_a_damaged_deb_is_named(site: Site) -> None:
    base = site_with_packages(site)
    debs = site.fetch(base)
    debs["libc6"].chmod(0o644)
    debs["libc6"].write_bytes(debs["libc6"].read_bytes()[:-2000])
    with pytest.raises(DebianError, match=r"libc6 2\.36-9"):
        layer(compose_core, base, debs)


def test_a_hard_link_to_what_was_dropped_becomes_a_file(site: Site) -> None:
    odd = deb("odd", files={"usr/share/man/x": "text"}, hard={"usr/bin/x": "./usr/share/man/x"})
    broken = deb("broken", hard={"usr/bin/y": "./usr/bin/nowhere"})
    site.archive.add("bookworm", odd, broken)
    site.archive.publish("bookworm")
    base = site.resolve("odd")
    assert content(layer(compose_core, base, site.fetch(base))[0], "usr/bin/x") == b"text"
    base = site.resolve("broken")
    with pytest.raises(DebianError, match=r"broken 1\.0-1: a hard link leads to usr/bin/nowhere"):
        layer(compose_core, base, site.fetch(base))


def test_openblas_wins_over_the_reference() -> None:
    assert alternatives(["libblas3", "libc6"], "amd64") == {f"{GNU}/libblas.so.3": "blas/libblas.so.3"}
    both = alternatives(["libblas3", "liblapack3", "libopenblas0-pthread"], "arm64")
    assert both[f"usr/lib/{TRIPLETS['arm64']}/libblas.so.3"] == "openblas-pthread/libblas.so.3"


def test_a_time_zone_is_set() -> None:
    paths = ["usr/share/zoneinfo/Europe/Paris", "usr/share/zoneinfo/UTC"]
    entries = {entry.path: (entry.target, data) for entry, data in timezone_entries("Europe/Paris", paths)}
    assert entries == {
        "etc/localtime": ("/usr/share/zoneinfo/Europe/Paris", b""),
        "etc/timezone": ("", b"Europe/Paris\n"),
    }


@pytest.mark.parametrize("zone", ["Europe/Pariss", "../../etc/passwd", "/etc/passwd"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(DebianError, match="timezone"):
        timezone_entries(zone, ["usr/share/zoneinfo/Europe/Paris", "usr/share/zoneinfo/UTC"])
