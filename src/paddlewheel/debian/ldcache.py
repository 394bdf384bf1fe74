"""/etc/ld.so.cache, written as ldconfig would from the files of a layer; nothing is run.

Sources: glibc's sysdeps/generic/dl-cache.h (the format ``glibc-ld.so.cache1.1``), elf/cache.c (the order) and
elf/ldconfig.c (which files count, and under which name).
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Final

_MAGIC: Final = b"glibc-ld.so.cache1.1"
_HEADER: Final = struct.Struct("<20sIIB3xI12x")
_ENTRY: Final = struct.Struct("<iIIIQ")
_LITTLE_ENDIAN: Final = 2
_ELF_LIBC6: Final = 0x0003
# dl-cache.h: the flags of a library's ABI, by ELF machine.
_ABI: Final[Mapping[str, int]] = {
    "EM_X86_64": 0x0300,
    "EM_AARCH64": 0x0A00,
    "EM_PPC64": 0x0500,
    "EM_S390": 0x0400,
    "EM_ARM": 0x0900,
    "EM_RISCV": 0x1000,
    "EM_386": 0x0000,
}
_CANDIDATE: Final = re.compile(r"(lib.*|ld-.*|ld64)\.so(\..*)?")
SYSTEM_FOLDERS: Final = ("/lib", "/usr/lib")


@dataclass(frozen=True, slots=True)
class Library:
    """A shared library that the loader may be asked for: its soname, its path as the cache has it, its ABI flags."""

    soname: str
    path: str
    flags: int


def is_candidate(name: str) -> bool:
    """Whether ldconfig looks at a file of this name."""
    return _CANDIDATE.fullmatch(name) is not None


def read_library(data: bytes) -> tuple[str, int] | None:
    """The soname (empty where the file has none) and ABI flags of a shared library, or None for what is none."""
    if not data.startswith(b"\x7fELF"):
        return None
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(data))
        machine = elf.header["e_machine"]
        if machine not in _ABI:
            return None
        for segment in elf.iter_segments("PT_DYNAMIC"):
            if not isinstance(segment, DynamicSegment):
                continue
            for tag in segment.iter_tags("DT_SONAME"):
                # pyelftools sets the attribute by the tag's name, which its types do not tell.
                return str(tag.soname), _ELF_LIBC6 | _ABI[machine]  # type: ignore[attr-defined]
            return "", _ELF_LIBC6 | _ABI[machine]
    except (ELFError, ValueError, KeyError, UnicodeDecodeError):
        return None
    return None


def configured_folders(configurations: Mapping[str, str]) -> tuple[str, ...]:
    """The folders that /etc/ld.so.conf and what it includes name, in order, then the system's.

    `configurations`: path -> text of /etc/ld.so.conf and /etc/ld.so.conf.d/*.conf.
    """
    names = sorted(path for path in configurations if path.startswith("/etc/ld.so.conf.d/") and path.endswith(".conf"))
    found: dict[str, None] = {}
    for name in names:
        for line in configurations[name].splitlines():
            folder = line.partition("#")[0].strip().rstrip("/")
            if folder.startswith("/"):
                found[folder] = None
    found.update(dict.fromkeys(SYSTEM_FOLDERS))
    return tuple(found)


def _compare(left: Library, right: Library) -> int:
    order = compare_names(left.soname, right.soname)
    return order or left.flags - right.flags


def compare_names(left: str, right: str) -> int:
    """glibc's `_dl_cache_libcmp`: digits count as numbers, and a digit is greater than anything else."""
    one, two = left + "\0", right + "\0"
    here = there = 0
    while one[here] != "\0":
        if one[here].isdigit():
            if not two[there].isdigit():
                return 1
            first, here = _number(one, here)
            second, there = _number(two, there)
            if first != second:
                return first - second
        elif two[there].isdigit():
            return -1
        elif one[here] != two[there]:
            return ord(one[here]) - ord(two[there])
        else:
            here += 1
            there += 1
    return ord(one[here]) - ord(two[there])


def _number(text: str, place: int) -> tuple[int, int]:
    end = place
    while text[end].isdigit():
        end += 1
    return int(text[place:end]), end


def write_cache(libraries: Iterable[Library]) -> bytes:
    """The bytes of a cache file. The loader searches it by halves, so the order is glibc's, descending."""
    ordered = sorted(set(libraries), key=lambda library: library.path)
    ordered.sort(key=cmp_to_key(_compare), reverse=True)
    strings = bytearray()
    places: dict[str, int] = {}
    start = _HEADER.size + _ENTRY.size * len(ordered)

    def place(text: str) -> int:
        if text not in places:
            places[text] = start + len(strings)
            strings.extend(text.encode() + b"\0")
        return places[text]

    entries = [_ENTRY.pack(library.flags, place(library.soname), place(library.path), 0, 0) for library in ordered]
    head = _HEADER.pack(_MAGIC, len(ordered), len(strings), _LITTLE_ENDIAN, 0)
    return head + b"".join(entries) + bytes(strings)


def cached_libraries(
    libraries: Iterable[tuple[str, str, int]], links: Mapping[str, str], folders: Iterable[str]
) -> tuple[list[Library], dict[str, str]]:
    """What ldconfig makes of the files in `folders`: the cache's entries, and links that it would add.

    `libraries`: path, soname (may be empty), flags of each regular file, absolute, behind merged /usr;
    `links`: path -> target of each symlink. The second result is path -> target.
    """
    known = {path: (soname, flags) for path, soname, flags in libraries}
    found: list[Library] = []
    added: dict[str, str] = {}
    seen: set[str] = set()
    for folder in folders:
        real = _behind_usr(folder)
        if real in seen:
            continue
        seen.add(real)
        found += _folder(folder, real, known, links, added)
    return found, added


def _folder(
    shown: str, real: str, known: Mapping[str, tuple[str, int]], links: Mapping[str, str], added: dict[str, str]
) -> list[Library]:
    best: dict[str, tuple[str, int, bool]] = {}
    for path in sorted({*known, *links}):
        folder, name = posixpath.split(path)
        if folder != real or not is_candidate(name):
            continue
        target = _resolve(path, links)
        if target not in known:
            continue
        soname, flags = known[target]
        is_link = path in links
        soname = soname or name
        # ldconfig: a link stands for itself where it is named as the soname, or is ld's libX.so for libX.so.1.
        is_link = path in links and (name == soname or (name.endswith(".so") and soname.startswith(name)))
        if is_link:
            soname = name
        old = best.get(soname)
        # A file is preferred to a link; of two of a kind, the newer.
        if old is None or (old[2] and not is_link) or (old[2] == is_link and compare_names(old[0], name) < 0):
            best[soname] = (name, flags, is_link)
    libraries = []
    for soname, (name, flags, _) in sorted(best.items()):
        place = f"{real}/{soname}"
        if place not in known and place not in links:
            added[place] = name
        libraries.append(Library(soname, f"{shown}/{soname}", flags))
    return libraries


def _resolve(path: str, links: Mapping[str, str]) -> str:
    """Follow symlinks of the last part of `path`, at most 16."""
    for _ in range(16):
        target = links.get(path)
        if target is None:
            return path
        path = _behind_usr(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
    return path


def _behind_usr(path: str) -> str:
    first = path.split("/")[1] if path.count("/") >= 1 else ""
    return "/usr" + path if first in ("bin", "sbin", "lib", "lib32", "lib64", "libx32") else path
