"""Paths that cannot be: a file where another needs a folder, and names that belong to the environment."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from paddlewheel.engines.embedded.install import Venv
from paddlewheel.engines.embedded.splice import WheelFile, file_and_folder, splice
from paddlewheel.engines.embedded.wheels import wheel_layers
from paddlewheel.errors import CollisionError, WheelError
from paddlewheel.image.store import Store
from tests.engines.test_wheel_layers import ref, shop
from tests.engines.venvs import differences, our_venv, uv_venv
from tests.support.wheels import make_wheel

VENV = Venv("/opt/venv", (3, 11))


def files(*wheels: Path) -> list[WheelFile]:
    return [WheelFile(path=wheel, filename=wheel.name) for wheel in wheels]


@pytest.mark.parametrize("reverse", [False, True])
def test_two_wheels_of_one_layer(tmp_path: Path, reverse: bool) -> None:
    wheels = [
        make_wheel(tmp_path, "aaa", files={"aaa/__init__.py": "x"}),
        make_wheel(tmp_path, "bbb", files={"aaa": ""}),
    ]
    with pytest.raises(CollisionError, match=r"bbb-1\.0.* the file /.*/aaa, .* aaa-1\.0.*: .*aaa/__init__") as caught:
        splice(files(*sorted(wheels, reverse=reverse)), VENV, Store(tmp_path / "store"))
    assert caught.value.hint
    assert not (tmp_path / "store/blobs").exists()


def test_two_wheels_of_different_layers(tmp_path: Path) -> None:
    body = bytes(range(256)) * 8000
    one = ref(make_wheel(tmp_path, "one", files={"one.bin": body, "shared/deep/x.py": "x = 1"}, stored=True))
    two = ref(make_wheel(tmp_path, "two", files={"two.bin": body, "shared": "x"}, stored=True))
    for _ in range(2):  # made, and from the cache
        with pytest.raises(CollisionError, match=r"two-1\.0.* the file /.*/shared, .* one-1\.0.*shared/deep/x\.py"):
            wheel_layers([one, two], 10, shop(tmp_path))


def test_one_wheel_by_two_schemes(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, files={"demo/a.py": "x"}, data={"purelib/demo": "x"})
    with pytest.raises(WheelError, match="both a file and a folder"):
        splice(files(wheel), VENV, Store(tmp_path / "store"))


def test_a_file_named_as_the_folder_of_bytecode(tmp_path: Path) -> None:
    wheel = ref(make_wheel(tmp_path, files={"demo/__init__.py": "x = 1", "demo/__pycache__": "no folder"}))
    assert len(wheel_layers([wheel], 10, shop(tmp_path))) == 1


def test_names_that_begin_alike_are_no_folders() -> None:
    assert file_and_folder(["a", "a.py", "ab/c", "b/a", "b/a-b/c"]) is None
    assert file_and_folder(["a", "a/b/c", "a/b/d"]) == ("a", "a/b/c")


def test_many_files_are_looked_at_quickly() -> None:
    paths = [f"opt/venv/lib/python3.11/site-packages/p{n % 400}/deep/er/m{n}.py" for n in range(13_000)]
    began = time.process_time()
    assert file_and_folder(paths) is None
    assert time.process_time() - began < 0.5


BINARIES = ["python", "python3", "python3.11", "python3.9", "pythonw", "python/x"]


@pytest.mark.parametrize(
    "name", [*(f"bin/{name}" for name in BINARIES), "pyvenv.cfg", "pyvenv.cfg/x", "bin", "lib", "lib64"]
)
def test_the_environments_own_files_are_not_replaced(tmp_path: Path, name: str) -> None:
    wheel = make_wheel(tmp_path, data={f"data/{name}": "x"})
    with pytest.raises(WheelError, match=r"demo-1\.0.*would take the place of"):
        splice(files(wheel), VENV, Store(tmp_path / "store"))


@pytest.mark.parametrize("name", ["python", "python3", "python3.11", "pythonw"])
def test_scripts_do_not_replace_the_interpreter(tmp_path: Path, name: str) -> None:
    script = make_wheel(tmp_path / "script", data={f"scripts/{name}": "x"})
    with pytest.raises(WheelError, match="reserved name"):
        splice(files(script), VENV, Store(tmp_path / "store"))
    entry = make_wheel(tmp_path / "entry", console_scripts={name: "demo:main"})
    with pytest.raises(WheelError, match="reserved name"):
        splice(files(entry), VENV, Store(tmp_path / "store"))


def test_names_near_the_reserved_ones(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        data={
            "scripts/python3-config": "x",
            "data/bin/pythonista": "x",
            "data/lib64x": "x",
            "data/etc/pyvenv.cfg": "x",
        },
        console_scripts={"python-dotenv": "demo:main"},
    )
    ours = our_venv(tmp_path / "ours", files(wheel))
    assert differences(ours, uv_venv(tmp_path / "theirs", [wheel])) == []


def test_lib64_is_lib(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        data={"data/lib64/demo/x": "x", "data/lib64/python3.11/site-packages/y.py": "y = 1", "data/lib/z": "z"},
    )
    ours, theirs = our_venv(tmp_path / "ours", files(wheel)), uv_venv(tmp_path / "theirs", [wheel])
    assert (ours / "lib/python3.11/site-packages/y.py").read_text() == "y = 1"
    # The link is the environment layer's. A folder of that name here would take its place.
    assert not (ours / "lib64").exists()
    (ours / "lib64").symlink_to("lib")
    assert differences(ours, theirs) == []
