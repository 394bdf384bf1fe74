"""uv as a program: found, too old, missing, its environment and its words."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import uv

from paddlewheel.errors import NetworkError, OfflineError, ResolutionError, StorageError, ToolMissingError
from paddlewheel.lock.uv import Result, Uv, explain, failure


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_version_is_the_one_that_uv_tells() -> None:
    found = Uv.find()
    assert found.run(["--version"], cwd=Path("/")).stdout.split()[1] == found.version
    assert found.label == f"uv {found.version}"


def nowhere() -> str:
    raise FileNotFoundError("uv")


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv, "find_uv_bin", nowhere)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=r"uv is not installed") as caught:
        Uv.find()
    assert "pip install uv" in (caught.value.hint or "")


@pytest.mark.parametrize("told", ["uv 0.4.30 (abc 2024-11-04)", "nonsense"])
def test_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    program(tmp_path / "uv", f"echo '{told}'")
    monkeypatch.setattr(uv, "find_uv_bin", nowhere)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ToolMissingError, match=r"too old; paddlewheel needs 0.9 or newer"):
        Uv.find()


def test_one_on_path_serves_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "uv", "echo 'uv 1.2.3'")
    monkeypatch.setattr(uv, "find_uv_bin", nowhere)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert Uv.find().label == "uv 1.2.3"


def test_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match=r"does not start"):
        Uv(binary=tmp_path / "absent", version="1.0").run([], cwd=tmp_path)


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = program(tmp_path / "uv", 'echo "$@" >&2; env -0')
    passed = {
        "HTTPS_PROXY": "http://proxy.example.org",
        "UV_INDEX_X_PASSWORD": "p",
        "NETRC": "/n",
        "SSL_CERT_FILE": "/c",
    }
    dropped = {"VIRTUAL_ENV": "/v", "UV_PROJECT": "/p", "UV_PYTHON": "3.8", "PYTHONPATH": "/x", "FORCE_COLOR": "1"}
    for name, value in (passed | dropped).items():
        monkeypatch.setenv(name, value)
    result = Uv(binary=binary, version="1.0", offline=True).run(
        ["lock"], cwd=tmp_path, env={"A": "1"}, without=["NETRC"]
    )
    told = dict(line.split("=", 1) for line in result.stdout.split("\0") if "=" in line)
    del passed["NETRC"]
    assert passed.items() <= told.items()
    assert not (dropped | {"NETRC": ""}).keys() & told.keys()
    assert told["UV_PYTHON_DOWNLOADS"] == "never"
    assert told["NO_COLOR"] == "1"
    assert told["A"] == "1"
    assert result.stderr.strip() == "lock --offline"


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("error: No solution found\n  cause: Because a depends on b", ResolutionError),
        ("error: x\nhint: Packages were unavailable because the network was disabled.", OfflineError),
        ("error: Request failed after 3 retries\n  cause: tcp connect error", NetworkError),
        ("error: HTTP status client error (401 Unauthorized) for url (https://example.org)", NetworkError),
        ("error: failed to write\n  cause: No space left on device (os error 28)", StorageError),
        ("error: Failed to initialize cache at `/x`\n  cause: Permission denied (os error 13)", StorageError),
        ("", ResolutionError),
    ],
)
def test_kinds_of_failure(stderr: str, kind: type[Exception]) -> None:
    error = failure(Result(1, "", stderr), "resolve x")
    assert type(error) is kind
    assert error.message.startswith("uv could not resolve x")
    assert error.hint


def test_explanation_is_trimmed() -> None:
    stderr = (
        "Using CPython 3.11\nwarning: old\nResolved 1 package\nerror: bad https://u:pw@example.org/x\n  cause: y\n\n"
    )
    assert explain(stderr + "hint: do this\n") == ("bad https://***@example.org/x\n  cause: y", "do this")
    text, hint = explain("error: a\n" + "line\n" * 100)
    assert len(text.splitlines()) == 40
    assert text.endswith("(62 more lines)")
    assert hint is None


def cache_dir(folder: Path) -> Path:
    done = Uv.find().run(["cache", "dir"], cwd=folder)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_without_a_home_that_can_be_written_its_cache_is_below_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PADDLEWHEEL_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv(variable, str(tmp_path / "file" / "home"))
    assert cache_dir(tmp_path) == tmp_path / "ours" / "uv"
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "chosen"))
    assert cache_dir(tmp_path) == tmp_path / "chosen"


def test_a_home_that_can_be_written_holds_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir(tmp_path) == tmp_path / ".cache" / "uv"


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "requirements.txt").touch()
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(StorageError, match="Failed to initialize cache") as caught:
        Uv.find().check(["pip", "compile", "requirements.txt"], cwd=tmp_path, doing="resolve requirements.txt")
    assert "UV_CACHE_DIR" in (caught.value.hint or "")
