"""The environment's layer over a base: volumes and the working directory must leave the base's own folders alone."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.debian.compose import Composed
from paddlewheel.engines.embedded.environment import environment_layer
from paddlewheel.engines.embedded.install import Venv
from paddlewheel.errors import DebianError, SettingsError
from paddlewheel.image.model import Platform
from paddlewheel.plan.model import MakeDirectories, PythonTarget

PYTHON = PythonTarget(
    version=(3, 13),
    full_version="3.13.5",
    executable="/usr/bin/python3.13",
    libc=("glibc", 2, 41),
    platform=Platform("linux", "amd64"),
)
BASE = Composed(
    files=("etc/passwd", "usr/bin/python3.13", "usr/share/zoneinfo/Europe/Paris"),
    directories=("etc", "home", "home/nonroot", "opt", "root", "run", "tmp", "usr", "usr/bin", "var", "var/tmp"),
    elf=(),
    links={},
    ld_conf={},
    sonames=(),
    symlinks={"bin": "usr/bin", "var/run": "/run", "loop": "loop"},
    special={"tmp": (0o1777, 0, 0), "root": (0o700, 0, 0), "home/nonroot": (0o755, 65532, 65532)},
)


def layer(
    folder: Path, volumes: Sequence[str] = (), *, workdir: str = "/app", timezone: str | None = None
) -> dict[str, tarfile.TarInfo]:
    cache = Cache(folder / "cache")
    made = environment_layer(
        cache,
        Venv("/opt/venv", (3, 13)),
        PYTHON,
        BASE,
        workdir=workdir,
        directories=MakeDirectories(paths=tuple(volumes), uid=65532, gid=65532) if volumes else None,
        timezone=timezone,
    )
    with tarfile.open(cache.store.path(made.digest)) as archive:
        return {member.name: member for member in archive}


def owner(members: dict[str, tarfile.TarInfo], path: str) -> tuple[int, int, str]:
    member = members[path]
    return member.uid, member.gid, f"{member.mode:o}"


def test_a_volume_is_the_users(tmp_path: Path) -> None:
    assert owner(layer(tmp_path, ["/data"]), "data") == (65532, 65532, "755")


def test_the_base_keeps_its_folders(tmp_path: Path) -> None:
    members = layer(tmp_path, ["/tmp/cache", "/home/nonroot/.cache", "/root/a"])
    assert owner(members, "tmp") == (0, 0, "1777")
    assert owner(members, "home/nonroot") == (65532, 65532, "755")
    assert owner(members, "root") == (0, 0, "700")
    assert owner(members, "tmp/cache") == (65532, 65532, "755")


def test_the_base_keeps_its_links(tmp_path: Path) -> None:
    members = layer(tmp_path, ["/var/run/app", "/bin/zz"])
    assert {"run/app", "usr/bin/zz"} <= set(members)
    assert not {"var/run", "bin", "bin/zz"} & set(members)


def test_a_folder_that_everybody_may_write_stays_so(tmp_path: Path) -> None:
    assert owner(layer(tmp_path, ["/tmp"]), "tmp") == (0, 0, "1777")


def test_a_working_directory_in_a_volume_is_the_users(tmp_path: Path) -> None:
    members = layer(tmp_path, ["/data"], workdir="/data/jobs/today")
    assert owner(members, "data/jobs/today") == (65532, 65532, "755")
    assert owner(members, "data/jobs") == (65532, 65532, "755")


def test_a_working_directory_of_the_base_is_left_alone(tmp_path: Path) -> None:
    assert "tmp" not in layer(tmp_path, workdir="/tmp")
    assert owner(layer(tmp_path, workdir="/tmp/work"), "tmp") == (0, 0, "1777")


def test_a_working_directory_is_roots(tmp_path: Path) -> None:
    assert owner(layer(tmp_path), "app") == (0, 0, "755")


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/passwd/x", "/bin/python3.13"])
def test_a_volume_over_a_file(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="is a file in the image"):
        layer(tmp_path, [path])


@pytest.mark.parametrize("path", ["/", "/opt", "/opt/venv", "/opt/venv/bin", "/opt/venv/lib/python3.13"])
def test_a_volume_over_the_environment(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="hide the packages"):
        layer(tmp_path, [path])


def test_links_without_end(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="without end"):
        layer(tmp_path, ["/loop/x"])


def test_time_zones(tmp_path: Path) -> None:
    members = layer(tmp_path, timezone="Europe/Paris")
    assert members["etc/localtime"].linkname == "/usr/share/zoneinfo/Europe/Paris"
    with pytest.raises(DebianError, match=r"Europe/Pari'"):
        layer(tmp_path, timezone="Europe/Pari")


def test_the_environment_leads_to_the_bases_python(tmp_path: Path) -> None:
    members = layer(tmp_path)
    assert members["opt/venv/bin/python"].linkname == "/usr/bin/python3.13"
    assert members["opt/venv/bin/python3"].linkname == "python"
    assert members["opt/venv/lib64"].linkname == "lib"
