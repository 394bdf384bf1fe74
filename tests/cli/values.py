"""A built image as a value. Imports no more than a build in which nothing changed does."""

from __future__ import annotations

from pathlib import Path

from paddlewheel import verbs
from paddlewheel.cache import Cache
from paddlewheel.image.model import OCI_LAYER_GZIP, Descriptor, Image, Layer, Platform, RunConfig, sha256_digest

AMD64 = Platform("linux", "amd64")


def image() -> Image:
    layer = Layer(
        descriptor=Descriptor(media_type=OCI_LAYER_GZIP, digest=sha256_digest(b"layer"), size=17_500_000),
        diff_id=sha256_digest(b"tar"),
    )
    config = RunConfig(user="65532", entrypoint=("gunicorn", "shop:app"), cmd=("--bind", "0.0.0.0:8000"))
    return Image.create(platform=AMD64, run=config, layers=[layer], created="2025-11-20T00:00:00Z")


def built(name: str = "shop:1.2") -> verbs.Built:
    layers = (
        verbs.LayerReport(title="Debian bookworm", size=17_500_000, unpacked=51_000_000, reused=True),
        verbs.LayerReport(title="numpy 2.1.0", size=15_300_000, unpacked=61_000_000, reused=False),
        verbs.LayerReport(title="shop 1.2", size=4_200, unpacked=20_480, reused=False),
    )
    return verbs.Built(
        image=image(),
        cache=Cache(Path("nowhere")),
        name=name,
        layers=layers,
        base="distroless:bookworm (Python 3.11.2, 36 Debian packages)",
        packages=23,
        start_reason="gunicorn is locked, and shop.py has a Flask application",
        version="1.2",
    )
