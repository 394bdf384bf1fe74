"""How an image starts, by what the project's files and its lock say."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.errors import ProjectError
from paddlewheel.plan.model import Start
from paddlewheel.plan.procfile import exec_form
from paddlewheel.plan.servers import SERVERS
from paddlewheel.plan.start import check, choose
from paddlewheel.project.reader import read
from tests.support.tree import write_tree

PACKAGE = """\
[project]
name = "shop"
version = "1"
[build-system]
requires = ["hatchling"]
"""
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
AFACTORY = "from fastapi import FastAPI\ndef create_app():\n    return FastAPI()\n"
DJANGO = {
    "manage.py": "",
    "site/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "site/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
}
BIN = "/opt/venv/bin/"


def start(root: Path, files: dict[str, str], packages: str = "", scripts: list[str] | None = None) -> Start:
    project = read(write_tree(root, {"requirements.txt": "", **files}))
    return choose(project, frozenset(packages.split()), scripts)


def undecided(root: Path, files: dict[str, str], packages: str = "") -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        start(root, files, packages)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("settings", "entrypoint", "cmd", "reason"),
    [
        ('cmd = ["x", "y"]', (), ("x", "y"), "`cmd` of the settings"),
        ('entrypoint = ["x"]', ("x",), (), "`entrypoint` of the settings"),
        ('entrypoint = ["x"]\ncmd = ["y"]', ("x",), ("y",), "`entrypoint` and `cmd` of the settings"),
        ('entrypoint = []\ncmd = ["y"]', (), ("y",), "`entrypoint` and `cmd` of the settings"),
    ],
)
def test_the_settings_count_most(
    tmp_path: Path, settings: str, entrypoint: tuple[str, ...], cmd: tuple[str, ...], reason: str
) -> None:
    found = start(tmp_path, {"paddlewheel.toml": settings, "Procfile": "web: z", "app.py": FLASK}, "flask gunicorn")
    assert (found.entrypoint, found.cmd, found.reason, found.expose) == (entrypoint, cmd, reason, ())


def test_settings_that_start_nothing(tmp_path: Path) -> None:
    assert "`cmd` in the settings is empty" in undecided(tmp_path, {"paddlewheel.toml": "cmd = []"}).message


def test_a_procfile_counts_before_all_that_is_guessed(tmp_path: Path) -> None:
    found = start(tmp_path, {"Procfile": "web: LOG=debug gunicorn app:app -b :$PORT", "app.py": FLASK}, "flask")
    assert found.cmd == ("gunicorn", "app:app", "-b", ":8000")
    assert found.env == {"PYTHONPATH": "/app", "PORT": "8000", "LOG": "debug"}
    assert found.expose == ("8000/tcp",)
    assert "process `web` of the Procfile" in found.reason


@pytest.mark.parametrize(
    ("line", "words", "env"),
    [
        ("a b", ("a", "b"), {}),
        ("a 'b c' \"d\"", ("a", "b c", "d"), {}),
        ("a -b 0.0.0.0:${PORT}", ("a", "-b", "0.0.0.0:8000"), {}),
        ("a -b :${PORT:-5000} ${PORT:=1}", ("a", "-b", ":8000", "8000"), {}),
        ("exec a b", ("a", "b"), {}),
        ("X=1 Y='2 3' a", ("a",), {"X": "1", "Y": "2 3"}),
        ("env X=1 a", ("a",), {"X": "1"}),
        ("gunicorn 'shop:create_app()'", ("gunicorn", "shop:create_app()"), {}),
        ('gunicorn "shop:create_app()"', ("gunicorn", "shop:create_app()"), {}),
        ("a --filter='x|y' 'p&q'", ("a", "--filter=x|y", "p&q"), {}),
        ("a '$HOME'", ("a", "$HOME"), {}),
        ("a '#b'", ("a", "#b"), {}),
    ],
)
def test_exec_form(line: str, words: tuple[str, ...], env: dict[str, str]) -> None:
    assert exec_form(line, 8000) == (words, env)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a && b", "`&&` needs a shell"),
        ("a; b", "`;` needs a shell"),
        ("a | b", "`|` needs a shell"),
        ("a > log", "`>` needs a shell"),
        ("a 2>&1", "needs a shell"),
        ("(a)", "needs a shell"),
        ("gunicorn shop:create_app()", "needs a shell"),
        ("a $WORKERS", "`$WORKERS` needs a shell"),
        ('a "$HOME/x"', "`$HOME` needs a shell"),
        ("a $PORTS", "`$PORTS` needs a shell"),
        ("a `b`", "needs a shell"),
        ("a $(b)", "needs a shell"),
        ("a 'unclosed", "no closing quotation"),
        ("X=1", "there is no program"),
    ],
)
def test_what_needs_a_shell_is_refused(line: str, why: str) -> None:
    with pytest.raises(ProjectError) as caught:
        exec_form(line, 8000)
    assert why in caught.value.message
    assert "cmd = [" in (caught.value.hint or "")


def test_the_only_console_script_of_a_package(tmp_path: Path) -> None:
    found = start(tmp_path, {"pyproject.toml": PACKAGE + '[project.scripts]\nshop-it = "shop:main"\n'}, "click")
    assert (found.entrypoint, found.cmd, found.expose, found.env) == ((f"{BIN}shop-it",), (), (), {})
    assert found.reason == "`shop-it`, the project's only console script"


def test_the_wheels_own_scripts_count_where_they_are_known(tmp_path: Path) -> None:
    assert start(tmp_path, {"pyproject.toml": PACKAGE}, "", ["found"]).entrypoint == (f"{BIN}found",)


def test_scripts_that_are_not_installed_start_nothing(tmp_path: Path) -> None:
    text = PACKAGE.partition("[build")[0] + '[project.scripts]\nshop = "shop:main"\n'
    assert "the script shop is not installed" in undecided(tmp_path, {"pyproject.toml": text}).message


def test_two_console_scripts_are_not_guessed_between(tmp_path: Path) -> None:
    error = undecided(tmp_path, {"pyproject.toml": PACKAGE + '[project.scripts]\na = "s:a"\nb = "s:b"\n'})
    assert "2 console scripts" in error.message
    assert "a, b" in error.message
    assert 'entrypoint = ["a"]' in (error.hint or "")


def test_two_console_scripts_do_not_hide_an_application(tmp_path: Path) -> None:
    text = PACKAGE + '[project.scripts]\na = "s:a"\nb = "s:b"\n'
    files = {"pyproject.toml": text, "shop/__init__.py": "", "shop/app.py": FLASK}
    assert start(tmp_path, files, "flask gunicorn").cmd[-1] == "shop.app:app"


@pytest.mark.parametrize(
    ("files", "packages", "cmd"),
    [
        ({"app.py": FLASK}, "flask gunicorn waitress", ["gunicorn", "--bind=0.0.0.0:8000", "app:app"]),
        ({"app.py": FLASK}, "flask waitress", ["waitress-serve", "--listen=0.0.0.0:8000", "app:app"]),
        ({"app.py": FACTORY}, "flask gunicorn", ["gunicorn", "--bind=0.0.0.0:8000", "app:create_app()"]),
        (
            {"app.py": FACTORY},
            "flask waitress",
            ["waitress-serve", "--listen=0.0.0.0:8000", "--call", "app:create_app"],
        ),
        (
            {"app.py": FLASK},
            "flask uwsgi",
            ["uwsgi", "--http=0.0.0.0:8000", "--master", "--die-on-term", "--module=app:app"],
        ),
        ({"main.py": FASTAPI}, "fastapi uvicorn gunicorn", ["uvicorn", "--host=0.0.0.0", "--port=8000", "main:app"]),
        (
            {"main.py": AFACTORY},
            "fastapi uvicorn",
            ["uvicorn", "--host=0.0.0.0", "--port=8000", "--factory", "main:create_app"],
        ),
        ({"main.py": FASTAPI}, "fastapi hypercorn", ["hypercorn", "--bind=0.0.0.0:8000", "main:app"]),
        (
            {"main.py": FASTAPI},
            "fastapi granian",
            ["granian", "--interface=asgi", "--host=0.0.0.0", "--port=8000", "main:app"],
        ),
        (DJANGO, "django gunicorn uvicorn", ["gunicorn", "--bind=0.0.0.0:8000", "site.wsgi:application"]),
        (DJANGO, "django uvicorn", ["uvicorn", "--host=0.0.0.0", "--port=8000", "site.asgi:application"]),
        (DJANGO, "django channels daphne gunicorn", ["daphne", "-b", "0.0.0.0", "-p", "8000", "site.asgi:application"]),
    ],
)
def test_applications_are_served_by_what_is_in_the_lock(
    tmp_path: Path, files: dict[str, str], packages: str, cmd: list[str]
) -> None:
    found = start(tmp_path, files, packages)
    assert found.cmd == (BIN + cmd[0], *cmd[1:])
    assert (found.entrypoint, found.expose, found.env) == ((), ("8000/tcp",), {"PYTHONPATH": "/app"})
    assert "which is in the lock" in found.reason


def test_the_reason_is_a_sentence(tmp_path: Path) -> None:
    found = start(tmp_path, {"shop/main.py": FASTAPI}, "fastapi uvicorn")
    assert found.reason == "FastAPI app `shop.main:app`, served by uvicorn, which is in the lock"


def test_every_server_listens_outside_of_the_container() -> None:
    for server in SERVERS:
        assert any("0.0.0.0" in word for word in server.command("a:b", False))
        assert any("8000" in word for word in server.command("a:b", False))


def test_flask_without_a_server_has_a_word_of_warning(tmp_path: Path) -> None:
    found = start(tmp_path, {"app.py": FACTORY}, "flask")
    assert found.cmd == (f"{BIN}flask", "--app", "app:create_app()", "run", "--host=0.0.0.0", "--port=8000")
    assert "development server, as no WSGI server is in the lock" in found.reason


def test_django_without_a_server_has_a_word_of_warning(tmp_path: Path) -> None:
    found = start(tmp_path, DJANGO, "django")
    assert found.cmd == (f"{BIN}python", "/app/manage.py", "runserver", "--noreload", "0.0.0.0:8000")
    assert "development server" in found.reason


def test_fastapi_without_a_server_is_an_error(tmp_path: Path) -> None:
    error = undecided(tmp_path, {"main.py": FASTAPI}, "fastapi gunicorn")
    assert "no server for it is in the lock (uvicorn, hypercorn, granian, daphne)" in error.message
    assert "add uvicorn" in (error.hint or "")


def test_an_application_whose_framework_is_not_locked_does_not_count(tmp_path: Path) -> None:
    assert start(tmp_path / "1", {"main.py": FLASK}, "gunicorn").entrypoint[-1] == "/app/main.py"
    error = undecided(tmp_path / "2", {"shop/web.py": FLASK}, "gunicorn")
    assert "a Flask app was found, but flask is not in the lock" in error.message


def test_several_applications_are_candidates(tmp_path: Path) -> None:
    error = undecided(tmp_path, {"a/app.py": FLASK, "b/app.py": FLASK, "main.py": ""}, "flask gunicorn")
    assert "a.app:app, b.app:app" in error.message
    assert 'cmd = ["gunicorn", "--bind=0.0.0.0:8000", "a.app:app"]' in (error.hint or "")


def test_copied_modules_under_src_are_importable(tmp_path: Path) -> None:
    found = start(tmp_path, {"src/shop/main.py": FASTAPI, "src/shop/__init__.py": ""}, "fastapi uvicorn")
    assert found.env == {"PYTHONPATH": "/app/src"}
    assert found.cmd[-1] == "shop.main:app"


def test_installed_modules_need_no_path(tmp_path: Path) -> None:
    files = {"pyproject.toml": PACKAGE, "src/shop/main.py": FASTAPI, "src/shop/__init__.py": ""}
    assert start(tmp_path, files, "fastapi uvicorn").env == {}


@pytest.mark.parametrize(
    ("files", "entrypoint"),
    [
        ({"shop/__main__.py": ""}, ("python", "-m", "shop")),
        ({"__main__.py": ""}, ("python", "/app")),
        ({"main.py": ""}, ("python", "/app/main.py")),
        ({"etl.py": "", "setup.py": ""}, ("python", "/app/etl.py")),
        ({"shop/__main__.py": "", "main.py": ""}, ("python", "-m", "shop")),
    ],
)
def test_programs_take_arguments(tmp_path: Path, files: dict[str, str], entrypoint: tuple[str, ...]) -> None:
    found = start(tmp_path, files)
    assert found.entrypoint == (BIN + entrypoint[0], *entrypoint[1:])
    assert (found.cmd, found.expose) == ((), ())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.py": "", "b.py": ""}, "nothing says how "),
        ({"Procfile": "worker: celery\nrelease: x"}, "the Procfile has no process `web`, but worker, release"),
        ({"a/__main__.py": "", "b/__main__.py": ""}, "python -m a, python -m b"),
    ],
)
def test_nothing_or_nothing_obvious_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    error = undecided(tmp_path, files)
    assert message in error.message
    assert "cmd" in (error.hint or "")


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({}, "write `cmd` into paddlewheel.toml: a list of the program and its arguments"),
        (
            {"other.py": "", "web.py": "", "test_web.py": ""},
            'write cmd = ["python", "web.py"] into paddlewheel.toml (scripts here: other.py, web.py)',
        ),
        (
            {"a.py": "", "b.py": "", "pyproject.toml": ""},
            'write cmd = ["python", "a.py"] into [tool.paddlewheel] in pyproject.toml (scripts here: a.py, b.py)',
        ),
        (
            {"a.py": "", "b.py": "", "pyproject.toml": "", "paddlewheel.toml": "layers = 9"},
            'write cmd = ["python", "a.py"] into paddlewheel.toml (scripts here: a.py, b.py)',
        ),
        (
            {f"{letter}.py": "" for letter in "abcdef"},
            'write cmd = ["python", "a.py"] into paddlewheel.toml (scripts here: a.py, b.py, c.py, d.py, e.py, ...)',
        ),
        (
            {"a.py": "", "b.py": "import x\nif __name__ == '__main__':\n    x.main()\n"},
            'write cmd = ["python", "-m", "b"], say, into paddlewheel.toml (scripts here: a.py, b.py)',
        ),
        (
            {
                "pyproject.toml": PACKAGE,
                "src/shop/__init__.py": "",
                "src/shop/tool.py": 'if __name__ == "__main__": go()',
            },
            'write cmd = ["python", "-m", "shop.tool"], say, into [tool.paddlewheel] in pyproject.toml',
        ),
    ],
)
def test_what_is_suggested_is_there(tmp_path: Path, files: dict[str, str], hint: str) -> None:
    assert undecided(tmp_path / "shop-2.0.1", files).hint == hint


@pytest.mark.parametrize("files", [{}, {"a.py": "", "b.py": ""}, {"Procfile": "web: a | b"}])
def test_what_can_never_start_is_known_before_the_lock(tmp_path: Path, files: dict[str, str]) -> None:
    project = read(write_tree(tmp_path, {"requirements.txt": "", **files}))
    with pytest.raises(ProjectError) as early:
        check(project)
    with pytest.raises(ProjectError) as late:
        choose(project, ["flask"])
    assert (early.value.message, early.value.hint) == (late.value.message, late.value.hint)


@pytest.mark.parametrize(
    "files", [{"app.py": FASTAPI}, {"a/__main__.py": "", "b/__main__.py": ""}, {"main.py": ""}, {"Procfile": "web: a"}]
)
def test_what_the_lock_must_decide_is_left_to_it(tmp_path: Path, files: dict[str, str]) -> None:
    check(read(write_tree(tmp_path, {"requirements.txt": "", **files})))


def test_ports_that_are_set_replace_the_default(tmp_path: Path) -> None:
    files = {"app.py": FLASK, "paddlewheel.toml": "expose = [9000]"}
    assert start(tmp_path, files, "flask gunicorn").expose == ("9000/tcp",)
