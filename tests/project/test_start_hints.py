"""What a folder's files say about how the project starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paddlewheel.errors import ProjectError
from paddlewheel.project import start_hints
from paddlewheel.project.applications import find
from paddlewheel.project.model import StartHints
from paddlewheel.project.start_hints import read_hints
from tests.support.tree import write_tree

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import fastapi\napp = fastapi.FastAPI()\n"
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
ASGI = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"


def hints(root: Path, files: dict[str, str], *, package: bool = False) -> StartHints:
    return read_hints(write_tree(root, files), name="shop", scripts={}, is_package=package)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (FLASK, [("app", "flask", "wsgi", False)]),
        (FASTAPI, [("app", "fastapi", "asgi", False)]),
        (WSGI, [("application", "django", "wsgi", False)]),
        (ASGI, [("application", "django", "asgi", False)]),
        ("from flask import Flask as F\nweb: object = F('x')", [("web", "flask", "wsgi", False)]),
        ("import flask as f\na = b = f.Flask('x')", [("a", "flask", "wsgi", False)]),
        ("from starlette.applications import Starlette\nx = Starlette()", [("x", "starlette", "asgi", False)]),
        ("from quart import Quart\nx = Quart('x')", [("x", "quart", "asgi", False)]),
        ("from litestar import Litestar\nx = Litestar([])", [("x", "litestar", "asgi", False)]),
        ("import falcon\nx = falcon.App()", [("x", "falcon", "wsgi", False)]),
        ("import falcon.asgi\nx = falcon.asgi.App()", [("x", "falcon", "asgi", False)]),
        ("from dash import Dash\napp = Dash()\nserver = app.server", [("server", "dash", "wsgi", False)]),
        ("from dash import Dash\napp = Dash()", []),
        ("try:\n  from flask import Flask\n  app = Flask('x')\nfinally: pass", [("app", "flask", "wsgi", False)]),
        ("from flask import Flask\nif True:\n  pass\nelse:\n  app = Flask('x')", [("app", "flask", "wsgi", False)]),
        ("from flask import Flask\nif __name__ == '__main__':\n  app = Flask('x')", []),
        ("from flask import Flask\ndef helper():\n  app = Flask('x')", []),
        ("from other import Flask\napp = Flask('x')", []),
        ("app = Flask('x')", []),
        ("# from flask import Flask\ntext = 'Flask(__name__)'", []),
        ("def create_app():\n  from flask import Flask\n  return Flask('x')", [("create_app", "flask", "wsgi", True)]),
        ("def create_app(): return 3", []),
        ("from flask import Flask\ndef broken(:", []),
        ("\0flask", []),
        ("", []),
    ],
)
def test_applications_in_one_module(source: str, found: list[tuple[str, str, str, bool]]) -> None:
    assert [(one.variable, one.framework, one.kind, one.factory) for one in find(source.encode())] == found


@pytest.mark.parametrize(
    ("arguments", "bare"),
    [("", True), ("config=None", True), ("*args, x=1, **kw", True), ("config", False), ("*, config", False)],
)
def test_a_factory_that_needs_arguments_cannot_be_called(arguments: str, bare: bool) -> None:
    (one,) = find(f"from flask import Flask\ndef create_app({arguments}):\n  return Flask('x')".encode())
    assert one.callable_bare is bare


@pytest.mark.parametrize(
    ("files", "kind", "reference", "framework"),
    [
        ({"app.py": FLASK}, "wsgi", "app:app", "flask"),
        ({"main.py": FASTAPI}, "asgi", "main:app", "fastapi"),
        ({"shop/__init__.py": FLASK}, "wsgi", "shop:app", "flask"),
        ({"app/main.py": FASTAPI}, "asgi", "app.main:app", "fastapi"),
        ({"src/shop/api.py": FASTAPI, "src/shop/__init__.py": ""}, "asgi", "shop.api:app", "fastapi"),
        ({"tests/app.py": FLASK, "shop/app.py": FLASK}, "wsgi", "shop.app:app", "flask"),
        ({".venv/x/app.py": FLASK, "node_modules/app.py": FLASK, "z.py": FLASK}, "wsgi", "z:app", "flask"),
        ({"my_env/pyvenv.cfg": "", "my_env/app.py": FLASK, "z.py": FLASK}, "wsgi", "z:app", "flask"),
        ({"main.py": FASTAPI, "shop/internal.py": FASTAPI}, "asgi", "main:app", "fastapi"),
        ({"main.py": FASTAPI + "docs = fastapi.FastAPI()\n"}, "asgi", "main:app", "fastapi"),
        (
            {"shop/__init__.py": "def create_app():\n  from flask import Flask\n  return Flask('x')"},
            "wsgi",
            "shop:create_app()",
            "flask",
        ),
        (
            {
                "shop/__init__.py": "def create_app(c):\n  from flask import Flask\n  return Flask('x')",
                "wsgi.py": "from shop import create_app\napp = create_app('prod')",
            },
            "wsgi",
            "wsgi:app",
            "flask",
        ),
        (
            {"shop.py": "from flask import Flask\ndef create_app():\n  return Flask('x')\napp = create_app()"},
            "wsgi",
            "shop:app",
            "flask",
        ),
    ],
)
def test_the_likeliest_application_is_found(
    tmp_path: Path, files: dict[str, str], kind: str, reference: str, framework: str
) -> None:
    found = hints(tmp_path, files)
    assert (getattr(found, kind), found.framework, found.candidates) == (reference, framework, ())


def test_django_has_two_doors(tmp_path: Path) -> None:
    found = hints(tmp_path, {"manage.py": "", "site/wsgi.py": WSGI, "site/asgi.py": ASGI, "site/__init__.py": ""})
    assert (found.wsgi, found.asgi) == ("site.wsgi:application", "site.asgi:application")
    assert (found.framework, found.manage_py, found.candidates) == ("django", True, ())


MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "two.settings")'


@pytest.mark.parametrize(("manage", "expected"), [(MANAGE, "two.wsgi:application"), ("", None)])
def test_manage_py_decides_between_two_django_sites(tmp_path: Path, manage: str, expected: str | None) -> None:
    found = hints(tmp_path, {"manage.py": manage, "one/wsgi.py": WSGI, "two/wsgi.py": WSGI})
    assert found.wsgi == expected
    assert found.candidates == (() if expected else ("one.wsgi:application", "two.wsgi:application"))


def test_applications_of_equal_standing_are_candidates(tmp_path: Path) -> None:
    found = hints(tmp_path, {"shop/app.py": FLASK, "admin/app.py": FLASK})
    assert (found.wsgi, found.candidates) == (None, ("admin.app:app", "shop.app:app"))
    found = hints(tmp_path / "2", {"shop/app.py": FLASK, "admin/app.py": FASTAPI})
    assert (found.wsgi, found.asgi, found.candidates) == (None, None, ("admin.app:app", "shop.app:app"))


@pytest.mark.parametrize(
    ("files", "reference"),
    [
        ({"src/shop/app.py": FLASK, "src/shop/__init__.py": "", "main.py": FASTAPI}, "shop.app:app"),
        ({"shop/app.py": FLASK, "shop/__init__.py": "", "main.py": FASTAPI}, "shop.app:app"),
        ({"shop.py": FLASK, "main.py": FASTAPI}, "shop:app"),
        ({"scripts/app.py": FLASK}, None),
    ],
)
def test_only_what_the_wheel_holds_counts_for_a_package(
    tmp_path: Path, files: dict[str, str], reference: str | None
) -> None:
    found = hints(tmp_path, files, package=True)
    assert (found.wsgi, found.asgi, found.main_file) == (reference, None, None)


@pytest.mark.parametrize(
    ("files", "root", "reference"),
    [
        ({"src/main.py": FASTAPI}, "src", "main:app"),
        ({"src/main.py": FASTAPI + "from src import db\n"}, "", "src.main:app"),
        ({"src/main.py": FASTAPI, "src/__init__.py": ""}, "", "src.main:app"),
        ({"src/main.py": FASTAPI, "start.py": ""}, "", "src.main:app"),
    ],
)
def test_where_modules_are_imported_from(tmp_path: Path, files: dict[str, str], root: str, reference: str) -> None:
    found = hints(tmp_path, files)
    assert (found.source_root, found.asgi) == (root, reference)


@pytest.mark.parametrize(
    ("files", "package", "module"),
    [
        ({"shop/__main__.py": "", "shop/__init__.py": ""}, True, "shop"),
        ({"src/other/__main__.py": "", "src/other/__init__.py": ""}, True, "other"),
        ({"__main__.py": ""}, False, "__main__"),
        ({"tests/__main__.py": ""}, False, None),
        ({"shop/__main__.py": "", "tool/__main__.py": ""}, False, "shop"),
        ({"shop/sub/__main__.py": ""}, False, None),
    ],
)
def test_packages_that_can_be_run(tmp_path: Path, files: dict[str, str], package: bool, module: str | None) -> None:
    if package:
        files = {**files, "pyproject.toml": ""}
    assert hints(tmp_path, files, package=package).main_module == module


def test_two_packages_that_can_be_run_are_candidates(tmp_path: Path) -> None:
    found = hints(tmp_path, {"a/__main__.py": "", "b/__main__.py": ""})
    assert (found.main_module, found.candidates) == (None, ("python -m a", "python -m b"))


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"main.py": "", "helper.py": ""}, "main.py"),
        ({"app.py": "", "main.py": ""}, "main.py"),
        ({"etl.py": "", "setup.py": "", "conftest.py": "", "test_etl.py": ""}, "etl.py"),
        ({"a.py": "", "b.py": ""}, None),
        ({}, None),
    ],
)
def test_a_lone_script(tmp_path: Path, files: dict[str, str], name: str | None) -> None:
    assert hints(tmp_path, files).main_file == name


def test_a_procfile(tmp_path: Path) -> None:
    text = "# processes\nweb: gunicorn shop:app --bind :$PORT\n\nworker : celery -A shop worker\n"
    found = hints(tmp_path, {"Procfile": text}).procfile
    assert list(found.items()) == [("web", "gunicorn shop:app --bind :$PORT"), ("worker", "celery -A shop worker")]


def test_a_procfile_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Procfile:2: 'gunicorn' is no process"):
        hints(tmp_path, {"Procfile": "\ngunicorn\n"})


def test_the_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_hints, "MAX_FILES", 3)
    monkeypatch.setattr(start_hints, "MAX_BYTES", 100)
    monkeypatch.setattr(start_hints, "MAX_DEPTH", 1)
    assert hints(tmp_path / "1", {"a.py": "", "b.py": "", "c.py": "", "d.py": FLASK}).wsgi is None
    assert hints(tmp_path / "2", {"a.py": FLASK + "#" * 100}).wsgi is None
    assert hints(tmp_path / "3", {"a/b/c.py": FLASK}).wsgi is None
    assert hints(tmp_path / "4", {"a/c.py": FLASK}).wsgi == "a.c:app"


def test_odd_files_do_no_harm(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.py")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    deep = "x = " + "(" * 5000 + ")" * 5000 + "\nimport flask"
    assert hints(tmp_path, {"deep.py": deep, "ok.py": FLASK}).wsgi == "ok:app"
