"""A wheel installed as pieces equals what uv makes of it: files, bytes, modes."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from paddlewheel.engines.embedded.splice import WheelFile
from tests.engines.venvs import differences, our_venv, uv_venv
from tests.support.wheels import executable, make_wheel


def agree(folder: Path, *wheels: Path) -> None:
    ours = our_venv(folder / "ours", [WheelFile(path=wheel, filename=wheel.name) for wheel in wheels])
    theirs = uv_venv(folder / "theirs", wheels)
    assert differences(ours, theirs) == []


def test_a_pure_wheel(tmp_path: Path) -> None:
    agree(tmp_path, make_wheel(tmp_path))


def test_scripts_of_every_kind(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        "tools",
        files={"tools/__init__.py": "def main(): ...\nclass App:\n    def run(self): ...\n"},
        console_scripts={"tools": "tools:main", "tools-app": "tools:App.run", "with-extra": "tools:main [cli]"},
        gui_scripts={"tools-gui": "tools:main"},
        data={
            "scripts/python-script": "#!python\nprint(1)\n",
            "scripts/python-flags": "#!python -E\nprint(1)\n",
            "scripts/pythonw-script": "#!pythonw\nprint(1)\n",
            "scripts/shell-script": "#!/bin/sh\necho hello\n",
            "scripts/binary": b"\x7fELF\x00\x01",
            "scripts/empty": b"",
        },
    )
    agree(tmp_path, wheel)


@pytest.mark.parametrize(
    "scripts",
    [
        {"pip": "pip:main", "pip3": "pip:main", "pip3.8": "pip:main"},
        {"pip": "pip:main", "pip3.8": "pip:main", "pip3.x": "pip:main"},
    ],
)
def test_the_launchers_of_pip_are_for_the_images_python(tmp_path: Path, scripts: dict[str, str]) -> None:
    agree(tmp_path, make_wheel(tmp_path, "pip", console_scripts=scripts))


def test_a_script_that_gives_way_to_an_entry_point(tmp_path: Path) -> None:
    # uv's RECORD keeps a line for the script that is not there; ours lists what is there.
    wheel = make_wheel(
        tmp_path, console_scripts={"demo": "demo:main"}, data={"scripts/demo": "#!python\nold", "scripts/more": "x"}
    )
    agree(tmp_path, wheel)
    record = (tmp_path / "ours/root/opt/venv/lib/python3.11/site-packages/demo-1.0.dist-info/RECORD").read_text()
    assert "demo-1.0.data" not in record
    assert record.count("bin/demo,") == 1


def test_an_empty_folder_is_not_made(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, extra=[("demo/empty/", b""), ("demo/empty/more/", b"")])
    agree(tmp_path, wheel)
    assert not (tmp_path / "ours/root/opt/venv/lib/python3.11/site-packages/demo/empty").exists()


def test_data_schemes(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        "schemes",
        data={
            "data/share/schemes/readme.txt": "hello",
            "data/etc/schemes.conf": "x = 1",
            "headers/schemes.h": "#define X",
            "purelib/pure_part.py": "x = 1",
            "platlib/plat_part.py": "x = 2",
        },
    )
    agree(tmp_path, wheel)


def test_executable_bits(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path, files={"demo/__init__.py": "", "demo/run.sh": executable("#!/bin/sh\n"), "demo/data": "x"}
    )
    agree(tmp_path, wheel)


def test_an_executable_record(tmp_path: Path) -> None:
    # As protobuf's wheels have it.
    with zipfile.ZipFile(make_wheel(tmp_path)) as wheel:
        text = wheel.read("demo-1.0.dist-info/RECORD")
    own = ("demo-1.0.dist-info/RECORD", executable(text))
    agree(tmp_path, make_wheel(tmp_path, dist_info={"RECORD": None}, extra=[own]))


@pytest.mark.parametrize("shape", [{"stored": True}, {"descriptors": True}, {"zip64": True}, {"prefix": b"stub"}])
def test_shapes_of_zip(tmp_path: Path, shape: dict[str, object]) -> None:
    wheel = make_wheel(tmp_path, files={"demo/__init__.py": "x = 1\n" * 1000}, **shape)  # type: ignore[arg-type]
    agree(tmp_path, wheel)


def test_names_that_are_not_ascii(tmp_path: Path) -> None:
    agree(tmp_path, make_wheel(tmp_path, files={"demo/__init__.py": "", "demo/données/été, ça.txt": "é"}))


def test_a_namespace_package_in_two_wheels(tmp_path: Path) -> None:
    one = make_wheel(tmp_path, "space-one", files={"space/one/__init__.py": "x = 1"})
    two = make_wheel(tmp_path, "space-two", files={"space/two/__init__.py": "x = 2"})
    agree(tmp_path, one, two)


def test_a_file_larger_than_a_piece(tmp_path: Path) -> None:
    agree(
        tmp_path,
        make_wheel(tmp_path, files={"demo/__init__.py": "", "demo/large.bin": os.urandom(3 << 20) + bytes(3 << 20)}),
    )


def test_record_lists_what_is_there(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, console_scripts={"demo": "demo:main"})
    venv = our_venv(tmp_path / "ours", [WheelFile(path=wheel, filename=wheel.name)])
    record = (venv / "lib/python3.11/site-packages/demo-1.0.dist-info/RECORD").read_text()
    for line in record.splitlines():
        path = re.split(",(?=sha256|,)", line)[0]
        assert (venv / "lib/python3.11/site-packages" / path).exists(), line
    assert "demo-1.0.dist-info/INSTALLER,sha256=" in record


def test_an_installed_script_runs(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path, files={"demo/__init__.py": "def main():\n    print('hello')\n"}, console_scripts={"demo": "demo:main"}
    )
    venv = our_venv(tmp_path / "ours", [WheelFile(path=wheel, filename=wheel.name)])
    text = (venv / "bin/demo").read_text()
    assert text.startswith("#!/opt/venv/bin/python\n")
    done = subprocess.run(
        ["python3", "-c", f"import sys; sys.path.insert(0, '{venv}/lib/python3.11/site-packages'); exec({text!r})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "hello\n"
