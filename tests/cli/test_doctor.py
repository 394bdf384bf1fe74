"""`paddlewheel doctor`, on servers of loopback, engines made of shell scripts, and the real kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.checks.machine import Probe, State, can_build, engines, host, servers
from tests.cli.fakes import command
from tests.support.index import PackageIndex
from tests.support.server import FileServer
from tests.support.wheels import make_wheel

SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSuite: stable\n"


@pytest.fixture
def quiet_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No engine on PATH, no proxy, no mirror from outside; return the folder that PATH names."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("UV_", "PIP_")) or name == "PADDLEWHEEL_MIRROR":
            monkeypatch.delenv(name)
    return tools


def mirror_of(folder: Path, *suites: str) -> Path:
    for suite in suites:
        (folder / "debian" / "dists" / suite).mkdir(parents=True)
        (folder / "debian" / "dists" / suite / "InRelease").write_text(SIGNED)
    return folder


def found(*words: str) -> dict[str, dict[str, str]]:
    result = command("doctor", "--json", *words)
    return {probe["name"]: probe for probe in json.loads(result.out)["probes"]}


def test_everything_answers(quiet_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    make_wheel(packages, "packaging", "26.1")
    with FileServer(mirror_of(tmp_path / "mirror", "bookworm", "trixie")) as debian, PackageIndex(packages) as index:
        for name, value in index.environment.items():
            monkeypatch.setenv(name, value)
        probes = found("--mirror", f"{debian.url}/debian")
        assert "/dists/forky/InRelease" in " ".join(debian.paths())
    assert set(probes) > {"mirror", "package index"}, probes
    assert probes["mirror"]["state"] == "ok"
    assert "(--mirror) answers in" in probes["mirror"]["text"]
    assert probes["mirror"]["text"].endswith("bookworm, trixie; without forky")
    assert probes["package index"]["state"] == "ok", probes["package index"]
    assert probes["package index"]["text"].startswith(f"{index.simple} answers in")
    assert probes["docker"]["text"].startswith("not installed")
    assert {probes[name]["state"] for name in ("python", "uv", "cache", "proxies")} == {"ok"}


def test_lines_for_people(quiet_machine: Path) -> None:
    result = command("doctor", "--offline")
    assert result.status == 0
    assert result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("ok    python         3.")
    assert "ok    package index  not asked (--offline)" in lines
    assert command("doctor", "--offline", tty=True).out.startswith("\x1b[32mok  \x1b[0m  python")
    assert "\x1b" not in command("doctor", "--offline", tty=True, environ={"NO_COLOR": "1"}).out


def test_offline_asks_nobody(quiet_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer(tmp_path) as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{server.url}/simple")
        command("doctor", "--offline", "--mirror", f"{server.url}/debian")
        assert server.requests == []


def test_a_mirror_that_refuses(tmp_path: Path, own_cache: Path) -> None:
    with FileServer(tmp_path) as server:
        (probe,) = servers.mirror(f"{server.url}/debian", offline=False, cache=Cache())
    assert probe.state is State.FAIL
    assert "404" in probe.text
    assert probe.hint
    assert probe.needed  # the cache is empty
    (own_cache / "artifacts").mkdir(parents=True)
    with FileServer(tmp_path) as server:
        (probe,) = servers.mirror(f"{server.url}/debian", offline=False, cache=Cache())
    assert not probe.needed


def test_a_login_page_is_no_mirror(tmp_path: Path) -> None:
    for suite in ("bookworm", "trixie", "forky"):
        (tmp_path / "dists" / suite).mkdir(parents=True)
        (tmp_path / "dists" / suite / "InRelease").write_text("<html>Welcome to the hotel")
    with FileServer(tmp_path) as server:
        (probe,) = servers.mirror(server.url, offline=False, cache=Cache())
    assert probe.state is State.FAIL
    assert "is no InRelease file" in probe.text


def test_a_mirror_that_is_no_url() -> None:
    (probe,) = servers.mirror("ftp://debian.example.org", offline=False, cache=Cache())
    assert (probe.state, probe.needed) == (State.FAIL, True)


def test_an_index_that_fails(quiet_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FileServer(tmp_path) as server:
        server.fault("*", status=503)
        address = server.url.replace("http://", "http://user:geheim@")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{address}/simple")
        (probe,) = servers.index(offline=False)
    assert probe.state is State.FAIL
    assert not probe.needed
    assert "503" in probe.text
    assert "geheim" not in probe.text + (probe.hint or "")


def test_passwords_of_proxies_are_left_out(quiet_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:geheim@proxy.example.org:3128")
    monkeypatch.setenv("http_proxy", "user:geheim@proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    (probe,) = host.proxies()
    assert "geheim" not in probe.text
    assert probe.text == (
        "http: http://***@proxy.example.org:3128, https: http://***@proxy.example.org:3128; not for example.org"
    )


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PADDLEWHEEL_CACHE_DIR", str(tmp_path / "file" / "cache"))
    result = command("doctor", "--offline")
    assert result.status == 1
    assert "\nfail  cache " in result.out
    assert "hint: " in result.out
    assert "\nwarn  namespaces     not known, as they are tried in the cache" in result.out


def test_a_cache_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "ROOM", 10**18)
    (probe,) = host.cache(Cache())
    assert (probe.state, probe.needed) == (State.WARN, False)
    assert "cache prune" in (probe.hint or "")


def test_a_trust_store_without_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    (probe,) = host.trust()
    assert probe.state is State.FAIL
    assert "missing.pem" in probe.text


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


VERSION = '[ "$1" = --version ] && echo "Docker version 28.1, build x" || '


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (VERSION + "echo 28.0.4", "ok", "the daemon answers (28.0.4)"),
        (VERSION + '{ echo "is it running?" >&2; exit 1; }', "warn", "is it running?"),
        (VERSION + "sleep 5", "warn", "did not answer in time"),
        ("exit 3", "warn", "does not tell its version"),
    ],
    ids=["answers", "refuses", "hangs", "broken"],
)
def test_docker(quiet_machine: Path, monkeypatch: pytest.MonkeyPatch, text: str, state: str, words: str) -> None:
    monkeypatch.setenv("PATH", f"{quiet_machine}:/usr/bin:/bin")
    monkeypatch.setattr(engines, "PATIENCE", 0.5)
    script(quiet_machine, "docker", text)
    (probe,) = engines.engine("docker")
    assert probe.state == state
    assert words in probe.text
    assert bool(probe.hint) is (state == "warn")
    assert not probe.needed


def test_other_engines(quiet_machine: Path) -> None:
    script(quiet_machine, "skopeo", "echo skopeo version 1.9.3")
    (probe,) = engines.engine("skopeo")
    assert (probe.state, probe.text) == (State.OK, f"1.9.3 ({quiet_machine}/skopeo)")
    (probe,) = engines.engine("buildah")
    assert probe.text == "not installed (not needed)"


def test_namespaces_are_tried(quiet_machine: Path) -> None:
    probes = found("--offline")
    assert probes["namespaces"]["state"] in ("ok", "fail")
    assert bool(probes["namespaces"]["hint"]) is (probes["namespaces"]["state"] == "fail")


def test_only_what_every_build_needs_counts() -> None:
    assert can_build([Probe("a", State.FAIL, ""), Probe("b", State.OK, "", needed=True)])
    assert not can_build([Probe("a", State.FAIL, "", needed=True)])


def test_a_probe_that_breaks_is_a_warning(quiet_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Probe]:
        raise ValueError("no such thing")

    monkeypatch.setattr(host, "python", broken)
    probe = found("--offline")["broken"]
    assert (probe["state"], probe["text"]) == ("warn", "could not be examined: ValueError: no such thing")
