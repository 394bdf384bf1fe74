"""What the verbs take and give beside the values of the rooms below: `Context`, `Overrides`, `Built`, `LayerReport`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddlewheel.cache import Cache
    from paddlewheel.image.model import Image
    from paddlewheel.net import Client
    from paddlewheel.progress import Reporter
    from paddlewheel.project.model import Project


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the command line says over the settings. None: not said."""

    base: str | None = None
    python: str | None = None
    lock: str | None = None
    mirror: str | None = None
    platform: str | None = None
    bytecode: bool | None = None
    layers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every verb works with. The defaults suit a library: quiet, the user's cache, the network allowed."""

    cache: Cache
    client: Client
    reporter: Reporter
    overrides: Overrides = field(default_factory=Overrides)

    @classmethod
    def default(cls, *, offline: bool = False) -> Context:
        from paddlewheel.cache import Cache
        from paddlewheel.net import Client
        from paddlewheel.progress import Silent

        return cls(cache=Cache(), client=Client(offline=offline), reporter=Silent())

    def use_credentials_of(self, project: Project) -> None:
        """Let the client use the passwords that the project's indexes are named with, when it asks for anything."""

        def urls() -> tuple[str, ...]:
            from paddlewheel.project.indexes import index_urls

            return index_urls(project, os.environ)

        self.client.lend(urls)


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer of a built image, for the summary. Sizes in bytes."""

    title: str
    size: int
    unpacked: int
    reused: bool
    """It was in the cache already."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A finished image: its value, its layers, where its blobs are."""

    image: Image
    cache: Cache
    name: str
    """Name and tag without a digest: ``shop:1.2`` or what `-t` said."""
    layers: tuple[LayerReport, ...]
    base: str
    """For people: ``distroless:bookworm (Python 3.11.2, 38 Debian packages)``."""
    packages: int
    """Number of Python packages installed."""
    start_reason: str
    version: str = ""
    """The app's version, which a build back end may have found."""

    @property
    def reference(self) -> str:
        """``name@sha256:...``"""
        return f"{self.name}@{self.image.digest}"
