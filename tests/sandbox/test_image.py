"""From an image to what runs: the config's meaning, unpacked layers, owners."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from paddlewheel.cache import Cache
from paddlewheel.errors import ImageError, SandboxError
from paddlewheel.image.model import Image, Platform, RunConfig
from paddlewheel.image.tar import Entry
from paddlewheel.progress import Silent
from paddlewheel.sandbox.image import DEFAULT_PATH, check_machine, rootfs_layers, spec_for
from paddlewheel.sandbox.run import capture, run
from paddlewheel.sandbox.scratch import in_use
from paddlewheel.sandbox.spec import Bind, RunSpec
from tests.sandbox.callers import Caller
from tests.support.images import Item, file, folder, make_image, symlink
from tests.support.need import need

MACHINE = Platform("linux", {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))
PASSWD = b"root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532::/home/nonroot:/bin/sh\n"


def _items() -> list[Item]:
    program = Path("/bin/busybox").read_bytes()
    links = [symlink(f"bin/{name}", "busybox") for name in ("sh", "cat", "env", "id", "pwd", "stat", "touch", "echo")]
    return [
        folder("bin"),
        file("bin/busybox", program, mode=0o755),
        *links,
        folder("etc"),
        file("etc/passwd", PASSWD),
        folder("home"),
        (Entry("home/nonroot", kind="dir", mode=0o755, uid=65532, gid=65532), b""),
    ]


def _image(cache: Cache, run: RunConfig, *more: list[Item], machine: Platform = MACHINE) -> Image:
    return make_image(cache.store, _items(), *more, run=run, platform=machine)


def _spec(cache: Cache, image: Image, *arguments: str, env: dict[str, str] | None = None) -> RunSpec:
    layers = rootfs_layers(image, cache.store, cache, Silent())
    return spec_for(image, layers, cache, arguments=arguments, env=env)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "arguments", "argv"),
    [
        (("a", "b"), ("c",), (), ("a", "b", "c")),
        (("a", "b"), ("c",), ("d", "e"), ("a", "b", "d", "e")),
        ((), ("c", "d"), (), ("c", "d")),
        ((), ("c", "d"), ("e",), ("e",)),
        (("a",), (), (), ("a",)),
    ],
)
def test_arguments_replace_cmd(
    cache: Cache, entrypoint: tuple[str, ...], cmd: tuple[str, ...], arguments: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    image = _image(cache, RunConfig(entrypoint=entrypoint, cmd=cmd))
    assert _spec(cache, image, *arguments).argv == argv


def test_entrypoint_replaces_both(cache: Cache) -> None:
    image = _image(cache, RunConfig(entrypoint=("a",), cmd=("b",)))
    layers = rootfs_layers(image, cache.store, cache, Silent())
    assert spec_for(image, layers, cache, entrypoint=("x",)).argv == ("x",)
    assert spec_for(image, layers, cache, entrypoint=(), arguments=("y", "z")).argv == ("y", "z")


def test_image_without_a_command(cache: Cache) -> None:
    with pytest.raises(SandboxError, match="no command"):
        _spec(cache, _image(cache, RunConfig()))


def test_environment_user_and_directory(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(cmd=("x",), env=(("A", "1"), ("B", "2")), user="nonroot", working_dir="/srv/app/")
    spec = _spec(cache, _image(cache, config), env={"B": "3", "C": "="})
    assert dict(spec.env) == {"PATH": DEFAULT_PATH, "HOME": "/home/nonroot", "A": "1", "B": "3", "C": "="}
    assert (spec.uid, spec.gid, spec.cwd) == (65532, 65532, "/srv/app")
    own = RunConfig(cmd=("x",), env=(("PATH", "/opt/venv/bin"), ("HOME", "/tmp")))
    assert dict(_spec(cache, _image(cache, own)).env) == {"PATH": "/opt/venv/bin", "HOME": "/tmp"}


def test_unknown_user_is_an_image_error(cache: Cache) -> None:
    with pytest.raises(ImageError, match="'www-data'"):
        _spec(cache, _image(cache, RunConfig(cmd=("x",), user="www-data")))


def test_image_of_another_machine(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(
        SandboxError, match="the image is for linux/arm64/v8, and this machine runs linux/amd64"
    ) as info:
        check_machine(Platform("linux", "arm64", "v8"), "x86_64", tmp_path)
    assert "--platform linux/amd64" in str(info.value.hint)
    check_machine(Platform("linux", "386"), "x86_64", tmp_path)
    emulator = tmp_path / "sys/fs/binfmt_misc/qemu-aarch64"
    emulator.parent.mkdir(parents=True)
    emulator.touch()
    check_machine(Platform("linux", "arm64", "v8"), "x86_64", tmp_path)
    with pytest.raises(SandboxError):
        check_machine(Platform("windows", "amd64"), "x86_64", tmp_path)


def test_layers_are_unpacked_once(cache: Cache) -> None:
    image = _image(cache, RunConfig(cmd=("x",)), [file("extra", b"e")])
    first = rootfs_layers(image, cache.store, cache, Silent())
    assert [place.name for place in first] == [layer.diff_id.removeprefix("sha256:") for layer in image.layers]
    inodes = [(place / "bin/busybox").stat().st_ino for place in first[:1]]
    os.utime(first[0], (0, 0))
    assert rootfs_layers(image, cache.store, cache, Silent()) == first
    assert [(place / "bin/busybox").stat().st_ino for place in first[:1]] == inodes
    assert first[0].stat().st_mtime > 0, "an unpacked layer that is used must not look old"


def test_image_runs_as_it_says(cache: Cache) -> None:
    config = RunConfig(
        entrypoint=("sh", "-c"),
        cmd=("exit 1",),
        env=(("GREETING", "hello"),),
        user="nonroot",
        working_dir="/srv/here",
        volumes=("/data",),
    )
    spec = _spec(cache, _image(cache, config), 'echo "$GREETING $(id -u) $(pwd) $HOME"; touch ~/x /data/y; exit 3')
    done = capture(spec, reporter=Silent())
    assert (done.stdout, done.status, done.stderr) == (b"hello 65532 /srv/here /home/nonroot\n", 3, b"")


def test_capture_from_several_threads(cache: Cache) -> None:
    from concurrent.futures import ThreadPoolExecutor

    spec = _spec(cache, _image(cache, RunConfig(cmd=("cat",))))
    with ThreadPoolExecutor(4) as pool:
        inputs = [str(number).encode() * 50_000 for number in range(8)]
        results = list(pool.map(lambda data: capture(spec, stdin=data), inputs))
    assert [done.stdout for done in results] == inputs


def test_capture_ends_a_program_that_takes_too_long(cache: Cache) -> None:
    spec = _spec(cache, _image(cache, RunConfig(cmd=("sh", "-c", "echo start; cat /dev/zero > /dev/null"))))
    done = capture(spec, timeout=0.5)
    assert (done.status, done.stdout) == (124, b"start\n")


def test_streams_of_run(cache: Cache, tmp_path: Path) -> None:
    spec = _spec(cache, _image(cache, RunConfig(cmd=("cat",))))
    (tmp_path / "in").write_text("text")
    with (tmp_path / "in").open() as source, (tmp_path / "out").open("w") as sink:
        assert run(spec, stdin=source, stdout=sink) == 0
    assert (tmp_path / "out").read_text() == "text"


def test_layers_of_a_running_sandbox_are_in_use(cache: Cache) -> None:
    import threading

    spec = _spec(cache, _image(cache, RunConfig(cmd=("cat",))))
    reader, writer = os.pipe()
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(run(spec, stdin=reader, stdout=subprocess.DEVNULL)), daemon=True
    )
    assert not any(in_use(layer) for layer in spec.layers)
    thread.start()
    try:
        while not all(in_use(layer) for layer in spec.layers):
            assert thread.is_alive()
    finally:
        os.close(writer)
        thread.join(10)
        os.close(reader)
    assert results == [0]
    assert not any(in_use(layer) for layer in spec.layers)


_USE = """
import json, sys
from pathlib import Path
from paddlewheel.cache import Cache
from paddlewheel.image.model import Image
from paddlewheel.image.store import Store
from paddlewheel.progress import Silent
from paddlewheel.sandbox.image import rootfs_layers, spec_for
from paddlewheel.sandbox.run import run
blobs, manifest, config = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
image = Image(manifest.read_bytes(), config.read_bytes())
cache = Cache(Path("cache").absolute())
layers = rootfs_layers(image, Store(blobs), cache, Silent())
if "forget" in sys.argv:
    import shutil
    shutil.rmtree("cache/records")
    layers = rootfs_layers(image, Store(blobs), cache, Silent())
sys.exit(run(spec_for(image, layers, cache)))
"""


@pytest.mark.parametrize("forget", [False, True], ids=["recorded", "pruned"])
def test_ordinary_user_gets_the_images_owners(ordinary: Caller, cache: Cache, forget: bool) -> None:
    need(os.geteuid() == 0, "needs root, to become another user")
    script = "stat -c %u:%g /home/nonroot /opt/mine /opt/back /etc/passwd; echo x > /home/nonroot/x"
    image = _image(
        cache,
        RunConfig(cmd=("sh", "-c", script), user="65532"),
        [
            folder("opt"),
            (Entry("opt/mine", mode=0o600, uid=7, gid=8), b""),
            (Entry("opt/back", uid=7, gid=8), b""),
        ],
        [folder("opt"), file("opt/back")],
    )
    store = ordinary.folder / "store"
    for descriptor in [layer.descriptor for layer in image.layers]:
        place = store / "blobs/sha256" / descriptor.digest.removeprefix("sha256:")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(cache.store.path(descriptor.digest).read_bytes())
    (ordinary.folder / "manifest").write_bytes(image.manifest_bytes)
    (ordinary.folder / "config").write_bytes(image.config_bytes)
    (ordinary.folder / "use.py").write_text(_USE)
    ordinary.give(ordinary.folder)
    command = [str(ordinary.python), "use.py", "store", "manifest", "config", *(["forget"] if forget else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **ordinary.switch())
    assert done.stderr == ""
    assert done.stdout.split() == ["65532:65532", "7:8", "0:0", "0:0"]
    assert done.returncode == 0


def test_writable_bind_makes_the_user_the_caller(cache: Cache, tmp_path: Path) -> None:
    image = _image(cache, RunConfig(cmd=("x",)))
    layers = rootfs_layers(image, cache.store, cache, Silent())
    for read_only, identity in ((True, "auto"), (False, "caller")):
        mounts = [Bind(source=tmp_path, target="/data", read_only=read_only)]
        assert spec_for(image, layers, cache, mounts=mounts).identity == identity
