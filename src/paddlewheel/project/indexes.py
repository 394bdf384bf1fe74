"""The package indexes that a project names with credentials, so that wheels can be had from where they were found.

uv reads the same places when it resolves; its locks name the files without the credentials::

    requirements.txt   --index-url, --extra-index-url, --find-links, and URLs of packages; ${NAME} is filled in
    pyproject.toml     URLs in [project] and [dependency-groups]; [tool.uv] with [[tool.uv.index]] and sources
    uv.toml            the keys of [tool.uv]: beside the project, the user's own, or the file $UV_CONFIG_FILE
    the environment    UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD for an index with a name
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from paddlewheel.project.model import LockKind, Project

_OPTIONS: Final = frozenset({"--index-url", "--extra-index-url", "--find-links"})
_KEYS: Final = ("index-url", "extra-index-url", "find-links")
_VARIABLE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")
_URL: Final = re.compile(r"(?:git\+)?(https?://[^\s;\"'<>]+)")
_NAMED: Final = re.compile(r"([\w.-]+)=(\S+://\S*)")


def index_urls(project: Project, environ: Mapping[str, str]) -> tuple[str, ...]:
    """URLs with user and password of what the project's packages may come from. Where two are of one origin, the
    later counts. What cannot be read is passed over: uv says what is wrong with it. Secrets: to be shown nowhere.
    """
    found = [
        *_settings(_user_file(environ), environ),
        *_pyproject(project.root / "pyproject.toml", environ),
        *_settings(_load(project.root / "uv.toml"), environ),
        *_requirements(project, environ),
        *_environment(environ),
    ]
    return tuple(dict.fromkeys(url for url in found if "@" in urlsplit(url).netloc))


def _requirements(project: Project, environ: Mapping[str, str]) -> Iterator[str]:
    if project.lock.kind is not LockKind.REQUIREMENTS:
        return
    from paddlewheel.project.requirements import read

    requirements = read(project.lock.path)
    texts = [value for name, value in requirements.options if name in _OPTIONS]
    texts += [line.text for line in (*requirements.lines, *requirements.constraints)]
    yield from _urls(texts, environ)


def _pyproject(path: Path, environ: Mapping[str, str]) -> Iterator[str]:
    pyproject = _load(path)
    yield from _urls(_strings([_inner(pyproject, "project"), pyproject.get("dependency-groups")]), environ)
    yield from _settings(_inner(pyproject, "tool", "uv"), environ)


def _settings(uv: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """The URLs in uv's settings. uv fills no variables into them."""
    for table in (uv, _inner(uv, "pip")):
        yield from _urls(_strings([table.get(key) for key in _KEYS]), {})
    yield from _urls(_strings([uv.get("sources")]), {})
    indexes = uv.get("index")
    for entry in indexes if isinstance(indexes, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("url"), str):
            yield from _index(entry.get("name"), entry["url"], environ)


def _environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Indexes that have a name in UV_INDEX or UV_DEFAULT_INDEX: ``private=https://example.org/simple``."""
    for variable in ("UV_INDEX", "UV_DEFAULT_INDEX"):
        for word in environ.get(variable, "").split():
            match = _NAMED.fullmatch(word)
            if match:
                yield from _index(match[1], match[2], environ)


def _index(name: object, url: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The URL of an index, with what the environment has for its name rather than what stands in it."""
    if isinstance(name, str):
        prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        user, password = environ.get(f"{prefix}_USERNAME"), environ.get(f"{prefix}_PASSWORD")
        if user is not None or password is not None:
            url = _with_credentials(url, user or "", password or "")
    yield from _urls([url], {})


def _with_credentials(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"))


def _urls(texts: Iterable[str], environ: Mapping[str, str]) -> Iterator[str]:
    for text in texts:
        for url in _URL.findall(_VARIABLE.sub(lambda match: environ.get(match[1], match[0]), text)):
            try:
                urlsplit(url)
            except ValueError:
                continue
            yield url


def _strings(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _strings(value.values())
        elif isinstance(value, list):
            yield from _strings(value)


def _inner(table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = table.get(key)
        table = value if isinstance(value, dict) else {}
    return table


def _user_file(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings of uv's user, as far as uv looks at them."""
    if environ.get("UV_CONFIG_FILE"):
        return _load(Path(environ["UV_CONFIG_FILE"]))
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else None)
    if home is None or environ.get("UV_NO_CONFIG"):
        return {}
    return _load(Path(home) / "uv" / "uv.toml")


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
