"""The real archive: every suite resolves, composes and runs."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from paddlewheel.cache import Cache
from paddlewheel.debian.compose import Composed, compose_core, compose_extras, extra_packages
from paddlewheel.debian.mirror import choose_mirror, read_apt_sources
from paddlewheel.debian.model import SUITES, PinnedBase
from paddlewheel.debian.pin import fetch, resolve
from paddlewheel.debian.suites import full_python_version, glibc_version
from paddlewheel.errors import ResolutionError
from paddlewheel.image.layer import LayerWriter, WrittenLayer
from paddlewheel.net import Client
from tests.support.need import need, need_root
from tests.support.tarfiles import extract

pytestmark = [pytest.mark.network, pytest.mark.slow]

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
PROGRAM = """
import ctypes, ctypes.util, importlib, json, mimetypes, os, pwd, socket, ssl, subprocess, sys, sysconfig, zoneinfo
folder = sysconfig.get_path("stdlib") + "/lib-dynload"
failed = {}
for name in sorted(file.split(".")[0] for file in os.listdir(folder) if file.endswith(".so")):
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
for name in ("sqlite3", "ssl", "lzma", "bz2", "readline", "curses", "uuid", "dbm.ndbm", "hashlib", "asyncio", "venv"):
    importlib.import_module(name)
found = {name: ctypes.util.find_library(name) for name in ("ssl", "c", "z", "magic", "stdc++", "blas")}
for name in filter(None, found.values()):
    ctypes.CDLL(name)
print(json.dumps({
    "version": ".".join(map(str, sys.version_info[:3])),
    "failed": failed,
    "found": found,
    "cas": len(ssl.create_default_context().get_ca_certs()),
    "zone": str(zoneinfo.ZoneInfo("Europe/Paris")),
    "type": mimetypes.guess_type("a.webp")[0],
    "port": socket.getservbyname("https"),
    "home": pwd.getpwuid(65532).pw_dir,
    "cache": subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout,
}))
"""


def pinned(
    suite: str, architecture: str, *packages: str, libraries: tuple[str, ...] = ()
) -> tuple[PinnedBase, dict[str, Path]]:
    cache, client = Cache(), Client()
    mirrors = choose_mirror(environ=os.environ, apt=read_apt_sources())
    base = resolve(
        suite,
        architecture,
        packages,
        libraries,
        client=client,
        cache=cache,
        mirrors=mirrors,
        # A mirror of a mirror may lag behind: that is not what is tested here.
        allow_expired=True,
    )
    return base, fetch(base.packages, base.snapshot, client=client, cache=cache, mirrors=mirrors)


def composed(
    base: PinnedBase, debs: dict[str, Path], folder: Path, level: int = 1
) -> tuple[list[Composed], list[WrittenLayer], list[Path]]:
    values: list[Composed] = []
    written, paths = [], []
    for name in ("core", "extras") if extra_packages(base) else ("core",):
        paths.append(folder / f"{name}.tar.gz")
        with paths[-1].open("wb") as sink:
            writer = LayerWriter(sink, level=level)
            if name == "core":
                values.append(compose_core(base, debs, writer))
            else:
                values.append(compose_extras(base, debs, values[0], writer))
            written.append(writer.close())
    return values, written, paths


def unpacked(paths: list[Path], root: Path) -> Path:
    for path in paths:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream) as tar:
            extract(tar, root)
    os.mknod(root / "dev/null", 0o20666, os.makedev(1, 3))
    return root


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_runs(suite: str, tmp_path: Path) -> None:
    need_root()
    need(os.uname().machine == "x86_64", "runs amd64 programs")
    base, debs = pinned(suite, "amd64", "libmagic1", "libblas3", libraries=("libstdc++.so.6", "libz.so.1"))
    values, written, paths = composed(base, debs, tmp_path, level=9)
    assert base.libraries == ("libstdc++.so.6",)
    assert written[0].size < (17_000_000 if suite == "forky" else 15_000_000)
    root = unpacked(paths, tmp_path / "root")
    out = subprocess.run(
        ["chroot", root, "/usr/bin/python3", "-c", PROGRAM], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    said = json.loads(out.stdout)
    # Yellow Pages need libnsl2 and Kerberos, which are left out; the module left Python with 3.13.
    assert set(said["failed"]) == ({"nis"} if suite == "bookworm" else set())
    assert said["version"] == full_python_version(base)
    assert said["version"].startswith(".".join(map(str, SUITES[suite])))
    assert glibc_version(base) >= (2, 36)
    assert said["cas"] > 100
    assert (said["zone"], said["type"], said["port"], said["home"]) == (
        "Europe/Paris",
        "image/webp",
        443,
        "/home/nonroot",
    )
    assert all(said["found"].values()), said["found"]
    assert not (root / "bin/sh").exists()
    assert not (root / "usr/bin/dpkg").exists()
    assert "ID=debian\n" in (root / "etc/os-release").resolve().read_text()
    assert {file for file, _ in unresolved(root, values[-1].sonames)} <= {"nis"}
    assert "libmagic.so.1" in values[1].sonames
    assert "libmagic.so.1" not in values[0].sonames

    # What Debian's own ldconfig makes of the same files.
    subprocess.run(["chroot", root, "/sbin/ldconfig"], check=True, env=ENVIRONMENT)
    theirs = subprocess.run(
        ["chroot", root, "/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert lines(said["cache"]) == lines(theirs.stdout)


def unresolved(root: Path, sonames: tuple[str, ...]) -> set[tuple[str, str]]:
    """File name and soname of every library that an ELF file below `root` needs and the loader's cache has not."""
    found = set()
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < 64:
            continue
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
            for segment in ELFFile(file).iter_segments("PT_DYNAMIC"):
                for tag in segment.iter_tags("DT_NEEDED"):  # type: ignore[attr-defined]
                    if tag.needed not in sonames:
                        found.add((path.name.partition(".")[0], str(tag.needed)))
    return found


def lines(text: str) -> list[str]:
    """The libraries of ``ldconfig -p``, in order."""
    return [line.strip() for line in text.splitlines() if "=>" in line]


def test_another_architecture_is_composed_here(tmp_path: Path) -> None:
    base, debs = pinned("trixie", "arm64")
    assert {package.architecture for package in base.packages} == {"arm64", "all"}
    values, _, paths = composed(base, debs, tmp_path)
    assert {"ld-linux-aarch64.so.1", "libc.so.6", "libssl.so.3"} <= set(values[0].sonames)
    with gzip.open(paths[0]) as stream, tarfile.open(fileobj=stream) as tar:
        names = {member.name for member in tar}
    assert "lib64" not in names
    assert "usr/lib/ld-linux-aarch64.so.1" in names


def test_heavy_libraries_list_as_ldconfig_lists_them(tmp_path: Path) -> None:
    need_root()
    need(os.uname().machine == "x86_64", "runs amd64 programs")
    base, debs = pinned("trixie", "amd64", "libopenblas0", "libglib2.0-0", "libssl-dev", "zlib1g-dev")
    _, _, paths = composed(base, debs, tmp_path)
    root = unpacked(paths, tmp_path / "root")

    def listed() -> list[str]:
        out = subprocess.run(
            ["chroot", root, "/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True, env=ENVIRONMENT
        )
        return lines(out.stdout)

    ours = listed()
    subprocess.run(["chroot", root, "/sbin/ldconfig"], check=True, env=ENVIRONMENT)
    assert ours == listed()
    assert any("libopenblas.so.0" in line for line in ours)


def test_a_mistyped_package_gets_the_nearest() -> None:
    with pytest.raises(ResolutionError, match="no Debian package is called 'libqp5'") as caught:
        pinned("trixie", "amd64", "libqp5")
    assert "libpq5" in str(caught.value.hint)
