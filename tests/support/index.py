"""A package index on loopback: a folder of wheels and source distributions behind the simple API.

HTML (PEP 503) and JSON (PEP 691, PEP 700), metadata files beside the wheels (PEP 658, PEP 714). For uv and pip::

    with PackageIndex(folder) as index:
        subprocess.run(["uv", "pip", "compile", ...], env={**os.environ, **index.environment})
"""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from email.parser import HeaderParser
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from tests.support.server import Request, Response, Server, file_response
from tests.support.wheels import sha256

UPLOADED: Final = datetime(2024, 5, 17, 12, 0, 0, tzinfo=UTC)
"""When every file was uploaded, unless told otherwise."""

_JSON: Final = "application/vnd.pypi.simple.v1+json"
_HTML: Final = "text/html"


class PackageIndex(Server):
    """Serves ``/simple/`` and ``/files/``. Files may be added to the folder while it runs.

    `wrong_hashes`: shell patterns of file names whose hash is told wrong. `hashes`: whether any are told.
    `uploaded`: times by file name. `yanked`: reasons by file name. `json`: whether JSON is offered beside HTML.
    `metadata`: whether metadata files are.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hashes: bool = True,
        wrong_hashes: tuple[str, ...] = (),
        uploaded: Mapping[str, datetime] | None = None,
        yanked: Mapping[str, str] | None = None,
        json: bool = True,
        metadata: bool = True,
        password: tuple[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(password=password, certificate=certificate)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.simple = f"{self.url}/simple"
        self._hashes = hashes
        self._wrong_hashes = wrong_hashes
        self._uploaded = dict(uploaded or {})
        self._yanked = dict(yanked or {})
        self._json = json
        self._metadata = metadata

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make uv and pip use this index alone."""
        return {
            "UV_DEFAULT_INDEX": self.simple,
            "UV_INDEX": "",
            "UV_NO_CONFIG": "1",
            "PIP_INDEX_URL": self.simple,
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_FIND_LINKS": "",
            "UV_FIND_LINKS": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def file_url(self, path: Path | str) -> str:
        """Where a file of the folder is served."""
        return f"{self.url}/files/{Path(path).name}"

    def respond(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/"))
        project = re.fullmatch(r"/simple/([^/]+)/?", path)
        accepts_json = self._json and _JSON in request.headers.get("accept", "")
        if path.rstrip("/") == "/simple":
            return self._page(accepts_json, None, sorted({_project(file) for file in self._served()}))
        if project is None:
            return Response(404, b"there is no such page\n")
        if not path.endswith("/"):
            return Response(301, b"", {"Location": f"/simple/{project[1]}/"})
        name = canonicalize_name(project[1])
        files = [self._describe(file) for file in self._served() if _project(file) == name]
        return self._page(accepts_json, name, files) if files else Response(404, b"there is no such project\n")

    def _served(self) -> list[Path]:
        return sorted(file for file in self.folder.iterdir() if file.name.endswith((".whl", ".tar.gz")))

    def _file(self, name: str) -> Response:
        wheel = self.folder / name.removesuffix(".metadata")
        if self._metadata and name.endswith(".whl.metadata") and wheel.is_file():
            return Response(200, _metadata_of(wheel), {"Content-Type": "text/plain"})
        return file_response(self.folder, name)

    def _describe(self, file: Path) -> dict[str, Any]:
        """The file as PEP 691 has it."""
        told: dict[str, Any] = {
            "filename": file.name,
            "url": self.file_url(file),
            "hashes": {"sha256": self._hash(file)} if self._hashes else {},
            "size": file.stat().st_size,
            "upload-time": self._uploaded.get(file.name, UPLOADED).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "yanked": self._yanked.get(file.name, False),
        }
        if file.suffix == ".whl":
            requires = HeaderParser().parsestr(_metadata_of(file).decode())["Requires-Python"]
            told |= {"requires-python": requires} if requires else {}
            told |= {"core-metadata": True} if self._metadata else {}
        return told

    def _hash(self, file: Path) -> str:
        if any(fnmatchcase(file.name, pattern) for pattern in self._wrong_hashes):
            return "0" * 64
        return sha256(file)

    def _page(self, as_json: bool, name: str | None, entries: list[Any]) -> Response:
        headers = {"Content-Type": f"{_HTML}; charset=utf-8", "Cache-Control": "max-age=0"}
        if as_json:
            page: dict[str, Any] = {"meta": {"api-version": "1.1"}}
            if name is None:
                page["projects"] = [{"name": entry} for entry in entries]
            else:
                page |= {"name": name, "files": entries, "versions": sorted({_version(e) for e in entries})}
            return Response(200, json.dumps(page).encode(), headers | {"Content-Type": _JSON})
        links = [f'<a href="/simple/{e}/">{e}</a>' for e in entries] if name is None else map(_link, entries)
        text = '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>\n'
        return Response(200, (text + "<br>\n".join(links) + "</body></html>\n").encode(), headers)


def _project(file: Path) -> str:
    return parse_wheel_filename(file.name)[0] if file.suffix == ".whl" else parse_sdist_filename(file.name)[0]


def _version(entry: dict[str, Any]) -> str:
    name: str = entry["filename"]
    return str(parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1])


def _link(entry: dict[str, Any]) -> str:
    """A file as PEP 503 has it."""
    fragment = "".join(f"#{algorithm}={value}" for algorithm, value in entry["hashes"].items())
    attributes = ""
    if entry.get("requires-python"):
        attributes += f' data-requires-python="{html.escape(entry["requires-python"])}"'
    if entry.get("core-metadata"):
        attributes += ' data-core-metadata="true" data-dist-info-metadata="true"'
    if entry["yanked"]:
        attributes += f' data-yanked="{html.escape(entry["yanked"])}"'
    return f'<a href="{entry["url"]}{fragment}"{attributes}>{entry["filename"]}</a>'


def _metadata_of(wheel: Path) -> bytes:
    about = wheel.stat()
    return _read_metadata(wheel, about.st_mtime_ns, about.st_size)


@cache
def _read_metadata(wheel: Path, mtime: int, size: int) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA") and name.count("/") == 1:
                return archive.read(name)
    return b""
