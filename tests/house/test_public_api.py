"""The public names are pinned: a change here is a change for everyone who imports paddlewheel."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import paddlewheel

NOUNS = ["Built", "Context", "Image", "LayerReport", "Lock", "Overrides", "PaddlewheelError", "Plan", "Platform"]
NOUNS += ["Project", "Settings"]
VERBS = ["build", "deliver", "load", "lock", "plan", "read", "run"]

SIGNATURES = {
    "read": ["path", "context"],
    "lock": ["project", "context", "locked", "upgrade"],
    "plan": ["project", "lock", "context"],
    "build": ["project", "context", "locked", "name"],
    "deliver": ["built", "destination", "context"],
    "load": ["source", "context"],
    "run": ["built", "arguments", "context", "env"],
}


def test_names() -> None:
    assert sorted(paddlewheel.__all__) == sorted([*NOUNS, *VERBS, "__version__"])
    assert set(paddlewheel.__all__) <= set(dir(paddlewheel))


@pytest.mark.parametrize("name", [*NOUNS, *VERBS])
def test_every_name_loads_and_has_a_docstring(name: str) -> None:
    value = getattr(paddlewheel, name)
    assert value.__doc__
    assert inspect.isclass(value) if name in NOUNS else inspect.isfunction(value)


@pytest.mark.parametrize("verb", VERBS)
def test_signatures(verb: str) -> None:
    parameters = inspect.signature(getattr(paddlewheel, verb)).parameters
    assert list(parameters) == SIGNATURES[verb]
    assert parameters["context"].kind is inspect.Parameter.KEYWORD_ONLY


def test_verbs_and_nouns_of_the_verbs_module_are_public() -> None:
    from paddlewheel import verbs

    own = {
        name
        for name, value in vars(verbs).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == verbs.__name__
    }
    assert own <= set(paddlewheel.__all__)


@pytest.mark.parametrize("verb", ["lock", "plan"])
def test_a_verb_keeps_its_name_when_the_folder_of_that_name_is_imported(verb: str) -> None:
    code = f"import paddlewheel, paddlewheel.{verb}.model; print(callable(paddlewheel.{verb}))"
    assert _python(code) == "True"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="paddle"):
        paddlewheel.nonsense  # noqa: B018


def test_importing_loads_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import paddlewheel;"
        "print(sorted(set(sys.modules) - before - {'__future__'}))"
    )
    loaded = _python("import re, typing; " + code)
    assert loaded == "['paddlewheel']"


def test_the_command_and_the_package_agree_on_the_version() -> None:
    import tomllib

    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    assert tomllib.loads(pyproject.read_text())["project"]["version"] == paddlewheel.__version__


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
