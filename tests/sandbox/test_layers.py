"""Layers on top of each other, by overlayfs and by copying."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.sandbox.callers import Caller


@pytest.fixture(params=[True, False], ids=["overlay", "copied"])
def overlay(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def _whiteout(place: Path) -> None:
    os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))


def test_higher_layers_win(caller: Caller, overlay: bool) -> None:
    low = caller.layer("low", {"etc/name": "low", "only": "low", "d/kept": "k"})
    high = caller.layer("high", {"etc/name": "high", "d/added": "a"})
    done = caller.shell("cat /etc/name /only /d/*", layers=[low, high], overlay=overlay)
    assert done.stdout == "highlowak"


def test_whiteouts_and_opaque_folders(caller: Caller, overlay: bool) -> None:
    low = caller.layer("low", {"file": "f", "folder/a": "a", "whole/b": "b", "open/c": "c"})
    high = caller.layer("high", {"open/d": "d"})
    _whiteout(high / "file")
    _whiteout(high / "whole")
    os.setxattr(high / "open", "user.overlay.opaque", b"y")
    done = caller.shell("ls -d /file /whole /folder/a /open/*", layers=[low, high], overlay=overlay)
    assert done.stdout.split() == ["/folder/a", "/open/d"]


def test_file_replaces_folder_and_back(caller: Caller, overlay: bool) -> None:
    low = caller.layer("low", {"a/x": "x", "b": "b"})
    high = caller.layer("high", {"a": "file", "b/y": "y"})
    done = caller.shell("cat /a /b/y", layers=[low, high], overlay=overlay)
    assert done.stdout == "filey"


def test_127_layers(caller: Caller) -> None:
    layers = [caller.layer(f"layer-with-a-long-name-{n:03}", {f"files/{n}": "", "top": str(n)}) for n in range(126)]
    done = caller.shell("ls /files | wc -l; cat /top", layers=layers)
    assert done.stdout.split() == ["126", "125"]
    assert done.warnings == []


def test_paths_with_special_characters(caller: Caller) -> None:
    layer = caller.layer("a:b,c=d\\e f", {"x": "x"})
    assert caller.shell("cat /x", layers=[layer]).stdout == "x"


def test_copying_keeps_modes_links_and_times(caller: Caller) -> None:
    layer = caller.layer("kept", {"bin/tool": "#!/bin/sh\n", "closed/in": "x"})
    (layer / "bin/tool").chmod(0o755)
    (layer / "link").symlink_to("bin/tool")
    (layer / "bin/same").hardlink_to(layer / "bin/tool")
    os.utime(layer / "closed/in", (1000, 1000))
    (layer / "closed").chmod(0o555)
    script = "stat -c '%a %h' /bin/tool /bin/same; readlink /link; stat -c %Y /closed/in; stat -c %a /closed"
    done = caller.shell(script, layers=[layer], overlay=False)
    assert done.stdout.split("\n")[:-1] == ["755 2", "755 2", "bin/tool", "1000", "555"]


def test_copied_layers_are_not_written_to(caller: Caller) -> None:
    done = caller.shell("echo x > /bin/busybox2; echo y >> /etc/passwd; rm /bin/tail", uid=0, gid=0, overlay=False)
    assert done.status == 0
    assert (caller.base / "bin/tail").is_symlink()
    assert "y" not in (caller.base / "etc/passwd").read_text().split("\n")


def test_layer_that_is_gone(root: Caller) -> None:
    done = root.shell("true", layers=[root.folder / "gone"])
    assert "gone is not there" in done.error
    assert done.exit == 125
