"""Web applications in Python source, found by reading its syntax tree: nothing is imported or run. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["wsgi", "asgi"]

CONSTRUCTORS: Final[dict[str, tuple[str, Kind]]] = {
    "flask.Flask": ("flask", "wsgi"),
    "fastapi.FastAPI": ("fastapi", "asgi"),
    "fastapi.applications.FastAPI": ("fastapi", "asgi"),
    "starlette.applications.Starlette": ("starlette", "asgi"),
    "quart.Quart": ("quart", "asgi"),
    "litestar.Litestar": ("litestar", "asgi"),
    "litestar.app.Litestar": ("litestar", "asgi"),
    "dash.Dash": ("dash", "wsgi"),
    "falcon.App": ("falcon", "wsgi"),
    "falcon.asgi.App": ("falcon", "asgi"),
    "bottle.Bottle": ("bottle", "wsgi"),
    "django.core.wsgi.get_wsgi_application": ("django", "wsgi"),
    "django.core.asgi.get_asgi_application": ("django", "asgi"),
    # What a Django project with WebSockets puts in its asgi.py.
    "channels.routing.ProtocolTypeRouter": ("django", "asgi"),
}
"""What makes an application -> its framework and interface."""

FACTORIES: Final = ("create_app", "make_app", "build_app", "get_app", "create_application", "get_application")

_WORTH_PARSING: Final = re.compile(
    "|".join(sorted({name.partition(".")[0] for name in CONSTRUCTORS}) + list(FACTORIES)).encode()
)


@dataclass(frozen=True, slots=True)
class Application:
    """An application in one module. `framework` and `kind` are None for what only calls a factory of another module."""

    variable: str
    framework: str | None
    kind: Kind | None
    factory: bool = False
    """`variable` is a function that makes it."""
    callable_bare: bool = True
    """For a factory: whether it can be called without arguments."""
    calls: str | None = None
    """The factory of another module that is called."""


def worth_parsing(source: bytes) -> bool:
    """Whether `find` could find anything: most modules need not be parsed."""
    return _WORTH_PARSING.search(source) is not None


def find(source: bytes) -> list[Application]:
    """The applications that a module makes at its top level, and its factories. Nothing for what is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = _imports(tree)
    found: list[Application] = []
    for node in _top_level(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name in FACTORIES:
            found.extend(_factory(node, names))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found.extend(_assignment(node, names, found))
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, those under `if`, `try` and `with` included; not those of `__main__`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            if "__main__" not in ast.dump(node.test):
                yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.With):
            yield from _top_level(node.body)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Name in the module -> what it was imported as, from every import in it, inside functions too."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                names[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = (
                    f"{node.module}.{alias.name}" if not node.level else f".{alias.name}"
                )
    return names


def _made_by(call: ast.expr | None, names: dict[str, str]) -> tuple[str, Kind] | None:
    """Framework and kind of the application that `call` makes."""
    if not isinstance(call, ast.Call):
        return None
    return CONSTRUCTORS.get(_qualified(call.func, names))


def _qualified(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_qualified(node.value, names)}.{node.attr}"
    return "?"


def _factory(node: ast.FunctionDef, names: dict[str, str]) -> Iterator[Application]:
    made = next(
        (made for inner in ast.walk(node) if isinstance(inner, ast.Call) and (made := _made_by(inner, names))), None
    )
    if made:
        arguments = node.args
        required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
        bare = required == 0 and all(default is not None for default in arguments.kw_defaults)
        yield Application(node.name, made[0], made[1], factory=True, callable_bare=bare)


def _assignment(
    node: ast.Assign | ast.AnnAssign, names: dict[str, str], before: list[Application]
) -> Iterator[Application]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    variables = [target.id for target in targets if isinstance(target, ast.Name)]
    if not variables:
        return
    made = _made_by(node.value, names)
    if made and made[0] != "dash":
        yield Application(variables[0], *made)
    elif isinstance(node.value, ast.Attribute) and node.value.attr == "server":
        # Dash's own object is no WSGI application; its Flask server is: `server = app.server`.
        if any(name.partition(".")[0] == "dash" for name in names.values()):
            yield Application(variables[0], "dash", "wsgi")
    elif isinstance(node.value, ast.Call) and not made:
        called = _qualified(node.value.func, names).rpartition(".")[2]
        if called in FACTORIES:
            own = next((one for one in before if one.factory and one.variable == called), None)
            yield Application(
                variables[0], own.framework if own else None, own.kind if own else None, calls=None if own else called
            )
