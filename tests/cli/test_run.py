"""`paddlewheel run`: a project is built, an image is loaded, the program's status passes through."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddlewheel.errors import SandboxError
from paddlewheel.image.model import Platform
from tests.cli.fakes import Calls, command


def test_a_folder_is_built_first(calls: Calls) -> None:
    calls.exit_status = 7
    result = command("run", "services/shop", "--locked")
    assert result.status == 7
    assert calls.names == ["build", "run"]
    assert calls["build"]["project"] == Path("services/shop")
    assert calls["build"]["locked"]
    assert calls["run"]["built"].name == "shop:1.2"
    assert calls["run"]["arguments"] == ()


def test_stdout_belongs_to_the_program(calls: Calls) -> None:
    result = command("run")
    assert result.out == ""
    assert result.err == "starting shop:1.2: gunicorn shop:app --bind 0.0.0.0:8000\n"
    assert command("run", "-q").err == ""
    assert command("run", "--", "--help").err == "starting shop:1.2: gunicorn shop:app --help\n"


@pytest.mark.parametrize(
    ("words", "source", "arguments"),
    [
        (["--", "--workers", "4"], ".", ("--workers", "4")),
        (["shop", "--", "-e", "A=1", "--", "x"], "shop", ("-e", "A=1", "--", "x")),
        (["--"], ".", ()),
    ],
)
def test_what_follows_the_dashes_is_for_the_program(
    calls: Calls, words: list[str], source: str, arguments: tuple[str, ...]
) -> None:
    assert command("run", *words).status == 0
    assert calls["build"]["project"] == Path(source)
    assert calls["run"]["arguments"] == arguments


def test_arguments_without_dashes_are_refused(calls: Calls) -> None:
    result = command("run", "shop", "serve")
    assert result.status == 2
    assert calls.names == []


@pytest.mark.parametrize("source", ["oci:dist/layout", "oci-archive:a.tar", "docker-archive:a.tar:shop:1"])
def test_an_image_is_loaded(calls: Calls, source: str) -> None:
    command("run", source)
    assert calls.names == ["load", "run"]
    assert calls["load"]["source"] == source
    assert calls["run"]["built"].name == "loaded:1"


def test_environment(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    command("run", "-e", "PORT=9000", "--env", "TOKEN", "-e", "EMPTY=", "-e", "URL=a=b")
    assert calls["run"]["env"] == {"PORT": "9000", "TOKEN": "abc", "EMPTY": "", "URL": "a=b"}


@pytest.mark.parametrize(("variable", "word"), [("=x", "names no variable"), ("NOT_SET_HERE", "no such variable")])
def test_bad_environment(calls: Calls, variable: str, word: str) -> None:
    result = command("run", "-e", variable)
    assert result.status == 2
    assert word in result.err
    assert calls.names == []


def test_a_file_without_a_transport(calls: Calls, tmp_path: Path) -> None:
    file = tmp_path / "shop.oci.tar"
    file.touch()
    result = command("run", str(file))
    assert result.status == 2
    assert f"hint: for an image write oci-archive:{file} or docker-archive:{file}" in result.err


def test_daemons_run_their_images_themselves(calls: Calls) -> None:
    result = command("run", "docker-daemon:shop:1.2")
    assert result.status == 2
    assert "hint: docker run --rm shop:1.2" in result.err
    assert calls.names == []


def test_a_name_is_no_folder_and_no_image(calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("run", "blog:latest")
    assert result.status == 2
    assert "blog:latest is neither a folder nor an image file" in result.err
    assert "hint: run takes a folder, or oci-archive:FILE, docker-archive:FILE or oci:DIR" in result.err
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "blog-0.oci.tar").touch()
    assert "hint: run takes a folder, or oci-archive:dist/blog-0.oci.tar\n" in command("run", "blog:latest").err
    assert calls.names == []
    (tmp_path / "blog:latest").mkdir()
    assert command("run", "blog:latest").status == 0


def test_what_this_machine_cannot_start_is_not_built(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(platform: Platform) -> None:
        raise SandboxError(f"the image is for {platform}")

    monkeypatch.setattr("paddlewheel.sandbox.image.check_machine", refuse)
    result = command("run", "shop", "--platform", "linux/arm64")
    assert (result.status, result.err) == (125, "error: the image is for linux/arm64\n")
    assert command("run", "shop", "--platform", "arm64").status == 2
    assert calls.names == []
