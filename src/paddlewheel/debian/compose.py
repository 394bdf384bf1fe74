"""Composing a base: Debian packages unpacked into layers, and what their maintainer scripts would have done.

Two layers. The *core* is the same for every project with the same lock of a suite. The *extras*, packages that the
project or its wheels want beside it, lie on top with an ld.so.cache of their own, so that one more library does not
push the core again.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from paddlewheel.debian import ldcache
from paddlewheel.debian.deb import DebFile
from paddlewheel.debian.filters import dropped_by
from paddlewheel.debian.model import SUITES, PinnedBase, PinnedPackage
from paddlewheel.debian.system_files import (
    BUNDLE,
    CERTIFICATES,
    alternatives,
    certificate_bundle,
    skeleton,
    text_file,
)
from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.tar import Entry

FORMAT: Final = 1
"""Raised when the same packages become other bytes: filters, generated files, order."""

_AHEAD: Final = 8 << 20
"""Packages up to this size (bytes, compressed) are unpacked in memory while the one before is written."""

_LD_CONF: Final = "etc/ld.so.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What a composed layer holds, the layers below it included. Goes to JSON, to be kept beside a cached layer."""

    files: tuple[str, ...]
    """Paths of everything that is no directory, sorted."""
    directories: tuple[str, ...]
    elf: tuple[tuple[str, str, int], ...]
    """Absolute path, soname and ABI flags of each shared library, wherever it lies."""
    links: Mapping[str, str]
    """Absolute path -> target of each symlink with a library's name."""
    ld_conf: Mapping[str, str]
    """The loader's configuration files, by absolute path."""
    sonames: tuple[str, ...]
    """What /etc/ld.so.cache lists, sorted."""
    symlinks: Mapping[str, str] = field(default_factory=dict)
    """Path -> target of every symlink."""
    special: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """Mode, user and group of directories that are not root's with mode 755, as /tmp. A layer above that has such a
    directory, if only as the parent of a file, must repeat them."""

    def to_json(self) -> dict[str, Any]:
        return {
            "files": list(self.files),
            "directories": list(self.directories),
            "elf": [list(item) for item in self.elf],
            "links": dict(self.links),
            "ld_conf": dict(self.ld_conf),
            "sonames": list(self.sonames),
            "symlinks": dict(self.symlinks),
            "special": {path: list(what) for path, what in self.special.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Composed:
        return cls(
            files=tuple(value["files"]),
            directories=tuple(value["directories"]),
            elf=tuple((path, soname, flags) for path, soname, flags in value["elf"]),
            links=dict(value["links"]),
            ld_conf=dict(value["ld_conf"]),
            sonames=tuple(value["sonames"]),
            symlinks=dict(value["symlinks"]),
            special={path: (mode, uid, gid) for path, (mode, uid, gid) in value["special"].items()},
        )


def core_packages(base: PinnedBase) -> tuple[PinnedPackage, ...]:
    return tuple(package for package in base.packages if not package.extra)


def extra_packages(base: PinnedBase) -> tuple[PinnedPackage, ...]:
    return tuple(package for package in base.packages if package.extra)


def core_key(base: PinnedBase) -> str:
    """What the core layer's bytes depend on (apart from the writer's level), as a SHA-256 in hex."""
    return _key(base, core_packages(base))


def extras_key(base: PinnedBase) -> str:
    """The same for the extras' layer, which depends on the core too."""
    return _key(base, base.packages)


def _key(base: PinnedBase, packages: Iterable[PinnedPackage]) -> str:
    # All that a lock says of a package, so that one edited by hand is looked at again and not answered from the cache.
    told = [[package.sha256, package.size, package.architecture, package.extra] for package in packages]
    parts = [FORMAT, base.suite, base.architecture, told]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def compose_core(base: PinnedBase, debs: Mapping[str, Path], writer: LayerWriter) -> Composed:
    """Write the core layer to `writer` (which stays open). `debs`: the fetched files, by package name.

    Raise `DebianError` for a package that breaks its format.
    """
    layer = _Layer(base, writer)
    for entry, data in skeleton(base.architecture):
        layer.add(entry, data)
    packages = core_packages(base)
    layer.unpack(packages, debs)
    major, minor = SUITES[base.suite]
    if f"usr/bin/python{major}.{minor}" in layer.files:
        layer.add(Entry("usr/bin/python3", "symlink", 0o777, target=f"python{major}.{minor}"))
    if layer.certificates:
        layer.add(*text_file(BUNDLE, certificate_bundle(layer.certificates)))
    return layer.finish([package.name for package in packages])


def compose_extras(base: PinnedBase, debs: Mapping[str, Path], core: Composed, writer: LayerWriter) -> Composed:
    """Write the layer of extra packages, over `core`. Call only where there are any."""
    layer = _Layer(base, writer, core)
    layer.unpack(extra_packages(base), debs)
    return layer.finish([package.name for package in base.packages])


@dataclass
class _Layer:
    """A layer being written: what is in it so far, and what lies below."""

    base: PinnedBase
    writer: LayerWriter
    below: Composed | None = None
    files: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    certificates: dict[str, bytes] = field(default_factory=dict)
    _elf: dict[str, tuple[str, int]] = field(default_factory=dict)
    _links: dict[str, str] = field(default_factory=dict)
    _conf: dict[str, str] = field(default_factory=dict)
    _symlinks: dict[str, str] = field(default_factory=dict)
    _special: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _lower: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.below is not None:
            self._lower = frozenset(self.below.directories)
            self._elf.update({path: (soname, flags) for path, soname, flags in self.below.elf})
            self._links.update(self.below.links)
            self._conf.update(self.below.ld_conf)
            self._symlinks.update(self.below.symlinks)
            self._special.update(self.below.special)

    def unpack(self, packages: Iterable[PinnedPackage], debs: Mapping[str, Path]) -> None:
        for package, deb, entries in _read_ahead(packages, debs):
            kept = set()
            for entry, data in entries:
                if self._take(entry, data, deb):
                    kept.add(entry.path)
            self._record(package, deb, kept)

    def _take(self, entry: Entry, data: bytes, deb: DebFile) -> bool:
        """Add an entry of a package unless it is not wanted; whether it was added and is no directory."""
        path = entry.path
        if path.startswith(CERTIFICATES) and path.endswith(".crt") and entry.kind == "file":
            self.certificates[path] = data
        if dropped_by(path) is not None or path in self.files:
            return False
        if entry.kind == "hardlink" and entry.target not in self.files:
            # What it shares its bytes with was left out.
            data = deb.content(entry.target)
            entry = Entry(path, "file", entry.mode, len(data))
        if entry.kind == "dir" and path in self.directories | self._lower:
            return False
        self.add(entry, data)
        return entry.kind != "dir"

    def add(self, entry: Entry, data: bytes = b"") -> None:
        if entry.kind == "dir":
            self.directories.add(entry.path)
            if (entry.mode, entry.uid, entry.gid) != (0o755, 0, 0):
                self._special[entry.path] = (entry.mode, entry.uid, entry.gid)
        else:
            if entry.kind == "symlink":
                self._symlinks[entry.path] = entry.target
            self.files.add(entry.path)
            self._note(entry, data)
        self.writer.add(entry, data)

    def _note(self, entry: Entry, data: bytes) -> None:
        """Remember what the loader's cache is made from."""
        path = f"/{entry.path}"
        name = posixpath.basename(path)
        if entry.path == _LD_CONF or entry.path.startswith("etc/ld.so.conf.d/"):
            self._conf[path] = data.decode("utf-8", "replace")
        if not ldcache.is_candidate(name):
            return
        if entry.kind == "symlink":
            self._links[path] = entry.target
        elif entry.kind == "file":
            library = ldcache.read_library(data)
            if library is not None:
                self._elf[path] = library

    def _record(self, package: PinnedPackage, deb: DebFile, kept: set[str]) -> None:
        """The records that scanners read: the control paragraph, and the sums of the files that are here."""
        control = deb.control_files["control"].rstrip("\n") + "\n"
        self.add(*text_file(f"var/lib/dpkg/status.d/{package.name}", control))
        sums = deb.control_files.get("md5sums", "").splitlines(keepends=True)
        lines = "".join(line for line in sums if _behind_usr(line[34:].strip()) in kept)
        self.add(*text_file(f"var/lib/dpkg/status.d/{package.name}.md5sums", lines))

    def finish(self, packages: Iterable[str]) -> Composed:
        for path, target in sorted(alternatives(packages, self.base.architecture).items()):
            if path not in self.files and (self.below is None or path not in self.below.files):
                self.add(Entry(path, "symlink", 0o777, target=target))
        elf = [(path, soname, flags) for path, (soname, flags) in sorted(self._elf.items())]
        folders = ldcache.configured_folders(self._conf)
        libraries, added = ldcache.cached_libraries(elf, self._links, folders)
        for path, target in sorted(added.items()):
            self.add(Entry(path.lstrip("/"), "symlink", 0o777, target=target))
        self.add(*text_file("etc/ld.so.cache", ldcache.write_cache(libraries)))
        lower = self.below
        return Composed(
            files=tuple(sorted(self.files.union(lower.files if lower else ()))),
            directories=tuple(sorted(self.directories | self._lower)),
            elf=tuple(elf),
            links=dict(sorted(self._links.items())),
            ld_conf=dict(sorted(self._conf.items())),
            sonames=tuple(sorted({library.soname for library in libraries})),
            symlinks=dict(sorted(self._symlinks.items())),
            special=dict(sorted(self._special.items())),
        )


def _behind_usr(path: str) -> str:
    first = path.partition("/")[0]
    return f"usr/{path}" if first in ("bin", "sbin", "lib", "lib32", "lib64", "libx32") else path


def _read_ahead(
    packages: Iterable[PinnedPackage], debs: Mapping[str, Path]
) -> Iterator[tuple[PinnedPackage, DebFile, Iterable[tuple[Entry, bytes]]]]:
    """The packages in order, the next ones unpacked in threads meanwhile (xz lets go of the interpreter's lock)."""
    waiting: deque[tuple[PinnedPackage, DebFile, Future[list[tuple[Entry, bytes]]] | None]] = deque()
    pool = ThreadPoolExecutor(2)
    try:
        queue = iter(packages)
        while True:
            for package in queue:
                deb = DebFile(debs[package.name], f"{package.name} {package.version}")
                job = pool.submit(_read, deb) if package.size <= _AHEAD else None
                waiting.append((package, deb, job))
                if len(waiting) > 2:
                    break
            if not waiting:
                return
            package, deb, job = waiting.popleft()
            yield package, deb, deb.entries() if job is None else job.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read(deb: DebFile) -> list[tuple[Entry, bytes]]:
    deb.control_files  # noqa: B018  read here, in the thread, and kept
    return list(deb.entries())
