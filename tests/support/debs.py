"""Debian packages and archives, made in code: real .deb files, real indexes, an InRelease signed by a test key.

::

    archive = AptArchive(folder)
    archive.add("bookworm", deb("libfoo1", "1.0-1", files={"usr/lib/x86_64-linux-gnu/libfoo.so.1": b"..."}))
    archive.publish("bookworm")
    with FileServer(folder) as server: ...      # {server.url}/debian, {server.url}/debian-security
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path

from pysequoia import SignatureMode, Tsk, sign

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""What the clock of these archives says."""


@dataclass(frozen=True)
class Deb:
    """A built package: its bytes, and the fields that an index tells of it."""

    name: str
    version: str
    architecture: str
    data: bytes
    fields: Mapping[str, str]

    @property
    def path(self) -> str:
        version = self.version.rpartition(":")[2]
        return f"pool/main/{self.name[0]}/{self.name}/{self.name}_{version}_{self.architecture}.deb"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def deb(
    name: str,
    version: str = "1.0-1",
    *,
    architecture: str = "amd64",
    files: Mapping[str, str | bytes] | None = None,
    modes: Mapping[str, int] | None = None,
    links: Mapping[str, str] | None = None,
    hard: Mapping[str, str] | None = None,
    directories: tuple[str, ...] = (),
    members: tuple[tarfile.TarInfo, ...] = (),
    compress: str = "xz",
    control: Mapping[str, str] | None = None,
    **fields: str,
) -> Deb:
    """Build a .deb. `fields` are those of its control file, with ``_`` for ``-`` (``Pre_Depends="libc6"``)."""
    table = {"Package": name, "Version": version, "Architecture": architecture, "Maintainer": "T <t@example.org>"}
    table |= {key.replace("_", "-"): value for key, value in fields.items()}
    paragraph = "".join(f"{key}: {value}\n" for key, value in table.items()) + "Description: a test\n in two lines\n"
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in (files or {}).items()}
    sums = "".join(f"{hashlib.md5(data).hexdigest()}  {path}\n" for path, data in contents.items())  # noqa: S324
    scripts = {"control": paragraph, "md5sums": sums, **(control or {})}
    parents = [str(parent) for path in (*contents, *(links or {}), *(hard or {})) for parent in Path(path).parents]
    entries = [_info(path, tarfile.DIRTYPE, 0o755) for path in sorted({*parents, *directories} - {"."})]
    bodies: dict[str, bytes] = {}
    for path, data in contents.items():
        info = _info(path, tarfile.REGTYPE, (modes or {}).get(path, 0o644))
        info.size = len(data)
        entries.append(info)
        bodies[info.name] = data
    for kind, table_of in ((tarfile.SYMTYPE, links), (tarfile.LNKTYPE, hard)):
        for path, target in (table_of or {}).items():
            info = _info(path, kind, 0o777)
            info.linkname = target
            entries.append(info)
    data_tar = _tar([*entries, *members], bodies)
    control_tar = _tar(
        [_sized(_info(key, tarfile.REGTYPE, 0o644), text) for key, text in scripts.items()],
        {f"./{key}": text.encode() for key, text in scripts.items()},
    )
    archive = ar(
        {
            "debian-binary": b"2.0\n",
            f"control.tar.{compress}": compressed(control_tar, compress),
            f"data.tar.{compress}": compressed(data_tar, compress),
        }
    )
    return Deb(name, version, architecture, archive, table)


def _info(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"./{path}")
    info.type, info.mode = kind, mode
    return info


def _sized(info: tarfile.TarInfo, text: str) -> tarfile.TarInfo:
    info.size = len(text.encode())
    return info


def _tar(entries: list[tarfile.TarInfo], bodies: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info in entries:
            tar.addfile(info, io.BytesIO(bodies[info.name]) if info.isreg() and info.name in bodies else None)
    return sink.getvalue()


def compressed(data: bytes, kind: str) -> bytes:
    if kind == "xz":
        return lzma.compress(data, preset=0)
    return gzip.compress(data, mtime=0) if kind == "gz" else data


def ar(members: Mapping[str, bytes]) -> bytes:
    """An ar archive, as deb(5) wants it."""
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


@cache
def signing_key(user: str = "Test archive <t@example.org>") -> Tsk:
    return Tsk.generate(user)


def public_key(user: str = "Test archive <t@example.org>") -> bytes:
    """What `signing_key` is checked with."""
    return bytes(signing_key(user).extract_certificate())


def signed(text: str, user: str = "Test archive <t@example.org>") -> bytes:
    return sign(signing_key(user).signer(), text.encode(), mode=SignatureMode.CLEAR)


def archive_of(dist: str) -> str:
    return "debian-security" if dist.endswith("-security") else "debian"


@dataclass
class AptArchive:
    """Two archives below `root`: ``debian`` and ``debian-security``, with the dists that were published."""

    root: Path
    packages: dict[str, list[Deb]] = field(default_factory=dict)

    def add(self, dist: str, *debs: Deb, pool: bool = True) -> None:
        """Put packages into a dist, and unless `pool` is False their files on the mirror."""
        self.packages.setdefault(dist, []).extend(debs)
        if pool:
            for one in debs:
                self.store(one, f"{archive_of(dist)}")

    def store(self, one: Deb, folder: str) -> Path:
        """Write the file of a package below `folder`: an archive, or one of the snapshot service."""
        place = self.root / folder / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.data)
        return place

    def publish(self, suite: str, architecture: str = "amd64", **how: object) -> None:
        """Write the indexes of main, updates and security."""
        for dist in (suite, f"{suite}-updates", f"{suite}-security"):
            self.publish_dist(dist, architecture, **how)  # type: ignore[arg-type]

    def publish_dist(
        self,
        dist: str,
        architecture: str = "amd64",
        *,
        compress: str = "xz",
        by_hash: bool = True,
        date: datetime = NOW - timedelta(days=1),
        valid_until: datetime | None = None,
        codename: str | None = None,
        user: str = "Test archive <t@example.org>",
        change: Mapping[str, str] | None = None,
    ) -> None:
        """Write one dist. `change`: texts to replace in the InRelease after it was signed."""
        folder = self.root / archive_of(dist) / "dists" / dist
        text = "\n".join(_stanza(one) for one in self.packages.get(dist, []))
        index = compressed(text.encode(), compress)
        name = f"main/binary-{architecture}/Packages" + (f".{compress}" if compress else "")
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(index)
        sha256 = hashlib.sha256(index).hexdigest()
        if by_hash:
            hashed = place.parent / "by-hash/SHA256" / sha256
            hashed.parent.mkdir(parents=True, exist_ok=True)
            hashed.write_bytes(index)
        lines = [f"Origin: Test\nSuite: {dist}\nCodename: {codename or dist}\nDate: {format_datetime(date)}"]
        if valid_until is not None:
            lines.append(f"Valid-Until: {format_datetime(valid_until)}")
        if by_hash:
            lines.append("Acquire-By-Hash: yes")
        lines.append(f"SHA256:\n {sha256} {len(index):>8} {name}\n")
        data = signed("\n".join(lines), user)
        for old, new in (change or {}).items():
            assert old.encode() in data
            data = data.replace(old.encode(), new.encode())
        (folder / "InRelease").write_bytes(data)


def _stanza(one: Deb) -> str:
    fields = {**one.fields, "Filename": one.path, "Size": str(len(one.data)), "SHA256": one.sha256}
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + "Description: a test\n more\n"
