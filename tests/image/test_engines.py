"""Real Docker, Podman and Skopeo take what is written, and start it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zlib
from pathlib import Path

import pytest

from paddlewheel.image.layer import LayerWriter
from paddlewheel.image.model import Image, Layer, RunConfig
from paddlewheel.image.store import Store
from paddlewheel.image.tar import Entry
from paddlewheel.image.transports import open_image, parse_destination
from paddlewheel.image.validate import validate
from paddlewheel.progress import Silent
from tests.support.engines import Engine
from tests.support.images import AMD64, CREATED, busybox_image
from tests.support.need import need_program

HELLO = "hello from paddlewheel\nwheels\n"


@pytest.fixture
def image(store: Store) -> Image:
    return busybox_image(store)


def spliced(store: Store) -> Image:
    """Every file a gzip member of its own, as in a layer of wheels; the files count themselves."""
    program = Path("/bin/busybox").read_bytes()
    with store.create() as (sink, temporary):
        writer = LayerWriter(sink)
        bodies = {"bin/busybox": program} | {f"data/{n:04}": (f"{n}\n" * n).encode() for n in range(400)}
        for path, body in bodies.items():
            compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
            raw = compressor.compress(body) + compressor.flush()
            writer.splice(Entry(path, size=len(body), mode=0o755), zlib.crc32(body), raw, body)
        writer.add(Entry("bin/sh", kind="symlink", mode=0o777, target="busybox"))
        written = writer.close()
        store.commit(temporary, written.digest)
    layer = Layer(descriptor=written.descriptor(), diff_id=written.diff_id)
    run = RunConfig(cmd=("/bin/sh", "-c", "/bin/busybox cat /data/* | /bin/busybox md5sum"))
    return Image.create(platform=AMD64, run=run, layers=[layer], created=CREATED)


@pytest.mark.engine
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_docker_loads_either_archive(
    docker: Engine, image: Image, store: Store, tmp_path: Path, transport: str
) -> None:
    parse_destination(f"{transport}:{tmp_path}/image.tar").write(image, store, "pw-archive:1", Silent())
    try:
        assert docker.load(tmp_path / "image.tar") == "pw-archive:1"
        assert docker.run("pw-archive:1").stdout == HELLO
    finally:
        docker.remove("pw-archive:1")


@pytest.mark.engine
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_podman_loads_either_archive(
    podman: Engine, image: Image, store: Store, tmp_path: Path, transport: str
) -> None:
    parse_destination(f"{transport}:{tmp_path}/image.tar").write(image, store, "pw-archive:1", Silent())
    try:
        assert podman.load(tmp_path / "image.tar") == "docker.io/library/pw-archive:1"
        assert podman.run("pw-archive:1").stdout == HELLO
    finally:
        podman.remove("pw-archive:1")


@pytest.mark.engine
def test_into_docker(docker: Engine, image: Image, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in docker.environment.items():
        monkeypatch.setenv(key, value)
    destination = parse_destination("docker-daemon:pw-team/shop:1.2")
    destination.check()
    destination.write(image, store, "other:1", Silent())
    try:
        assert docker.run("pw-team/shop:1.2").stdout == HELLO
        (found,) = json.loads(docker("image", "inspect", "pw-team/shop:1.2").stdout)
        assert found["Id"] == image.config_descriptor.digest
        assert found["RepoTags"] == ["pw-team/shop:1.2"]
    finally:
        docker.remove("pw-team/shop:1.2")


@pytest.mark.engine
def test_into_podman(podman: Engine, image: Image, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in podman.environment.items():
        monkeypatch.setenv(key, value)
    destination = parse_destination("containers-storage:pw-shop")
    destination.check()
    destination.write(image, store, "other:1", Silent())
    try:
        assert podman.run("pw-shop").stdout == HELLO
        (found,) = json.loads(podman("image", "inspect", "pw-shop").stdout)
        assert found["RepoTags"] == ["localhost/pw-shop:latest"]
        assert found["Digest"] == image.digest
    finally:
        podman.remove("pw-shop")


@pytest.mark.engine
def test_many_gzip_members_survive(
    docker: Engine, podman: Engine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = spliced(store)
    said = set()
    for engine, transport in ((docker, "docker-daemon"), (podman, "containers-storage")):
        with monkeypatch.context() as patch:
            for key, value in engine.environment.items():
                patch.setenv(key, value)
            parse_destination(f"{transport}:pw-members:1").write(image, store, "x", Silent())
        try:
            said.add(engine.run("pw-members:1").stdout)
        finally:
            engine.remove("pw-members:1")
    expected = hashlib.md5(b"".join(f"{n}\n".encode() * n for n in range(400)), usedforsecurity=False).hexdigest()
    assert said == {f"{expected}  -\n"}


@pytest.mark.engine
def test_what_docker_saves_is_read(
    docker: Engine, image: Image, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in docker.environment.items():
        monkeypatch.setenv(key, value)
    parse_destination("docker-daemon:pw-saved:1").write(image, store, "x", Silent())
    try:
        docker("save", "--output", str(tmp_path / "saved.tar"), "pw-saved:1")
    finally:
        docker.remove("pw-saved:1")
    found, blobs = open_image(f"docker-archive:{tmp_path}/saved.tar:pw-saved:1")
    assert found.config_bytes == image.config_bytes
    assert validate(found, blobs) == []


@pytest.mark.engine
@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_skopeo_reads_and_copies(image: Image, store: Store, tmp_path: Path, transport: str) -> None:
    need_program("skopeo")
    place = f"{transport}:{tmp_path}/out"
    parse_destination(place).write(image, store, "shop:1", Silent())
    source = f"{place}:docker.io/library/shop:1" if transport == "docker-archive" else f"{place}:shop:1"
    done = subprocess.run(["skopeo", "inspect", source], capture_output=True, check=True)
    value = json.loads(done.stdout)
    assert (value["Architecture"], value["Os"], value["Created"]) == ("amd64", "linux", CREATED)
    # What Skopeo makes of it is read back as the same image; out of a Docker archive it writes a config of its own.
    subprocess.run(["skopeo", "copy", "-q", source, f"oci:{tmp_path}/copy:again"], check=True)
    found, blobs = open_image(f"oci:{tmp_path}/copy:again")
    assert (found.config_bytes == image.config_bytes) == (transport != "docker-archive")
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]
    assert found.run == image.run
    assert validate(found, blobs) == []
