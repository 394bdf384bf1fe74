"""The command as users start it, on a real project: nothing is faked."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from paddlewheel.plan.codec import from_json
from tests.support.checkout import ROOT
from tests.support.command import PADDLEWHEEL, paddlewheel

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("cli-real")]


class Shop:
    """A copy of an example, built once into a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        ignored = shutil.ignore_patterns("dist", "paddlewheel.lock", "pylock.paddlewheel.toml", "__pycache__")
        shutil.copytree(ROOT / "examples" / "flask-service", self.root, ignore=ignored)
        self.env: Mapping[str, str] = {"PADDLEWHEEL_CACHE_DIR": str(folder / "cache"), "PADDLEWHEEL_DEBUG": ""}
        self.first = json.loads(self("build", self.root, "--json").stdout)

    def __call__(self, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        return paddlewheel(*words, env=self.env, check=check)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("real"))


def test_what_was_built(shop: Shop) -> None:
    first = shop.first
    assert first["reference"] == f"{first['name']}@{first['digest']}"
    assert first["base"].startswith("distroless:")
    assert first["packages"] >= 5
    assert first["compressed"] == sum(layer["size"] for layer in first["layers"]) > 10_000_000
    assert first["unpacked"] == sum(layer["unpacked"] for layer in first["layers"]) > first["compressed"]
    assert not any(layer["reused"] for layer in first["layers"])
    (output,) = first["outputs"]
    assert Path(output.removeprefix("oci-archive:")).stat().st_size > first["compressed"]


def test_nothing_changed(shop: Shop) -> None:
    again = shop("build", shop.root)
    assert again.stdout.strip() == shop.first["reference"]
    assert "all reused" in again.stderr
    assert "\x1b" not in again.stderr
    value = json.loads(shop("build", shop.root, "--json", "-q").stdout)
    assert value["digest"] == shop.first["digest"]
    assert all(layer["reused"] for layer in value["layers"])
    assert value["seconds"] < 0.5


def test_offline_and_locked(shop: Shop) -> None:
    again = shop("build", shop.root, "--offline", "--locked", "-o", f"oci:{shop.root.parent / 'layout'}")
    assert again.stdout.strip() == shop.first["reference"]
    assert (shop.root.parent / "layout" / "index.json").exists()


def test_plan_and_lock(shop: Shop) -> None:
    plan = from_json(json.loads(shop("plan", shop.root, "--json", "--locked").stdout))
    assert plan.stage("target-image").steps[-1].step == "set-config"
    assert "target-image" in shop("plan", shop.root, "--full").stdout
    assert shop("lock", shop.root, "--check").returncode == 0
    locked = json.loads(shop("lock", shop.root, "--json").stdout)
    assert "flask" in {package["name"] for package in locked["python"]["packages"]}


def test_a_stale_lock_is_told_by_its_status(shop: Shop, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(shop.root, changed)
    with (changed / "requirements.txt").open("a") as file:
        file.write("\nattrs\n")
    done = shop("lock", changed, "--check", check=False)
    assert done.returncode == 21
    assert done.stderr.startswith("error: ")
    assert "\nhint: " in done.stderr


def test_run_passes_status_streams_and_environment_through(shop: Shop) -> None:
    code = "import os, sys; print(os.environ['A'], os.getuid(), sys.stdin.read()); sys.exit(7)"
    done = subprocess.run(
        [PADDLEWHEEL, "run", "-q", str(shop.root), "-e", "A=b c", "--", "python", "-c", code],
        env={"PATH": "/usr/bin:/bin", **shop.env},
        input="hello",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout.split() == ["b", "c", "65532", "hello"]
    assert done.stderr == ""


def test_run_an_archive(shop: Shop) -> None:
    (output,) = shop.first["outputs"]
    done = shop("run", output, "--", "python", "-c", "import flask; print(flask.__name__)")
    assert done.stdout == "flask\n"


def test_run_what_the_image_does_not_have(shop: Shop) -> None:
    done = shop("run", shop.root, "--", "/bin/sh", check=False)
    assert done.returncode == 127
    assert "hint: " in done.stderr


def test_sigterm_reaches_the_program(shop: Shop) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [PADDLEWHEEL, "run", str(shop.root), "--", "python", "-c", code],
        env={"PATH": "/usr/bin:/bin", **shop.env},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 3


@pytest.mark.parametrize(("number", "delay"), [(signal.SIGINT, 0.7), (signal.SIGTERM, 3.0)])
def test_interrupted_builds_leave_nothing_half_written(number: int, delay: float, shop: Shop, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    shutil.copytree(shop.root, project, ignore=shutil.ignore_patterns("dist"))
    cache = tmp_path / "cache"
    with subprocess.Popen(
        [PADDLEWHEEL, "build", str(project)],
        env={"PATH": "/usr/bin:/bin", "PADDLEWHEEL_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(delay)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    if process.returncode == 0:  # a fast machine had finished
        return
    assert process.returncode == 128 + number
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ")
    assert not (project / "dist").exists()
    left = list((cache / "tmp").iterdir()) if (cache / "tmp").exists() else []
    assert not [path for path in left if path.suffix != ".partial"]  # what was downloaded is kept, to be resumed
    done = paddlewheel("build", project, env={"PADDLEWHEEL_CACHE_DIR": str(cache)})
    assert done.stdout.strip() == shop.first["reference"]


def test_cache_and_doctor(shop: Shop) -> None:
    kinds = json.loads(shop("cache", "size", "--json").stdout)["kinds"]
    assert {"artifacts", "blobs", "records"} <= set(kinds)
    assert shop("cache", "prune").stderr.startswith("0 entries removed")
    assert json.loads(shop("doctor", "--json").stdout)["can_build"] is True
