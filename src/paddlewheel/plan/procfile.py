"""A Procfile's command line in exec form; one that needs a shell is refused, as a composed image has none. Pure."""

from __future__ import annotations

import re
import shlex
from typing import Final

from paddlewheel.errors import ProjectError

_PORT: Final = re.compile(r"\$PORT\b|\$\{PORT(?::?[-=][^}]*)?\}")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_QUOTED: Final = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""")
_UNEXPANDED: Final = re.compile(r"'[^']*'|\\.")
_OPERATOR: Final = re.compile(r"&&|\|\||>>|[;&|<>()]")
_EXPANSION: Final = re.compile(r"\$\{?\w+\}?|\$\(|`")


def exec_form(line: str, port: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """The words of a command line, and the variables set in front of it. ``$PORT`` becomes `port`.

    Raise `ProjectError` where only a shell could run it.
    """
    text = _PORT.sub(str(port), line)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _refused(line, str(error).lower()) from error
    special = _OPERATOR.search(_QUOTED.sub("_", text)) or _EXPANSION.search(_UNEXPANDED.sub("_", text))
    if special:
        raise _refused(line, f"`{special[0]}` needs a shell")
    env: dict[str, str] = {}
    if words and words[0] == "env" and len(words) > 1 and _ASSIGNMENT.fullmatch(words[1]):
        words = words[1:]
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        env[match[1]] = match[2]
        words = words[1:]
    if words and words[0] == "exec":
        words = words[1:]
    if not words:
        raise _refused(line, "there is no program")
    return tuple(words), env


def _refused(line: str, why: str) -> ProjectError:
    return ProjectError(
        f"Procfile: web: {line}: {why}, and there is none in the image",
        hint='write what is to run as `cmd = ["gunicorn", "shop.wsgi"]` in [tool.paddlewheel]; '
        "migrations and the like are steps of a deployment, run before it",
    )
