"""From an image to a `RunSpec`: its layers unpacked, its config read as container engines read it.

Sources: OCI image specification 1.1, conversion.md; Docker's reference of ENTRYPOINT, CMD, USER and WORKDIR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.errors import SandboxError, StorageError
from paddlewheel.image.blobs import Blobs
from paddlewheel.image.model import Image, Layer, Platform
from paddlewheel.image.store import storage_errors
from paddlewheel.progress import Reporter
from paddlewheel.sandbox.spec import Bind, Network, Owner, RunSpec
from paddlewheel.sandbox.users import resolve

if TYPE_CHECKING:
    from paddlewheel.cache import Cache

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of an image that sets none, as Docker has it."""

_MANY_OWNERS: Final = 1000
"""With more files of other owners than this, the image's user becomes the caller: to set so many costs seconds."""

_MACHINES: Final = {
    "x86_64": ("amd64", "386"),
    "aarch64": ("arm64",),
    "armv7l": ("arm",),
    "i686": ("386",),
    "ppc64le": ("ppc64le",),
    "riscv64": ("riscv64",),
    "s390x": ("s390x",),
}
"""Machine as uname(2) has it -> architectures as Go has them, whose programs it runs."""


def rootfs_layers(image: Image, blobs: Blobs, cache: Cache, reporter: Reporter) -> tuple[Path, ...]:
    """The image's layers in the cache, lowest first, unpacked where they are not yet.

    Raise `ImageError` for a damaged layer, `StorageError` for a disk that is full or belongs to somebody else.
    """
    from paddlewheel.image.unpack import unpack_image

    place = cache.root / "rootfs"
    with storage_errors(cache.root):
        if place.exists() and place.stat().st_uid != os.geteuid():
            raise StorageError(
                f"{place} belongs to another user, and so do the files in it that this image would have",
                hint="set PADDLEWHEEL_CACHE_DIR to a folder of your own",
            )
        layers = tuple(unpack_image(image, blobs, cache, reporter))
        if os.geteuid() != 0:
            for layer in image.layers:
                _record_owners(layer, blobs, cache)
    for layer_place in layers:
        # `cache prune` goes by the time of the last use.
        with suppress(OSError):
            os.utime(layer_place)
    return layers


def spec_for(
    image: Image,
    layers: Sequence[Path],
    cache: Cache,
    *,
    arguments: Sequence[str] = (),
    entrypoint: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    mounts: Sequence[Bind] = (),
    network: Network = "host",
    read_only: bool = False,
    hostname: str | None = None,
) -> RunSpec:
    """How the image starts. `arguments`, when there are any, replace its cmd; an `entrypoint` replaces entrypoint
    and cmd; `env` goes over the image's; `user` replaces its user.

    Raise `ImageError` for a user that the image does not know, `SandboxError` for an image of another machine or
    without a command.
    """
    check_machine(image.platform)
    config = image.run
    start = tuple(config.entrypoint if entrypoint is None else entrypoint)
    rest = tuple(arguments) or (config.cmd if entrypoint is None else ())
    who = resolve(config.user if user is None else user, layers)
    owners = _owners(image, layers, cache)
    shared = any(not bind.read_only for bind in mounts) or len(owners) > _MANY_OWNERS
    return RunSpec(
        layers=tuple(layers),
        argv=start + rest,
        scratch=cache.root / "tmp",
        env=_environment(config.env, env or {}, who.home),
        cwd=_absolute(config.working_dir),
        uid=who.uid,
        gid=who.gid,
        groups=who.groups,
        read_only=read_only,
        writable=tuple(_absolute(path) for path in config.volumes),
        owners=() if shared else owners,
        mounts=tuple(mounts),
        network=network,
        hostname=hostname,
        identity="caller" if shared else "auto",
    )


def check_machine(platform: Platform, machine: str | None = None, proc: Path = Path("/proc")) -> None:
    """Raise `SandboxError` unless this machine, or an emulator that it has registered, runs the platform's programs."""
    machine = machine or os.uname().machine
    if platform.os == "linux" and platform.architecture in _MACHINES.get(machine, (machine,)):
        return
    emulated = {name for name, known in _MACHINES.items() if platform.architecture in known}
    if platform.os == "linux" and any((proc / f"sys/fs/binfmt_misc/qemu-{name}").exists() for name in emulated):
        return
    own = _MACHINES.get(machine, (machine,))[0]
    raise SandboxError(
        f"the image is for {platform}, and this machine runs linux/{own}",
        hint=f"build it with `--platform linux/{own}`, or install qemu-user-static with binfmt support",
    )


def _absolute(path: str) -> str:
    return "/" + path.strip("/")


def _environment(own: Sequence[tuple[str, str]], given: Mapping[str, str], home: str) -> tuple[tuple[str, str], ...]:
    values = {"PATH": DEFAULT_PATH, "HOME": home}
    if sys.stdin is not None and sys.stdin.isatty() and "TERM" in os.environ:
        values["TERM"] = os.environ["TERM"]
    return tuple((values | dict(own) | dict(given)).items())


def _record_owners(layer: Layer, blobs: Blobs, cache: Cache) -> None:
    """See to it that the record is there which unpacking makes: it may have been pruned, the layer not."""
    from paddlewheel.image.unpack import OWNERS, Unpacker, unpacked_place

    key = unpacked_place(layer, cache).name
    if cache.record(OWNERS, key) is not None:
        return
    from paddlewheel.image.tarread import LayerReader

    with cache.directory("owners") as temporary, blobs.open(layer.digest) as blob:
        unpacker = Unpacker(temporary, layer.digest)
        unpacker.unpack(LayerReader(blob, f"layer {layer.digest}"))
        cache.put_record(OWNERS, key, {"owners": unpacker.owners})


def _owners(image: Image, layers: Sequence[Path], cache: Cache) -> tuple[Owner, ...]:
    """Owners that an ordinary user could not give to files when unpacking: of each path, what its top layer says."""
    if os.geteuid() == 0:
        return ()
    from paddlewheel.image.unpack import OWNERS, unpacked_place

    found: list[Owner] = []
    for number, layer in enumerate(image.layers):
        record = cache.record(OWNERS, unpacked_place(layer, cache).name) or {}
        higher = layers[number + 1 :]
        for path, (uid, gid) in record.get("owners", {}).items():
            if not any(os.path.lexists(above / path) for above in higher):
                found.append(Owner(path=f"/{path}", uid=uid, gid=gid))
    return tuple(found)
