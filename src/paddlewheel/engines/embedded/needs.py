"""What a wheel's native code needs of the image: the DT_NEEDED sonames of its ELF files, learned once per wheel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.members import Container, Member
from paddlewheel.engines.embedded.wheel import read_wheel
from paddlewheel.errors import NativeCodeError, WheelError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_KIND: Final = "needs-1"
_IN_MEMORY: Final = 16 << 20
_MACHINES: Final = {
    "amd64": "EM_X86_64",
    "arm64": "EM_AARCH64",
    "riscv64": "EM_RISCV",
    "ppc64le": "EM_PPC64",
    "s390x": "EM_S390",
    "arm": "EM_ARM",
    "386": "EM_386",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of one wheel. `needed`: soname -> one file that needs it; `brings`: names of its shared libraries."""

    needed: Mapping[str, str]
    brings: tuple[str, ...]
    machines: Mapping[str, str]
    """ELF machine, as ``EM_X86_64`` -> one file that is for it."""


def wheel_needs(path: Path, filename: str, sha256: str, cache: Cache) -> Needs:
    """Read the ELF files of a wheel, or the cache's record of them."""
    record = cache.record(_KIND, sha256)
    if record is None:
        found = _read(path, filename)
        record = {"needed": dict(found.needed), "brings": list(found.brings), "machines": dict(found.machines)}
        cache.put_record(_KIND, sha256, record)
    return Needs(needed=record["needed"], brings=tuple(record["brings"]), machines=record["machines"])


def known_needs(sha256: str, cache: Cache) -> Needs | None:
    """The cache's record for a wheel, if it was read before."""
    record = cache.record(_KIND, sha256)
    if record is None:
        return None
    return Needs(needed=record["needed"], brings=tuple(record["brings"]), machines=record["machines"])


def _read(path: Path, filename: str) -> Needs:
    needed: dict[str, str] = {}
    machines: dict[str, str] = {}
    brings = []
    with Container(path, filename) as container:
        for name, member in read_wheel(container, path, filename).members.items():
            if member.size < 64 or container.read_start(member, 4) != b"\x7fELF":
                continue
            brings.append(name.rpartition("/")[2])
            with _open(container, member) as file:
                machine, sonames = _elf(file, f"{filename}: {name}")
            machines.setdefault(machine, name)
            for soname in sonames:
                needed.setdefault(soname, name)
    return Needs(needed=needed, brings=tuple(sorted(set(brings))), machines=machines)


def _open(container: Container, member: Member) -> IO[bytes]:
    """The member as a file: in memory when small, else in a temporary file that has no name."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    for _, inflated in container.pieces(member):
        file.write(inflated)
    file.seek(0)
    return file


def _elf(file: IO[bytes], where: str) -> tuple[str, list[str]]:
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError
    from elftools.elf.elffile import ELFFile

    try:
        elf: ELFFile = ELFFile(file)
        return str(elf["e_machine"]), _sonames(elf)
    except (ELFError, ConstructError, ValueError, KeyError, OverflowError) as error:
        raise WheelError(f"{where} looks like an ELF file but cannot be read ({error})") from error


def _sonames(elf: ELFFile) -> list[str]:
    from elftools.elf.dynamic import DynamicSegment

    for segment in elf.iter_segments("PT_DYNAMIC"):
        if isinstance(segment, DynamicSegment):
            return [str(tag.needed) for tag in segment.iter_tags("DT_NEEDED")]  # type: ignore[attr-defined]
    return []


def check_machines(label: str, needs: Needs, architecture: str) -> None:
    """Raise `NativeCodeError` when a wheel holds no code for `architecture` (Go's name), but some for another."""
    wanted = _MACHINES.get(architecture)
    if wanted and needs.machines and wanted not in needs.machines:
        machine, file = next(iter(needs.machines.items()))
        raise NativeCodeError(
            f"{label}: {file} is for {machine.removeprefix('EM_')}, the image is for {architecture}",
            hint="the wheel's name promises another machine than its files are for; report it to its authors",
        )


def missing_libraries(needs: Iterable[tuple[str, Needs]]) -> dict[str, str]:
    """Sonames that wheels need and that none of them brings: soname -> ``label: file`` that needs it."""
    found = list(needs)
    brought = {name for _, need in found for name in need.brings}
    missing: dict[str, str] = {}
    for label, need in found:
        for soname, file in need.needed.items():
            if soname not in brought:
                missing.setdefault(soname, f"{label}: {file}")
    return missing
