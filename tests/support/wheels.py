"""Real wheels and source distributions, built in code.

``make_wheel(folder)`` is a sound wheel of a package ``demo`` 1.0. Everything else is said by keywords, the faults too::

    make_wheel(folder, "tool", "2.1", {"tool.py": "..."}, console_scripts={"tool": "tool:main"})
    make_wheel(folder, files={"demo/run.sh": executable("#!/bin/sh")}, data={"scripts/x": "#!python"})
    make_wheel(folder, files={"demo.py": Member(data=b"x = 1", crc=0)})            # lies about the CRC
    make_wheel(folder, extra=[("../evil.py", b"")], descriptors=True, zip64=True)
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import stat
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from packaging.tags import parse_tag

from tests.support.zips import Member, write_zip

Content = str | bytes | Member
Rows = list[tuple[str, str, str]]
"""Lines of a RECORD: path, hash, size."""


def executable(data: str | bytes) -> Member:
    """A file with the executable bits set."""
    return Member(data=_bytes(data), mode=0o755)


def symlink(target: str) -> Member:
    """A symlink, which no wheel may hold."""
    return Member(data=target.encode(), mode=0o777, kind=stat.S_IFLNK)


def make_wheel(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    files: Mapping[str, Content] | None = None,
    *,
    tag: str = "py3-none-any",
    build: str = "",
    data: Mapping[str, Content] | None = None,
    console_scripts: Mapping[str, str] | None = None,
    gui_scripts: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    extras: Sequence[str] = (),
    requires_python: str = "",
    metadata: str = "",
    dist_info: Mapping[str, Content | None] | None = None,
    purelib: bool | None = None,
    wheel_version: str = "1.0",
    extra: Iterable[tuple[str, Content]] = (),
    record: Callable[[Rows], Rows] | None = None,
    record_text: str | None = None,
    filename: str | None = None,
    stored: bool = False,
    descriptors: bool = False,
    zip64: bool = False,
    prefix: bytes = b"",
    comment: bytes = b"",
) -> Path:
    """Write a wheel into `folder` (made when missing) and return its path.

    `files` lie at the root; None: a package with a version. `data` lies below ``<name>-<version>.data/`` and is
    named ``scripts/x``, ``headers/x``, ``purelib/x``, ``platlib/x``, ``data/share/x``. `metadata`: more header lines of
    METADATA, or headers and a body. `dist_info`: more files of that folder, or others instead of those made here; None
    leaves one out, ``RECORD`` included. `extra`: further members, in order, names unchecked, doubles allowed.
    `record` edits RECORD's rows, `record_text` replaces them. The rest is for `zips.write_zip`.
    """
    stem = f"{_escaped(name)}-{version}"
    members = [(path, _member(content)) for path, content in _root_files(name, version, files).items()]
    members += [(f"{stem}.data/{path}", _member(content)) for path, content in (data or {}).items()]
    info: dict[str, Content | None] = {
        "METADATA": _metadata(name, version, requires, extras, requires_python, metadata),
        "WHEEL": _wheel(wheel_version, tag, build, purelib),
    }
    if console_scripts or gui_scripts:
        info["entry_points.txt"] = _entry_points(console_scripts or {}, gui_scripts or {})
    info |= dist_info or {}
    without_record = "RECORD" in info and info.pop("RECORD") is None
    members += [(f"{stem}.dist-info/{path}", _member(c)) for path, c in info.items() if c is not None]
    members += [(path, _member(content)) for path, content in extra]
    if not without_record:
        place = f"{stem}.dist-info/RECORD"
        text = _record(place, members, record) if record_text is None else record_text
        members.append((place, Member(data=text.encode())))
    folder.mkdir(parents=True, exist_ok=True)
    made = filename or "-".join(part for part in (stem, build, tag) if part) + ".whl"
    return write_zip(
        folder / made,
        members,
        stored=stored,
        descriptors=descriptors,
        zip64=zip64,
        prefix=prefix,
        comment=comment,
    )


def make_sdist(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    requires: Sequence[str] = (),
    pyproject: str | None = None,
) -> Path:
    """Write a source distribution into `folder` and return its path.

    Unless `pyproject` says otherwise, a back end of its own lies inside, so that it builds without any package
    index into a wheel that holds `files` (None: a package with a version).
    """
    stem = f"{_escaped(name)}-{version}"
    content: dict[str, str | bytes] = {
        path: _member(value).content for path, value in _root_files(name, version, files).items()
    }
    if pyproject is None:
        listed = sorted(content)
        content["backend/inside.py"] = _BACKEND.format(
            stem=stem, files=listed, metadata=_metadata(name, version, requires, (), "", "")
        )
        pyproject = '[build-system]\nrequires = []\nbuild-backend = "inside"\nbackend-path = ["backend"]\n'
        pyproject += f'\n[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(requires)!r}\n'
    content["pyproject.toml"] = pyproject
    content["PKG-INFO"] = _metadata(name, version, requires, (), "", "").replace("2.1", "2.2", 1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member, value in content.items():
            info = tarfile.TarInfo(f"{stem}/{member}")
            info.size = len(_bytes(value))
            info.mtime = 1_700_000_000
            archive.addfile(info, io.BytesIO(_bytes(value)))
    return path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_hash(data: bytes) -> str:
    """A hash as RECORD writes it."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


_BACKEND = """\
import pathlib, zipfile

STEM = {stem!r}
METADATA = {metadata!r}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = STEM + "-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as archive:
        def add(path, data):
            archive.writestr(zipfile.ZipInfo(path), data)
            record.append(path + ",,")
        for path in {files!r}:
            add(path, pathlib.Path(path).read_bytes())
        add(STEM + ".dist-info/METADATA", METADATA)
        add(STEM + ".dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        add(STEM + ".dist-info/RECORD", "\\n".join(record) + "\\n" + STEM + ".dist-info/RECORD,,\\n")
    return name
"""


def _root_files(name: str, version: str, files: Mapping[str, Content] | None) -> Mapping[str, Content]:
    if files is not None:
        return files
    return {f"{_escaped(name)}/__init__.py": f'__version__ = "{version}"\n'}


def _escaped(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _member(content: Content) -> Member:
    return content if isinstance(content, Member) else Member(data=_bytes(content))


def _metadata(
    name: str, version: str, requires: Sequence[str], extras: Sequence[str], requires_python: str, more: str
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join(lines) + "\n" + more


def _wheel(version: str, tag: str, build: str, purelib: bool | None) -> str:
    pure = tag.endswith("-any") if purelib is None else purelib
    lines = [f"Wheel-Version: {version}", "Generator: tests", f"Root-Is-Purelib: {str(pure).lower()}"]
    lines += [f"Build: {build}"] if build else []
    lines += sorted(f"Tag: {one}" for one in parse_tag(tag))
    return "\n".join(lines) + "\n"


def _entry_points(console: Mapping[str, str], gui: Mapping[str, str]) -> str:
    text = ""
    for group, scripts in (("console_scripts", console), ("gui_scripts", gui)):
        if scripts:
            text += f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in scripts.items()) + "\n"
    return text


def _record(place: str, members: Sequence[tuple[str, Member]], edit: Callable[[Rows], Rows] | None) -> str:
    rows: Rows = []
    for path, member in members:
        if member.recorded and not path.endswith("/"):
            told = member.record or (_repeated_hash(member), str(member.true_size))
            rows.append((path, *told))
    rows.append((place, "", ""))
    if edit is not None:
        rows = edit(rows)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _repeated_hash(member: Member) -> str:
    whole = hashlib.sha256()
    for _ in range(member.repeat):
        whole.update(member.data)
    return "sha256=" + base64.urlsafe_b64encode(whole.digest()).rstrip(b"=").decode()
