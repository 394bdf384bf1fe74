"""The image's user, from its own /etc/passwd and /etc/group; single files found through layers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from paddlewheel.errors import ImageError
from paddlewheel.sandbox.tree import find
from paddlewheel.sandbox.users import User, resolve

PASSWD = """root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
app:x:1000:100:::/bin/sh
broken:x:many:0::/:/bin/sh
1234:x:77:78::/digits:
"""
GROUP = """root:x:0:
users:x:100:
staff:x:50:app,nonroot
audio:x:29:app
"""


@pytest.fixture
def layers(tmp_path: Path) -> list[Path]:
    (tmp_path / "low/etc").mkdir(parents=True)
    (tmp_path / "high").mkdir()
    (tmp_path / "low/etc/passwd").write_text(PASSWD)
    (tmp_path / "low/etc/group").write_text(GROUP)
    return [tmp_path / "low", tmp_path / "high"]


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(0, 0, (), "/root")),
        ("root", User(0, 0, (), "/root")),
        ("0", User(0, 0, (), "/root")),
        ("nonroot", User(65532, 65532, (50,), "/home/nonroot")),
        ("65532", User(65532, 65532, (50,), "/home/nonroot")),
        ("app", User(1000, 100, (29, 50), "/")),
        ("app:staff", User(1000, 50, (), "/")),
        ("1000:1000", User(1000, 1000, (), "/")),
        ("4242", User(4242, 0, (), "/")),
        ("4242:users", User(4242, 100, (), "/")),
        ("1234", User(77, 78, (), "/digits")),
        ("app:", User(1000, 100, (29, 50), "/")),
    ],
)
def test_user(layers: list[Path], text: str, user: User) -> None:
    assert resolve(text, layers) == user


@pytest.mark.parametrize("text", ["nonrot", "broken", "4294967296", "-1", "٣"])
def test_unknown_user(layers: list[Path], text: str) -> None:
    with pytest.raises(ImageError, match="its /etc/passwd does not know") as caught:
        resolve(text, layers)
    assert caught.value.hint is not None


def test_unknown_group(layers: list[Path]) -> None:
    with pytest.raises(ImageError, match="group 'stuff'"):
        resolve("app:stuff", layers)


def test_image_without_passwd(tmp_path: Path) -> None:
    assert resolve("", [tmp_path]) == User(0, 0, (), "/root")
    assert resolve("65532:65532", [tmp_path]) == User(65532, 65532, (), "/")
    with pytest.raises(ImageError):
        resolve("nonroot", [tmp_path])


def test_find_takes_the_highest(layers: list[Path]) -> None:
    low, high = layers
    assert find(layers, "/etc/passwd") == low / "etc/passwd"
    (high / "etc").mkdir()
    assert find(layers, "/etc/passwd") == low / "etc/passwd"
    (high / "etc/passwd").write_text("")
    assert find(layers, "/etc/passwd") == high / "etc/passwd"
    assert find(layers, "/etc/none") is None


def test_find_sees_whiteouts(layers: list[Path]) -> None:
    _, high = layers
    (high / "etc").mkdir()
    os.mknod(high / "etc/passwd", stat.S_IFCHR, os.makedev(0, 0))
    assert find(layers, "/etc/passwd") is None
    assert find(layers, "/etc/group") is not None
    os.setxattr(high / "etc", "user.overlay.opaque", b"y")
    assert find(layers, "/etc/group") is None


def test_find_sees_a_removed_folder(layers: list[Path]) -> None:
    _, high = layers
    os.mknod(high / "etc", stat.S_IFCHR, os.makedev(0, 0))
    assert find(layers, "/etc/group") is None


def test_find_follows_links_through_layers(layers: list[Path]) -> None:
    low, high = layers
    (low / "usr").mkdir()
    (low / "usr/users").write_text("u")
    (high / "data").symlink_to("/usr")
    (high / "name").symlink_to("data/../data/users")
    (high / "out").symlink_to("../../../../etc/group")
    (high / "circle").symlink_to("circle")
    assert find(layers, "/name") == low / "usr/users"
    assert find(layers, "/data") == low / "usr"
    assert find(layers, "/out") == low / "etc/group"
    assert find(layers, "/circle") is None
    assert find(layers, "/name/below") is None
