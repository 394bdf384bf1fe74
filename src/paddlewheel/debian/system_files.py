"""Files that a Debian system gets from maintainer scripts or its installer: users, names, certificates, links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from paddlewheel.errors import DebianError
from paddlewheel.image.tar import Entry

NONROOT: Final = 65532
NOBODY: Final = 65534

_TEXTS: Final[Mapping[str, str]] = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/sbin/nologin\n"
        f"nobody:x:{NOBODY}:{NOBODY}:nobody:/nonexistent:/sbin/nologin\n"
        f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n"
    ),
    # tty's number is what a devpts mount gives to terminals.
    "etc/group": f"root:x:0:\ntty:x:5:\nstaff:x:50:\nnogroup:x:{NOBODY}:\nnonroot:x:{NONROOT}:\n",
    "etc/nsswitch.conf": (
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
        "protocols: files\nservices: files\nethers: files\nrpc: files\n"
    ),
    "etc/host.conf": "multi on\n",
}
_DIRECTORIES: Final[Mapping[str, int]] = {
    "boot": 0o755, "dev": 0o755, "etc": 0o755, "home": 0o755, "opt": 0o755, "proc": 0o755, "root": 0o700, "run": 0o755,
    "srv": 0o755, "sys": 0o755, "tmp": 0o1777, "usr": 0o755, "usr/bin": 0o755, "usr/lib": 0o755, "usr/sbin": 0o755,
    "usr/local": 0o755, "usr/local/bin": 0o755, "usr/local/lib": 0o755, "var": 0o755, "var/cache": 0o755,
    "var/lib": 0o755, "var/lib/dpkg": 0o755, "var/lib/dpkg/status.d": 0o755, "var/log": 0o755, "var/tmp": 0o1777,
}  # fmt: skip
_LINKS: Final[Mapping[str, str]] = {
    "bin": "usr/bin",
    "sbin": "usr/sbin",
    "lib": "usr/lib",
    "var/run": "/run",
    "var/lock": "/run/lock",
    # Where OpenSSL as Debian builds it looks first; the package openssl brings these, and it is left out.
    "usr/lib/ssl/cert.pem": "/etc/ssl/certs/ca-certificates.crt",
    "usr/lib/ssl/certs": "/etc/ssl/certs",
}
_LIB64: Final = ("amd64", "ppc64el", "loong64")
"""Architectures whose loader is found in /lib64."""

BUNDLE: Final = "etc/ssl/certs/ca-certificates.crt"
CERTIFICATES: Final = "usr/share/ca-certificates/"

ALTERNATIVES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "libblas3": (("usr/lib/{triplet}/libblas.so.3", "blas/libblas.so.3"),),
    "liblapack3": (("usr/lib/{triplet}/liblapack.so.3", "lapack/liblapack.so.3"),),
    "libopenblas0-pthread": (
        ("usr/lib/{triplet}/libopenblas.so.0", "openblas-pthread/libopenblas.so.0"),
        ("usr/lib/{triplet}/libblas.so.3", "openblas-pthread/libblas.so.3"),
        ("usr/lib/{triplet}/liblapack.so.3", "openblas-pthread/liblapack.so.3"),
    ),
    "libopenblas0-serial": (
        ("usr/lib/{triplet}/libopenblas.so.0", "openblas-serial/libopenblas.so.0"),
        ("usr/lib/{triplet}/libblas.so.3", "openblas-serial/libblas.so.3"),
        ("usr/lib/{triplet}/liblapack.so.3", "openblas-serial/liblapack.so.3"),
    ),
    "mawk": (("usr/bin/awk", "mawk"),),
    "gawk": (("usr/bin/awk", "gawk"),),
    "gcc": (("usr/bin/cc", "gcc"),),
    "g++": (("usr/bin/c++", "g++"),),
    "vim-tiny": (("usr/bin/vi", "vim.tiny"),),
    "netcat-openbsd": (("usr/bin/nc", "nc.openbsd"),),
    "libmagickcore-6.q16-6": (),
}
"""Package -> links that its maintainer script makes by update-alternatives. Of several, the first in this table wins,
except that OpenBLAS, whose priority is higher, replaces the reference BLAS."""

TRIPLETS: Final[Mapping[str, str]] = {
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "armhf": "arm-linux-gnueabihf",
    "i386": "i386-linux-gnu",
    "ppc64el": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}


def skeleton(architecture: str) -> Iterator[tuple[Entry, bytes]]:
    """Directories, merged /usr links, users and name services: what comes first in a base."""
    for path, mode in _DIRECTORIES.items():
        yield Entry(path, "dir", mode), b""
    yield Entry("home/nonroot", "dir", 0o755, uid=NONROOT, gid=NONROOT), b""
    if architecture in _LIB64:
        yield Entry("usr/lib64", "dir", 0o755), b""
        yield Entry("lib64", "symlink", 0o777, target="usr/lib64"), b""
    yield Entry("run/lock", "dir", 0o1777), b""
    yield Entry("etc/ssl", "dir", 0o755), b""
    yield Entry("etc/ssl/certs", "dir", 0o755), b""
    yield Entry("usr/lib/ssl", "dir", 0o755), b""
    for path, target in _LINKS.items():
        yield Entry(path, "symlink", 0o777, target=target), b""
    for path, text in _TEXTS.items():
        yield text_file(path, text)


def text_file(path: str, text: str | bytes, mode: int = 0o644) -> tuple[Entry, bytes]:
    data = text.encode() if isinstance(text, str) else text
    return Entry(path, "file", mode, len(data)), data


def certificate_bundle(certificates: Mapping[str, bytes]) -> bytes:
    """The bundle as update-ca-certificates writes it: in the order of paths, one newline after each."""
    return b"".join(data if data.endswith(b"\n") else data + b"\n" for _, data in sorted(certificates.items()))


def alternatives(packages: Iterable[str], architecture: str) -> dict[str, str]:
    """Link -> target for the alternatives of those of `packages` that have any."""
    present = set(packages)
    triplet = TRIPLETS.get(architecture, "")
    found: dict[str, str] = {}
    for package, links in ALTERNATIVES.items():
        if package not in present:
            continue
        for path, target in links:
            place = path.format(triplet=triplet)
            if place not in found or package.startswith("libopenblas"):
                found[place] = target
    return found


def timezone_entries(timezone: str, paths: Iterable[str]) -> list[tuple[Entry, bytes]]:
    """/etc/localtime and /etc/timezone for the last layer. Raise `DebianError` for a zone that is not among `paths`."""
    place = f"usr/share/zoneinfo/{timezone}"
    zones = {path for path in paths if path.startswith("usr/share/zoneinfo/")}
    if place not in zones or timezone.startswith("/") or ".." in timezone.split("/"):
        import difflib

        names = sorted(zone.removeprefix("usr/share/zoneinfo/") for zone in zones)
        near = difflib.get_close_matches(timezone, names, n=3, cutoff=0.6)
        raise DebianError(
            f"timezone: the image has no zone {timezone!r}",
            hint=f"did you mean {' or '.join(near)}?"
            if near
            else "write it as Europe/Paris; old names are in the package tzdata-legacy, from trixie on",
        )
    return [
        (Entry("etc/localtime", "symlink", 0o777, target=f"/usr/share/zoneinfo/{timezone}"), b""),
        text_file("etc/timezone", timezone + "\n"),
    ]
