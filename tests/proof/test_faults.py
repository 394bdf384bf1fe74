"""Faults on the way to an image: each has its own exit status, a hint, leaves nothing half-written, and the next
build just works."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from paddlewheel.errors import CollisionError, DeliveryError, IntegrityError, NetworkError, StorageError, WheelError
from paddlewheel.image.store import file_digest
from tests.proof.builds import build, debris, partials
from tests.proof.harbour import LARGE, Harbour
from tests.setup.users import User
from tests.support.need import need, need_program, need_root
from tests.support.wheels import make_wheel, sha256
from tests.support.zips import Member

MIB = 1 << 20


class Dock:
    """A project, its cache and its output; and what a build of it gives when nothing is wrong."""

    def __init__(self, harbour: Harbour, folder: Path) -> None:
        self.harbour = harbour
        self.folder = folder
        self.cache = folder / "cache"
        self.project = harbour.project(folder / "boat")
        self.environment = harbour.environment(self.cache)

    def good(self) -> str:
        """Build with nothing wrong; the archive's digest."""
        result = build(self.project, self.environment)
        assert result.reference
        assert debris(self.cache, self.project) == []
        assert partials(self.cache) == []
        (archive,) = (self.project / "dist").iterdir()
        return file_digest(archive)

    def fails(self, status: int, *words: str) -> None:
        """Build with something wrong: the error, and no output."""
        build(self.project, self.environment).failed(status, *words)
        assert debris(self.cache, self.project) == []
        assert not (self.project / "dist").exists() or list((self.project / "dist").iterdir()) == []


@pytest.fixture
def dock(harbour: Harbour, tmp_path: Path) -> Dock:
    return Dock(harbour, tmp_path)


def test_a_wheel_with_another_hash(dock: Dock) -> None:
    dock.harbour.server.fault("*/gamma-*", corrupt=True)
    dock.fails(IntegrityError.exit_status, "gamma 1.0", "SHA-256")
    (wheel,) = (dock.harbour.folder / "wheels").glob("gamma-*")
    assert f"download-{sha256(wheel)}.partial" not in {path.name for path in partials(dock.cache)}
    dock.harbour.server.faults.clear()
    assert dock.good()


def test_a_deb_with_another_hash(dock: Dock) -> None:
    dock.harbour.server.fault("*/libc6_*", corrupt=True)
    dock.fails(IntegrityError.exit_status, "libc6")
    dock.harbour.server.faults.clear()
    assert dock.good()


def test_connections_that_are_dropped_now_and_then(dock: Dock) -> None:
    dock.harbour.server.fault("*/wheels/*", drop=True, times=2)
    dock.harbour.server.fault("*/beta-*", truncate=LARGE // 3, times=1)
    dock.harbour.server.fault("*.deb", status=503, times=1)
    assert dock.good()


def test_a_server_that_is_gone(dock: Dock) -> None:
    dock.harbour.server.fault("*/alpha-*", status=404)
    dock.fails(NetworkError.exit_status, "alpha-1.0", "404")
    dock.harbour.server.faults.clear()
    assert dock.good()


def test_wheels_that_lie(dock: Dock, tmp_path: Path) -> None:
    served = dock.harbour.folder / "wheels"
    kept = dock.project / "pylock.toml"
    right = kept.read_text()
    bomb = Member(data=bytes(MIB), repeat=64, size=1000, record=("", ""))
    evil = make_wheel(tmp_path / "made", "evil", files={"evil/__init__.py": "", "evil/bomb.bin": bomb})
    other = make_wheel(tmp_path / "made", "other", files={"alpha/part1.py": "NUMBER = 2\n"})
    try:
        for wheel, status, word in ((evil, WheelError, "bomb.bin"), (other, CollisionError, "alpha/part1.py")):
            shutil.copy(wheel, served)
            kept.write_text(dock.harbour.lock(sorted(served.iterdir())))
            dock.fails(status.exit_status, word)
            (served / wheel.name).unlink()
    finally:
        for wheel in (evil, other):
            (served / wheel.name).unlink(missing_ok=True)
    kept.write_text(right)
    assert dock.good()


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes at `place`, in memory."""
    need_root()
    place.mkdir(parents=True, exist_ok=True)
    command = [need_program("mount"), "-t", "tmpfs", "-o", f"size={size}", "paddlewheel-test", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    need(done.returncode == 0, f"this machine mounts no tmpfs: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([need_program("umount"), str(place)], check=True)


@pytest.mark.parametrize(
    "size", [64 << 10, 5 * MIB, *(pytest.param(size, marks=pytest.mark.slow) for size in (MIB, 2 * MIB, 7 * MIB))]
)
def test_a_full_disk_for_the_cache(dock: Dock, size: int) -> None:
    with small_disk(dock.cache, size):
        dock.fails(StorageError.exit_status, "no space left", "PADDLEWHEEL_CACHE_DIR")
        subprocess.run(["mount", "-o", f"remount,size={64 * MIB}", str(dock.cache)], check=True)
        assert dock.good()


def test_a_full_disk_for_the_output(dock: Dock) -> None:
    with small_disk(dock.project / "dist", MIB):
        dock.fails(DeliveryError.exit_status, "dist/boat-0.oci.tar", "No space left")
    assert dock.good()


def test_a_cache_that_may_not_be_written(dock: Dock, ordinary_user: User) -> None:
    need_root()
    project = ordinary_user.own(dock.project)
    cache = ordinary_user.home / "cache"
    cache.mkdir(mode=0o555)  # root's
    environment = {"PADDLEWHEEL_CACHE_DIR": str(cache), "PADDLEWHEEL_MIRROR": dock.harbour.mirror}
    done = ordinary_user.paddlewheel("build", project, env=environment, check=False)
    assert done.returncode == StorageError.exit_status
    assert "hint: set PADDLEWHEEL_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr
    os.chown(cache, ordinary_user.uid, ordinary_user.gid)
    cache.chmod(0o755)
    assert ordinary_user.paddlewheel("build", project, env=environment).stdout.startswith("boat:")


def halve(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def scribble(path: Path) -> None:
    path.chmod(0o644)
    path.write_text('{"digest": 3}')


def empty(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"")


def damages() -> Iterator[ParameterSet]:
    """Every kind of damage for every kind of entry, those that tell the most among the fast tests."""
    quick = {("artifacts", flip, "anew"), ("blobs", halve, "again"), ("records", scribble, "again")}
    quick |= {("bytecode", halve, "anew"), ("bytecode", flip, "anew")}
    for kind, damage in DAMAGES:
        for how in ("again", "anew"):
            marks = () if (kind, damage, how) in quick else (pytest.mark.slow,)
            yield pytest.param(kind, damage, how, id=f"{kind}-{damage.__name__}-{how}", marks=marks)


DAMAGES: list[tuple[str, Callable[[Path], None]]] = [
    ("artifacts", halve),
    ("artifacts", flip),
    ("artifacts", empty),
    ("blobs", halve),
    ("blobs", empty),
    ("records", scribble),
    ("records", halve),
    ("records", flip),
    ("records", empty),
    ("bytecode", halve),
    ("bytecode", flip),
    ("bytecode", scribble),
    ("bytecode", empty),
]


@pytest.mark.parametrize(("kind", "damage", "how"), list(damages()))
def test_damage_in_the_cache_is_never_in_an_image(
    dock: Dock, kind: str, damage: Callable[[Path], None], how: str
) -> None:
    right = dock.good()
    for path in (dock.cache / kind).rglob("*"):
        if path.is_file():
            damage(path)
    if how == "anew":
        # Without finished layers, so that wheels, packs and modules are used again.
        for folder in ("records", "blobs"):
            shutil.rmtree(dock.cache / folder)
    shutil.rmtree(dock.project / "dist")
    (dock.project / "app.py").touch()
    assert dock.good() == right


@pytest.mark.slow
def test_a_part_of_the_cache_that_is_gone(dock: Dock) -> None:
    right = dock.good()
    for folder in sorted(path for path in dock.cache.iterdir() if path.name != "locks"):
        shutil.rmtree(folder)
        shutil.rmtree(dock.project / "dist")
        assert dock.good() == right


def test_what_killed_builds_left_in_the_cache_goes(dock: Dock) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    dock.good()
    tmp = dock.cache / "tmp"
    (tmp / f"blob-{gone.pid}-0123456789ab").write_bytes(b"half")
    (tmp / f"rootfs-{gone.pid}-0123456789ab" / "layer").mkdir(parents=True)
    mine = tmp / f"blob-{os.getpid()}-0123456789ab"
    mine.write_bytes(b"under way")
    waiting = tmp / f"download-{'ab' * 32}.partial"
    waiting.write_bytes(b"the first half")
    (dock.project / "app.py").write_text("print(2)\n")
    assert build(dock.project, dock.environment).reference
    assert sorted(tmp.iterdir()) == [mine, waiting]
    os.utime(waiting, (0, 0))
    (dock.project / "app.py").write_text("print(3)\n")
    assert build(dock.project, dock.environment).reference
    assert sorted(tmp.iterdir()) == [mine]
