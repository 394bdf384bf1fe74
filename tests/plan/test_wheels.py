"""The choice of wheels: tags against packaging's own, markers, and what is said when nothing fits."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from packaging import tags as packaging_tags
from packaging.markers import Marker
from packaging.pylock import Pylock

from paddlewheel.errors import NoMatchingWheelError, ResolutionError
from paddlewheel.image.model import Platform
from paddlewheel.lock.model import PythonLock
from paddlewheel.plan.model import PythonTarget
from paddlewheel.plan.wheels import describe, environment_for, select_wheels, tags_for

HASH = "ab" * 32


def target(
    version: tuple[int, int] = (3, 11),
    *,
    platform: str = "linux/amd64",
    libc: tuple[str, int, int] = ("glibc", 2, 36),
) -> PythonTarget:
    short = f"{version[0]}.{version[1]}"
    return PythonTarget(
        version=version,
        full_version=f"{short}.2",
        executable=f"/usr/bin/python{short}",
        libc=libc,
        platform=Platform.parse(platform),
    )


def wheel(name: str, **more: Any) -> dict[str, Any]:
    return {"url": f"https://example.org/{name}", "hashes": {"sha256": HASH}, **more}


def package(name: str, *wheels: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0", **({"wheels": [wheel(one) for one in wheels]} if wheels else {}), **more}


def lock(*packages: dict[str, Any], requested: tuple[str, ...] = (), **more: Any) -> PythonLock:
    fields = {name.replace("_", "-"): value for name, value in more.items()}
    table = {"lock-version": "1.0", "created-by": "test", "packages": list(packages), **fields}
    return PythonLock(
        pylock=Pylock.from_dict(table),
        path=Path("/project/pylock.toml"),
        locker="test",
        requested=frozenset(requested),
    )


SDIST = {"name": "raw-1.0.tar.gz", "url": "https://example.org/raw-1.0.tar.gz", "hashes": {"sha256": HASH}}


@pytest.mark.skipif(sys.platform != "linux", reason="compares with the tags of a Linux host")
def test_tags_are_those_of_a_real_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
    host = sysconfig.get_platform().removeprefix("linux-")
    if host not in machines or sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip(f"the host is {host}; the comparison knows {', '.join(machines)}")
    monkeypatch.setattr("packaging._manylinux._get_glibc_version", lambda: (2, 36))
    monkeypatch.setattr("packaging._musllinux._get_musl_version", lambda executable: None)
    real = [str(tag) for tag in packaging_tags.sys_tags()]
    ours = [str(tag) for tag in tags_for(target(sys.version_info[:2], platform=machines[host]))]
    assert ours == real


@pytest.mark.parametrize(
    ("platform", "accepted", "refused"),
    [
        ("linux/amd64", "manylinux1_x86_64", "manylinux_2_37_x86_64"),
        ("linux/amd64", "manylinux2014_x86_64", "musllinux_1_1_x86_64"),
        ("linux/amd64", "linux_x86_64", "linux_aarch64"),
        ("linux/arm64", "manylinux2014_aarch64", "manylinux2010_aarch64"),
        ("linux/arm64/v8", "manylinux_2_36_aarch64", "manylinux_2_36_x86_64"),
        ("linux/386", "manylinux_2_5_i686", "manylinux_2_17_x86_64"),
        ("linux/arm/v7", "manylinux_2_31_armv7l", "manylinux_2_31_aarch64"),
        ("linux/ppc64le", "manylinux_2_17_ppc64le", "manylinux_2_5_ppc64le"),
        ("linux/s390x", "manylinux2014_s390x", "manylinux1_s390x"),
        ("linux/riscv64", "manylinux_2_31_riscv64", "manylinux2014_riscv64"),
    ],
)
def test_platform_tags(platform: str, accepted: str, refused: str) -> None:
    platforms = {tag.platform for tag in tags_for(target(platform=platform))}
    assert accepted in platforms
    assert refused not in platforms


def test_musl_tags() -> None:
    platforms = {tag.platform for tag in tags_for(target(libc=("musl", 1, 2)))}
    assert {"musllinux_1_2_x86_64", "musllinux_1_0_x86_64", "any"} <= platforms
    assert not any(platform.startswith("manylinux") for platform in platforms)


def test_unknown_platform() -> None:
    with pytest.raises(NoMatchingWheelError, match=r"linux/vax"):
        tags_for(target(platform="linux/vax"))


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("python_version == '3.11' and python_full_version == '3.11.2'", True),
        ("sys_platform == 'linux' and os_name == 'posix' and platform_system == 'Linux'", True),
        ("platform_machine == 'aarch64'", True),
        ("implementation_name == 'cpython' and platform_python_implementation == 'CPython'", True),
        ("sys_platform == 'win32' or platform_machine == 'x86_64'", False),
        ("implementation_version >= '3.12'", False),
    ],
)
def test_markers_see_the_image(marker: str, holds: bool) -> None:
    environment: Any = environment_for(target(platform="linux/arm64"))
    assert Marker(marker).evaluate(environment) is holds


def test_best_wheel_of_each_package_sorted_by_name() -> None:
    chosen = select_wheels(
        lock(
            package("zed", "zed-1.0-py3-none-any.whl"),
            package(
                "native",
                "native-1.0-cp39-abi3-manylinux_2_17_x86_64.whl",
                "native-1.0-cp311-cp311-manylinux_2_28_x86_64.manylinux_2_17_x86_64.whl",
                "native-1.0-cp311-cp311-manylinux_2_40_x86_64.whl",
                "native-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
                "native-1.0-py3-none-any.whl",
            ),
            package("wintool", "wintool-1.0-py3-none-any.whl", marker="sys_platform == 'win32'"),
            requested=("zed",),
        ),
        target(),
    )
    assert [(one.name, one.filename) for one in chosen] == [
        ("native", "native-1.0-cp311-cp311-manylinux_2_28_x86_64.manylinux_2_17_x86_64.whl"),
        ("zed", "zed-1.0-py3-none-any.whl"),
    ]
    assert [one.requested for one in chosen] == [False, True]
    zed = chosen[1]
    assert (zed.version, zed.sha256, zed.size, zed.path) == ("1.0", HASH, None, None)
    assert zed.url == "https://example.org/zed-1.0-py3-none-any.whl"
    assert zed.vouched


def test_a_wheel_is_preferred_to_source() -> None:
    (chosen,) = select_wheels(lock(package("raw", "raw-1.0-py3-none-any.whl", sdist=SDIST)), target())
    assert chosen.filename == "raw-1.0-py3-none-any.whl"


def test_versions_by_marker() -> None:
    both = lock(
        package("lib", "lib-1.0-py3-none-any.whl", marker="python_version < '3.13'"),
        {**package("lib", "lib-2.0-py3-none-any.whl", marker="python_version >= '3.13'"), "version": "2.0"},
    )
    assert select_wheels(both, target())[0].version == "1.0"
    assert select_wheels(both, target((3, 13)))[0].version == "2.0"


def test_extras_and_groups() -> None:
    both = lock(
        package("lib", "lib-1.0-py3-none-any.whl", marker="'fast' in extras"),
        package("dev", "dev-1.0-py3-none-any.whl", marker="'dev' in dependency_groups"),
        package("web", "web-1.0-py3-none-any.whl", marker="'web' in dependency_groups"),
        extras=["fast"],
        dependency_groups=["dev", "web"],
        default_groups=["web"],
    )
    assert [one.name for one in select_wheels(both, target())] == ["web"]
    assert [one.name for one in select_wheels(both, target(), extras=["fast"], groups=["dev"])] == ["dev", "lib"]
    assert select_wheels(both, target(), groups=[]) == ()


def test_local_files() -> None:
    chosen = select_wheels(
        lock(
            {"name": "a", "wheels": [{"path": "wheels/a-1.0-py3-none-any.whl", "hashes": {"sha256": HASH}}]},
            {"name": "b", "wheels": [{"path": "/abs/b-1.0-py3-none-any.whl", "hashes": {"sha256": HASH}}]},
            {"name": "c", "wheels": [{"url": "file:///a%20b/c-1.0-py3-none-any.whl", "hashes": {"sha256": HASH}}]},
            {"name": "d", "archive": {"path": "wheels/d-1.0-py3-none-any.whl", "hashes": {"sha256": HASH}}},
        ),
        target(),
    )
    assert [(one.name, one.version, one.path, one.url) for one in chosen] == [
        ("a", "1.0", "/project/wheels/a-1.0-py3-none-any.whl", None),
        ("b", "1.0", "/abs/b-1.0-py3-none-any.whl", None),
        ("c", "1.0", "/a b/c-1.0-py3-none-any.whl", None),
        ("d", "1.0", "/project/wheels/d-1.0-py3-none-any.whl", None),
    ]


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST"])
def test_a_file_url_of_this_machine(host: str) -> None:
    url = f"file://{host}/wheels/c-1.0-py3-none-any.whl"
    (chosen,) = select_wheels(lock({"name": "c", "wheels": [{"url": url, "hashes": {"sha256": HASH}}]}), target())
    assert (chosen.path, chosen.url) == ("/wheels/c-1.0-py3-none-any.whl", None)


def test_a_file_url_of_another_machine() -> None:
    url = "file://server/wheels/c-1.0-py3-none-any.whl"
    with pytest.raises(ResolutionError, match=r"pylock\.toml: c comes from file://server/.*another machine") as caught:
        select_wheels(lock({"name": "c", "wheels": [{"url": url, "hashes": {"sha256": HASH}}]}), target())
    assert "file:///PATH" in (caught.value.hint or "")


def test_escaped_url() -> None:
    url = "https://example.org/torch-2.0%2Bcpu-py3-none-any.whl"
    entry = {"name": "torch", "version": "2.0+cpu", "wheels": [{"url": url, "hashes": {"sha256": HASH}}]}
    (chosen,) = select_wheels(lock(entry), target())
    assert (chosen.filename, chosen.version, chosen.url) == ("torch-2.0+cpu-py3-none-any.whl", "2.0+cpu", url)


def test_no_wheel_names_package_target_and_what_there_is() -> None:
    names = [f"native-1.0-cp311-cp311-macosx_{number}_0_arm64.whl" for number in range(11, 20)]
    with pytest.raises(NoMatchingWheelError) as caught:
        select_wheels(lock(package("native", *names)), target())
    assert caught.value.message == (
        "pylock.toml: no wheel for Python 3.11, glibc 2.36, x86_64:\n"
        f"  native 1.0: there are {', '.join(names[:6])} and 3 more"
    )
    assert "native" in (caught.value.hint or "")
    assert caught.value.exit_status == 23


def test_all_source_only_packages_are_named_at_once() -> None:
    other = {**SDIST, "name": "other-1.0.tar.gz", "url": "https://example.org/other-1.0.tar.gz"}
    with pytest.raises(NoMatchingWheelError) as caught:
        select_wheels(lock(package("raw", sdist=SDIST), package("other", sdist=other)), target())
    assert caught.value.message.count("there is a source distribution only") == 2
    assert "raw 1.0" in caught.value.message


def test_source_beside_wheels_that_do_not_fit() -> None:
    with pytest.raises(NoMatchingWheelError, match=r"raw 1.0: there are raw-1.0-cp312-cp312-win_amd64.whl"):
        select_wheels(lock(package("raw", "raw-1.0-cp312-cp312-win_amd64.whl", sdist=SDIST)), target())


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ({"psycopg2": "cp313-cp313-win_amd64"}, "psycopg2-binary or psycopg[binary] instead"),
        ({"mysqlclient": "cp311-cp311-macosx_11_0_arm64"}, "PyMySQL or mysql-connector-python instead"),
        ({"raw": "cp313-cp313-win_amd64"}, "take a version or another package that is published as a wheel for Linux"),
    ],
)
def test_what_no_linux_has_a_wheel_for_would_have_to_be_compiled(names: dict[str, str], hint: str) -> None:
    entries = [package(name, f"{name}-1.0-{tags}.whl") for name, tags in names.items()]
    with pytest.raises(NoMatchingWheelError) as caught:
        select_wheels(lock(*entries), target())
    text = caught.value.hint or ""
    assert text.startswith(f"{next(iter(names))} would have to be compiled, which paddlewheel does not do yet")
    assert hint in text
    assert "another Python" not in text


def test_advice_for_each_kind_of_missing_wheel() -> None:
    source = {**SDIST, "name": "newer-1.0.tar.gz", "url": "https://example.org/newer-1.0.tar.gz"}
    newer_wheel = "newer-1.0-cp314-cp314-manylinux_2_17_aarch64.whl"
    entries = [package("raw", sdist=SDIST), package("newer", newer_wheel, sdist=source)]
    with pytest.raises(NoMatchingWheelError) as caught:
        select_wheels(lock(*entries), target())
    newer, raw = (caught.value.hint or "").splitlines()
    assert newer.startswith("take a version of newer that has a wheel for it, or another Python")
    assert raw.startswith("raw would have to be compiled")


def test_wheel_by_its_address_for_another_machine() -> None:
    entry = {"name": "native", "archive": wheel("native-1.0-cp311-cp311-macosx_11_0_arm64.whl")}
    with pytest.raises(NoMatchingWheelError, match=r"native: there are native-1.0-cp311-cp311-macosx_11_0_arm64.whl"):
        select_wheels(lock(entry), target())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"vcs": {"type": "git", "url": "https://me:pw@example.org/x.git", "commit-id": "0"}}, "a git repository"),
        ({"directory": {"path": "../x", "editable": True}}, "the directory ../x"),
        ({"archive": {"url": "https://example.org/x-1.tar.gz", "hashes": {"sha256": HASH}}}, "the source archive"),
    ],
)
def test_not_from_an_index(source: dict[str, Any], said: str) -> None:
    with pytest.raises(ResolutionError, match=rf"x comes from {said}") as caught:
        select_wheels(lock({"name": "x", **source}), target())
    assert "pw" not in caught.value.message
    assert caught.value.hint
    assert select_wheels(lock({"name": "x", "marker": "sys_platform == 'win32'", **source}), target()) == ()


def test_lock_for_another_python() -> None:
    with pytest.raises(NoMatchingWheelError, match=r"pylock.toml is for Python >=3.12; the image has Python 3.11.2"):
        select_wheels(lock(package("a", "a-1.0-py3-none-any.whl"), requires_python=">=3.12"), target())


def test_package_for_another_python() -> None:
    entry = package("a", "a-1.0-py3-none-any.whl", **{"requires-python": ">=3.12"})
    with pytest.raises(NoMatchingWheelError, match=r"a 1.0 needs Python >=3.12; the image has 3.11.2"):
        select_wheels(lock(entry), target())


def test_lock_for_another_environment() -> None:
    with pytest.raises(NoMatchingWheelError, match=r'it is for: sys_platform == "win32"'):
        select_wheels(lock(package("a", "a-1.0-py3-none-any.whl"), environments=["sys_platform == 'win32'"]), target())


def test_lock_that_contradicts_itself() -> None:
    twice = package("a", "a-1.0-py3-none-any.whl")
    with pytest.raises(ResolutionError, match=r"Multiple packages with the name 'a'"):
        select_wheels(lock(twice, twice), target())


def test_describe() -> None:
    assert describe(target((3, 13), platform="linux/arm64")) == "Python 3.13, glibc 2.36, aarch64"
