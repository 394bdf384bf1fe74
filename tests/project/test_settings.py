"""Settings: what each accepts, and what each error says."""

from __future__ import annotations

import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from paddlewheel.errors import SettingsError
from paddlewheel.image.model import Healthcheck
from paddlewheel.project.fields import At, user_ids
from paddlewheel.project.health import http_probe
from paddlewheel.project.model import Settings
from paddlewheel.project.settings import parse, read_settings
from tests.support.server import FileServer
from tests.support.tree import write_tree


def settings(text: str) -> Settings:
    return parse(tomllib.loads(text), At("pyproject.toml", "tool.paddlewheel"))


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        settings(text)
    assert caught.value.message.startswith("pyproject.toml: tool.paddlewheel")
    return caught.value


def test_nothing_set_is_the_default() -> None:
    assert settings("") == Settings()


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ('name = "registry.example.org:5000/team/shop"', "name", "registry.example.org:5000/team/shop"),
        ('base = "distroless:trixie"', "base", "distroless:trixie"),
        ('python = "3.13"', "python", "3.13"),
        ('lock = "./requirements/prod.txt"', "lock", "requirements/prod.txt"),
        ('packages = ["libpq5", "libstdc++6", "libpq5"]', "packages", ("libpq5", "libstdc++6")),
        ('mirror = "http://127.0.0.1:8080/debian/"', "mirror", "http://127.0.0.1:8080/debian"),
        ("allow-expired = true", "allow_expired", True),
        ('entrypoint = ["a", ""]', "entrypoint", ("a", "")),
        ("entrypoint = []", "entrypoint", ()),
        ('cmd = ["-c", "x y"]', "cmd", ("-c", "x y")),
        ('env = { A = "1", b = "" }', "env", {"A": "1", "b": ""}),
        ('workdir = "/srv//shop/"', "workdir", "/srv/shop"),
        ('user = "nobody"', "user", "nobody"),
        ("user = 1000", "user", "1000"),
        ('user = "1000:0"', "user", "1000:0"),
        ('expose = [8000, "53/udp", "8000"]', "expose", ("8000/tcp", "53/udp")),
        ('volumes = ["/data/", "/data"]', "volumes", ("/data",)),
        ('labels = { "org.example.a" = "b" }', "labels", {"org.example.a": "b"}),
        ('stop-signal = "SIGINT"', "stop_signal", "SIGINT"),
        ('timezone = "America/Argentina/Ushuaia"', "timezone", "America/Argentina/Ushuaia"),
        ('files = ["./static/", "**/*.py"]', "files", ("static", "**/*.py")),
        ("bytecode = false", "bytecode", False),
        ("layers = 127", "layers", 127),
    ],
)
def test_good_values(text: str, field: str, value: object) -> None:
    assert getattr(settings(text), field) == value


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("name = 3", "name: expected an image name, found an integer 3", None),
        ('name = ""', "name: expected an image name, found an empty string", None),
        ('name = "shop:1.2"', "name: 'shop:1.2' has a tag or digest", "version becomes the tag"),
        ('name = "Shop"', "name: 'Shop' is no image name", "lower-case"),
        ('base = "distroles"', "did you mean 'distroless'?", "distroless:bookworm"),
        ('base = "distroless:buster"', "base: 'distroless:buster' is no base", "distroless:trixie"),
        ("python = 3.10", 'python: expected a string like "3.13", found a number 3.1', "quotes"),
        ('python = "3.12.1"', "expected a minor version", "patch release"),
        ('lock = "/abs/uv.lock"', "outside of the project's folder", None),
        ('lock = "a/../../uv.lock"', "outside of the project's folder", None),
        ('packages = "libpq5"', "packages: expected a list of Debian package names, found a string", '["libpq5"]'),
        ('packages = ["ok", "libpq5=1.2"]', "packages[1]: 'libpq5=1.2' is no Debian package name", "lock pins"),
        ('mirror = "ftp://example.org/debian"', "mirror: ", "holds dists/"),
        ('mirror = "https://example.org/debian/dists"', "mirror: the URL must end", '"https://example.org/debian"'),
        ('allow-expired = "yes"', "allow-expired: expected true or false, found a string 'yes'", None),
        ("cmd = 'gunicorn \"a b\" shop'", "cmd: expected a list of strings", '["gunicorn", "a b", "shop"]'),
        ("cmd = 'say \"unbalanced'", "cmd: expected a list of strings", '\\"unbalanced'),
        ("entrypoint = [1]", "entrypoint[0]: expected a string, found an integer 1", '"1"'),
        ('entrypoint = [""]', "entrypoint[0]: a program's name was expected", None),
        ('env = ["A=1"]', "env: expected a table of variables, found a list", None),
        ("env = { WORKERS = 4 }", "env.WORKERS: expected a string, found an integer 4", 'WORKERS = "4"'),
        ("env = { DEBUG = true }", "env.DEBUG: expected a string, found a boolean", 'DEBUG = "true"'),
        ('env = { "A=B" = "1" }', "'A=B' is not a variable's name", None),
        ('env = { A = "\\u0000" }', "env.A: a NUL character", None),
        ('workdir = "app"', "workdir: expected an absolute path", "/app/app"),
        ('workdir = "/app/../etc"', "workdir: `..`", None),
        ('user = "www-data"', "user: expected one of root, nonroot, nobody", "no other users"),
        ("user = -1", "user: expected an integer from 0", None),
        ('user = "99999999999"', "user: ", None),
        ("user = true", "user: expected one of root", None),
        ("expose = [0]", "expose[0]: expected a port from 1 to 65535", None),
        ('expose = [80, "80/http"]', "expose[1]: ", None),
        ('expose = ["8000-8010"]', "expose[0]: ", None),
        ("expose = 8000", "expose: expected a list of ports", None),
        ('volumes = ["/data", "/"]', "volumes[1]: the whole root", None),
        ('volumes = ["data"]', "volumes[0]: expected an absolute path", None),
        ("labels = { a = 1 }", "labels.a: expected a string", None),
        ('stop-signal = "TERM"', "stop-signal: 'TERM' is no signal", "SIGTERM"),
        ("stop-signal = 15", "stop-signal: expected a signal's name", None),
        ("healthcheck = '/health'", "healthcheck: expected a table, found a string", 'http = "/health"'),
        ("healthcheck = {}", "healthcheck: expected either `cmd` or `http`", None),
        ('healthcheck = { http = "/h", cmd = ["a"] }', "healthcheck: expected either", None),
        ('healthcheck = { http = "health" }', "healthcheck.http: expected a path", None),
        ('healthcheck = { htp = "/" }', "healthcheck.htp: no such setting", "`http`"),
        ('healthcheck = { cmd = ["CMD-SHELL", "x"] }', "healthcheck.cmd: CMD-SHELL", None),
        ("healthcheck = { cmd = [] }", "healthcheck.cmd: expected a list", None),
        ('healthcheck = { cmd = ["a"], port = 1 }', "healthcheck.port: goes with `http` only", None),
        ('healthcheck = { http = "/", interval = "soon" }', "healthcheck.interval: expected a time", None),
        ('healthcheck = { http = "/", interval = 0 }', "healthcheck.interval: ", None),
        ('healthcheck = { http = "/", interval = inf }', "healthcheck.interval: ", None),
        ('healthcheck = { http = "/", timeout = nan }', "healthcheck.timeout: ", None),
        ('healthcheck = { http = "/", retries = 0 }', "healthcheck.retries: expected an integer from 1", None),
        ('timezone = "../etc/passwd"', "timezone: ", "Europe/Paris"),
        ('files = "src"', "files: expected a list of patterns", '["src"]'),
        ('files = ["!secret"]', "files[0]: a pattern cannot begin with `!`", ".dockerignore"),
        ('files = ["/etc"]', "files[0]: '/etc' is outside", None),
        ('files = ["src/../.."]', "files[0]: 'src/../..' is outside", None),
        ('files = ["a", "./a/"]', "files[1]: './a/' stands twice", None),
        ('files = ["a["]', "files[0]: 'a[': `[` without `]`", None),
        ("layers = 128", "layers: expected an integer from 8 to 127, found 128", None),
        ("layers = 7", "layers: expected an integer from 8 to 127, found 7", None),
        ("layers = true", "layers: expected an integer", None),
        ("layers = 1979-05-27", "layers: expected an integer from 8 to 127, found a date or time", None),
    ],
)
def test_bad_values(text: str, message: str, hint: str | None) -> None:
    error = refused(text)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("entry-point", "entrypoint"),
        ("stop_signal", "stop-signal"),
        ("stopSignal", "stop-signal"),
        ("packges", "packages"),
        ("exposes", "expose"),
        ("allow_expired", "allow-expired"),
        ("health-check", "healthcheck"),
    ],
)
def test_a_mistyped_key_names_the_nearest_one(key: str, meant: str) -> None:
    error = refused(f"{key} = 1")
    assert f"tool.paddlewheel.{key}: no such setting" in error.message
    assert f"did you mean `{meant}`?" in (error.hint or "")


def test_a_key_like_no_other_lists_them_all() -> None:
    assert "entrypoint, cmd, env" in (refused("zzzzzz = 1").hint or "")


@pytest.mark.parametrize(
    ("text", "ids"),
    [("root", (0, 0)), ("nonroot", (65532, 65532)), ("nobody", (65534, 65534)), ("7", (7, 7)), ("7:0", (7, 0))],
)
def test_user_ids(text: str, ids: tuple[int, int]) -> None:
    assert user_ids(text) == ids


def test_a_health_check_by_command() -> None:
    found = settings('healthcheck = { cmd = ["check"], interval = "1m30s", timeout = 2.5, start-period = "500ms" }')
    assert found.healthcheck == Healthcheck(test=("CMD", "check"), interval=90, timeout=2.5, start_period=0.5)


@pytest.mark.parametrize(
    ("rest", "port"),
    [("", 8000), ("expose = ['53/udp', 9000, 9001]", 9000), ("healthcheck.port = 7\nexpose = [9000]", 7)],
)
def test_a_health_check_by_http_asks_the_port_that_is_exposed(rest: str, port: int) -> None:
    found = settings(f'healthcheck.http = "/up"\nhealthcheck.retries = 2\n{rest}').healthcheck
    assert found is not None
    assert found.test[:3] == ("CMD", "python", "-c")
    assert found.test[3] == http_probe("/up", port, 5)
    assert found.retries == 2


@pytest.mark.parametrize(("path", "healthy"), [("/up", True), ("/missing", False)])
def test_the_http_probe_tells_healthy_from_not(tmp_path: Path, path: str, healthy: bool) -> None:
    write_tree(tmp_path, {"up": "fine"})
    with FileServer(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        status = subprocess.run([sys.executable, "-c", http_probe(path, port, 5)], check=False).returncode
    assert (status == 0) is healthy


def test_the_http_probe_fails_where_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        program = http_probe("/", unused.getsockname()[1], 5)
        ended = subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.DEVNULL)
    assert ended.returncode != 0


def test_read_from_either_file(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"tool": {"paddlewheel": {"layers": 15}}}).layers == 15
    write_tree(tmp_path, {"paddlewheel.toml": "layers = 17"})
    assert read_settings(tmp_path, {"tool": {"other": {}}}).layers == 17
    assert read_settings(tmp_path, {"tool": {"paddlewheel": {}}}).layers == 17


@pytest.mark.parametrize(
    ("own", "tool", "message"),
    [
        ("layers = 17", {"layers": 15}, "two places: [tool.paddlewheel] of pyproject.toml and paddlewheel.toml"),
        ("layers = \n", {}, "paddlewheel.toml:1:10: no valid TOML"),
        ("[tool.paddlewheel]\nlayers = 17", {}, "paddlewheel.toml: tool: in this file the settings stand at the top"),
        ("layer = 7", {}, "paddlewheel.toml: layer: no such setting"),
        (b"\xff", {}, "paddlewheel.toml:1: not UTF-8"),
    ],
)
def test_what_is_wrong_in_files(tmp_path: Path, own: str | bytes, tool: dict[str, Any], message: str) -> None:
    write_tree(tmp_path, {"paddlewheel.toml": own})
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path, {"tool": {"paddlewheel": tool}})
    assert message in caught.value.message
    assert caught.value.hint


def test_settings_that_are_no_table() -> None:
    with pytest.raises(SettingsError, match="a table was expected, found a list"):
        read_settings(Path(), {"tool": {"paddlewheel": [1]}})
