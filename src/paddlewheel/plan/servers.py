"""Programs that serve a WSGI or ASGI application, and how each is started. Data: `start` knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Literal

from paddlewheel.plan.model import VENV

PORT: Final = 8000
HOST: Final = "0.0.0.0"  # noqa: S104  a container's own network: another address could not be reached from outside

Kind = Literal["wsgi", "asgi"]


@dataclass(frozen=True, slots=True)
class Server:
    """A server by its distribution's name; `command` takes ``module:variable`` and whether that is a factory."""

    package: str
    kind: Kind
    command: Callable[[str, bool], tuple[str, ...]]


def program(name: str, *arguments: str) -> tuple[str, ...]:
    """A program of the environment, by absolute path: it runs whatever PATH says."""
    return (f"{VENV}/bin/{name}", *arguments)


def _gunicorn(app: str, factory: bool) -> tuple[str, ...]:
    return program("gunicorn", f"--bind={HOST}:{PORT}", f"{app}()" if factory else app)


def _waitress(app: str, factory: bool) -> tuple[str, ...]:
    return program("waitress-serve", f"--listen={HOST}:{PORT}", *(("--call",) if factory else ()), app)


def _granian(kind: Kind) -> Callable[[str, bool], tuple[str, ...]]:
    def command(app: str, factory: bool) -> tuple[str, ...]:
        options = (f"--interface={kind}", f"--host={HOST}", f"--port={PORT}", *(("--factory",) if factory else ()))
        return program("granian", *options, app)

    return command


def _uwsgi(app: str, factory: bool) -> tuple[str, ...]:
    # Without --die-on-term uWSGI takes SIGTERM for "reload".
    return program("uwsgi", f"--http={HOST}:{PORT}", "--master", "--die-on-term", f"--module={app}{'()' * factory}")


def _uvicorn(app: str, factory: bool) -> tuple[str, ...]:
    return program("uvicorn", f"--host={HOST}", f"--port={PORT}", *(("--factory",) if factory else ()), app)


def _hypercorn(app: str, factory: bool) -> tuple[str, ...]:
    return program("hypercorn", f"--bind={HOST}:{PORT}", f"{app}()" if factory else app)


def _daphne(app: str, factory: bool) -> tuple[str, ...]:
    return program("daphne", "-b", HOST, "-p", str(PORT), app)


SERVERS: Final = (
    Server("gunicorn", "wsgi", _gunicorn),
    Server("waitress", "wsgi", _waitress),
    Server("granian", "wsgi", _granian("wsgi")),
    Server("uwsgi", "wsgi", _uwsgi),
    Server("uvicorn", "asgi", _uvicorn),
    Server("hypercorn", "asgi", _hypercorn),
    Server("granian", "asgi", _granian("asgi")),
    Server("daphne", "asgi", _daphne),
)
"""In the order in which they are taken when a lock has several."""


def find_server(kind: Kind, packages: Collection[str]) -> Server | None:
    return next((server for server in SERVERS if server.kind == kind and server.package in packages), None)
