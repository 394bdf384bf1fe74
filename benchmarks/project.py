"""The examples as they are measured: a copy of each, with a cache of its own, and the states that it is put into."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import Cost, timed_command
from paddlewheel.cache import Cache
from paddlewheel.image.model import LAYER_KEY, LAYER_TITLE, Image

CHECKOUT: Final = Path(__file__).resolve().parents[1]
PADDLEWHEEL: Final = str(Path(sys.executable).with_name("paddlewheel"))
OUTPUTS: Final = ("oci-archive", "oci")

_BASE: Final = ("Debian ", "bytecode of the standard library")
"""How the titles of the base's layers begin."""


@dataclass(frozen=True, slots=True)
class Build:
    """A build that was measured."""

    cost: Cost
    image: Image

    @property
    def blobs(self) -> dict[str, int]:
        """Digest -> size of all that a registry must have."""
        sizes = {layer.digest: layer.size for layer in self.image.layers}
        sizes[self.image.config_descriptor.digest] = self.image.config_descriptor.size
        sizes[self.image.digest] = len(self.image.manifest_bytes)
        return sizes

    def new_since(self, before: Build | None) -> int:
        """Bytes of blobs that the image `before` has not; None: of all."""
        known = before.blobs if before else {}
        return sum(size for digest, size in self.blobs.items() if digest not in known)


class Project:
    """A copy of an example in `work`, and a cache."""

    def __init__(self, name: str, work: Path) -> None:
        self.name = name
        self.root = work / "project"
        self.cache_root = work / "cache"
        self._kept = work / "kept"
        self._layout = work / "layout"
        self._work = work
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        ignored = shutil.ignore_patterns("dist", "__pycache__", ".venv")
        shutil.copytree(CHECKOUT / "examples" / name, self.root, ignore=ignored)

    @property
    def cache(self) -> Cache:
        return Cache(self.cache_root)

    def build(self, output: str = "oci-archive") -> Build:
        """Run `paddlewheel build` with one of OUTPUTS, the archive at its default place."""
        place = ["-o", f"oci:{self._layout}"] if output == "oci" else []
        cost, told = timed_command(
            [PADDLEWHEEL, "build", ".", "--json", "--quiet", *place], env=self._environment(), cwd=self.root
        )
        return Build(cost, self._image(json.loads(told)["digest"]))

    def edit(self, file: str) -> None:
        """Change a source file."""
        with (self.root / file).open("a") as source:
            source.write(f"# {time.time_ns()}\n")
        # A file that was changed a moment ago is not trusted to stay as it is.
        time.sleep(0.05)

    def put(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (self.root / name).write_bytes(data)
        time.sleep(0.05)

    def remove_outputs(self) -> None:
        shutil.rmtree(self.root / "dist", ignore_errors=True)
        shutil.rmtree(self._layout, ignore_errors=True)

    def remove_cache(self) -> None:
        shutil.rmtree(self.cache_root, ignore_errors=True)

    def keep(self) -> None:
        """Keep the cache as it is now, for `restore`. By hard links: a file in a cache is never written to again."""
        shutil.rmtree(self._kept, ignore_errors=True)
        _link_tree(self.cache_root, self._kept)

    def restore(self) -> None:
        self.remove_cache()
        _link_tree(self._kept, self.cache_root)

    def forget_layers(self, image: Image, *, bytecode: bool) -> None:
        """Remove all layers but the base's from the cache and, with `bytecode`, all compiled modules."""
        for layer in image.layers:
            title = layer.descriptor.annotations[LAYER_TITLE]
            if not title.startswith(_BASE):
                key = layer.descriptor.annotations[LAYER_KEY]
                next((self.cache_root / "records" / "layer" / key[:2]).glob(f"{key}*")).unlink()
                self.cache.store.path(layer.digest).unlink()
        shutil.rmtree(self.cache_root / "records" / "build", ignore_errors=True)
        if bytecode:
            shutil.rmtree(self.cache_root / "bytecode", ignore_errors=True)

    def files_in_cache(self, kind: str) -> dict[str, int]:
        """Name -> size of what the cache's folder `kind` holds."""
        return {path.name: path.stat().st_size for path in (self.cache_root / kind).rglob("*") if path.is_file()}

    def wheels(self, lock_file: str) -> list[tuple[Path, str]]:
        """The wheels of a pylock file that are in the cache, as (file, file name)."""
        lock = tomllib.loads((self.root / lock_file).read_text())
        known = [
            (self.cache.artifact(wheel["hashes"]["sha256"]), wheel.get("name") or wheel["url"].rpartition("/")[2])
            for package in lock["packages"]
            for wheel in package.get("wheels", ())
        ]
        return [(path, name) for path, name in known if path.exists()]

    def _image(self, digest: str) -> Image:
        store = self.cache.store
        manifest = store.path(digest).read_bytes()
        config: str = json.loads(manifest)["config"]["digest"]
        return Image(manifest, store.path(config).read_bytes())

    def _environment(self) -> dict[str, str]:
        return environment(self.cache_root)


def environment(cache: Path) -> dict[str, str]:
    """The environment of a measured command: this one, with a cache of its own."""
    kept = {key: value for key, value in os.environ.items() if key not in ("SOURCE_DATE_EPOCH", "VIRTUAL_ENV")}
    # Without .pyc files each start would compile all that it imports; users have them.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PADDLEWHEEL_CACHE_DIR": str(cache)}


def _link_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)
