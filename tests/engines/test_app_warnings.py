"""What a build says of an app that will not start, and makes an image of all the same."""

from __future__ import annotations

import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.engines.embedded.app import compiled_pieces, read_files
from paddlewheel.engines.embedded.app_warnings import keep_uncompiled, warn_missing_script, warn_uncompiled
from paddlewheel.engines.embedded.bytecode import other_compiler
from paddlewheel.image.model import RunConfig
from paddlewheel.progress import Silent
from paddlewheel.project.files import scan
from paddlewheel.project.model import AppFile
from tests.proof.builds import build
from tests.proof.harbour import opened
from tests.support.tree import write_tree

HERE = (sys.version_info[0], sys.version_info[1])


def said(folder: Path, files: dict[str, str | bytes], cache: Cache) -> list[str]:
    """The warnings about `files`, an app that is compiled by this Python."""
    root = write_tree(folder, files)
    compiler = other_compiler(HERE)
    assert compiler is not None
    read, _ = read_files(root, scan(root, None).groups[0], "/app")
    with ThreadPoolExecutor(1) as pool:
        _, broken = compiled_pieces(read, compiler, cache, pool)
    reporter = Silent()
    keep_uncompiled(broken, "/app", "ab" * 32, compiler, cache)
    warn_uncompiled("ab" * 32, "3.13", cache, reporter)
    return reporter.warnings


def test_modules_that_do_not_compile_are_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "app.py": "import os\n\n\ndef f(:\n    pass\n",
        "pages/one.py": "fine = 1\n",
        "pages/two.py": "return 2\n",
        "note.txt": "def f(:",
    }
    for _ in range(2):  # compiled, and from the cache
        assert said(tmp_path / "app", files, Cache(tmp_path / "cache")) == [
            "app.py does not compile with the image's Python 3.13 (line 4: invalid syntax)",
            "pages/two.py does not compile with the image's Python 3.13 (line 1: 'return' outside function)",
        ]


def test_an_app_that_compiles_has_no_warning(tmp_path: Path) -> None:
    assert said(tmp_path / "app", {"app.py": "x = 1\n", "empty.py": ""}, Cache(tmp_path / "cache")) == []


def test_at_most_five_are_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"bad{number}.py": "(\n" for number in range(8)}
    warnings = said(tmp_path / "app", files, Cache(tmp_path / "cache"))
    assert [text.partition(" ")[0] for text in warnings[:5]] == [f"bad{number}.py" for number in range(5)]
    assert warnings[5:] == ["nor do 3 more modules of the app"]


FILES = ("web.py", "jobs/daily.py", "wev.txt")


@pytest.mark.parametrize(
    ("words", "workdir", "wanted"),
    [
        (
            ("python", "wev.py"),
            "/app",
            "wev.py, which is not among the files that are copied to /app; did you mean web",
        ),
        (("/opt/venv/bin/python3", "/app/daily.py"), "/app", "/app/daily.py, which is not among .*jobs/daily.py"),
        (("python", "daily.py"), "/app/jobs", None),
        (("python", "../web.py"), "/app/jobs", None),
        (("python", "web.py"), "/app", None),
        (("python", "/app/web.py", "serve.py"), "/app", None),
        (("python", "-m", "wev.py"), "/app", None),
        (("python", "linked/x.py"), "/app", None),
        (("python", "/usr/share/x.py"), "/app", None),
        (("python", "x.py"), "/srv", None),
        (("gunicorn", "wev.py"), "/app", None),
        (("python",), "/app", None),
        (("python", "zzzzzz.py"), "/app", "zzzzzz.py, which is not among the files that are copied to /app$"),
    ],
)
def test_a_script_that_is_not_copied(words: tuple[str, ...], workdir: str, wanted: str | None) -> None:
    files = [*(AppFile(name, 1, False) for name in FILES), AppFile("linked", 0, False, "jobs")]
    for run in (
        RunConfig(cmd=words, working_dir=workdir),
        RunConfig(entrypoint=words[:1], cmd=words[1:], working_dir=workdir),
    ):
        reporter = Silent()
        warn_missing_script(run, [files], "/app", reporter)
        if wanted is None:
            assert reporter.warnings == []
        else:
            (warning,) = reporter.warnings
            assert re.search(wanted, warning), warning


@pytest.mark.skipif(
    HERE != (3, 11) and shutil.which("python3.11") is None, reason="needs a Python 3.11 to compile with"
)
def test_a_build_says_it(tmp_path: Path) -> None:
    with opened(tmp_path / "harbour") as harbour:
        project = harbour.project(tmp_path / "boat")
        (project / "app.py").write_text("x = = 1\n")
        settings = project / "paddlewheel.toml"
        settings.write_text(settings.read_text().replace('"app.py"', '"ap.py"'))
        for number in range(2):  # made, and kept
            result = build(project, harbour.environment(tmp_path / "cache"), "--tag", f"boat:{number}")
            assert result.reference.startswith(f"boat:{number}@")
            assert "app.py does not compile with the image's Python 3.11 (line 1: invalid syntax)" in result.err
            assert "starts ap.py, which is not among the files" in result.err
            assert "did you mean app.py?" in result.err


@pytest.mark.parametrize("password", ["", "me:pw@"])
def test_secrets_by_name_are_a_note_and_passwords_a_warning(tmp_path: Path, password: str) -> None:
    with opened(tmp_path / "harbour") as harbour:
        project = harbour.project(tmp_path / "boat", bytecode=False)
        files = {".env": "A=1\n", "tools/requirements.txt": f"alpha @ https://{password}example.org/a\n"}
        result = build(write_tree(project, files), harbour.environment(tmp_path / "cache"))
    (line,) = [line for line in result.err.splitlines() if "look like secrets" in line]
    assert line.startswith("warning: ") is bool(password), line
    assert line.endswith("secrets: tools/requirements.txt, .env" if password else "secrets: .env")
