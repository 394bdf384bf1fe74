"""Options that several commands share, and the `Context` for the verbs that they add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from paddlewheel.cli.progress import reporter
from paddlewheel.errors import UsageError

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal
    from paddlewheel.verbs import Context

F = TypeVar("F", bound=Callable[..., Any])

TRANSPORTS: Final = ("oci", "oci-archive", "docker-archive", "docker-daemon", "containers-storage")
"""Where an image can be written, by the names of containers-transports(5)."""
READABLE: Final = ("oci", "oci-archive", "docker-archive")
"""Where one can be read from."""

_OVERRIDES: Final = ("base", "python", "lock", "mirror", "platform", "bytecode", "layers")


def project(function: F) -> F:
    return click.argument("project", default=".", type=click.Path(path_type=Path))(function)


def json(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout; docs/cli.md.")(
        function
    )


def offline(function: F) -> F:
    return click.option("--offline", is_flag=True, help="Ask no server; fail when something is not in the cache.")(
        function
    )


def target(function: F) -> F:
    """The options that say for which base, Python and platform, over the settings."""
    return _all(
        function,
        click.option("--base", metavar="BASE", help="`distroless`, or `distroless:SUITE` (bookworm, trixie, forky)."),
        click.option("--python", metavar="X.Y", help="Minor version of Python wanted in the image."),
        click.option("--lock", metavar="FILE", help="Which of the folder's locks counts: uv.lock, pylock.toml, ..."),
        click.option("--mirror", metavar="URL", help="Debian mirror, ending before /dists."),
        click.option("--platform", metavar="OS/ARCH", help="linux/amd64 or linux/arm64; default: this machine's."),
    )


def shape(function: F) -> F:
    """The options that say what the layers are like, over the settings."""
    return _all(
        function,
        click.option(
            "--bytecode/--no-bytecode",
            default=None,
            help="Compile modules to .pyc files (on unless the settings say otherwise).",
        ),
        click.option("--layers", type=click.IntRange(8, 127), metavar="N", help="Layers at most; 60 by default."),
    )


def locked(function: F) -> F:
    return click.option("--locked", is_flag=True, help="Fail when a lock is missing or would have to change.")(function)


def talk(function: F) -> F:
    """How much is said on stderr."""
    return _all(
        function,
        click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors on stderr."),
        click.option(
            "--progress",
            type=click.Choice(["auto", "plain", "none"]),
            default="auto",
            show_default=True,
            help="auto: bars on a terminal. plain: a line as each long step ends. none: neither.",
        ),
    )


def _all(function: F, *decorators: Callable[[F], F]) -> F:
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


@contextmanager
def context(terminal: Terminal, given: Mapping[str, Any]) -> Iterator[Context]:
    """The `Context` for what was `given` on the command line. On leaving, nothing is drawn any more."""
    from paddlewheel.cache import Cache
    from paddlewheel.net import Client
    from paddlewheel.verbs import Context, Overrides

    speaker = reporter(terminal, progress=given.get("progress", "auto"), quiet=given.get("quiet", False))
    with speaker:
        yield Context(
            cache=Cache(),
            client=Client(offline=given.get("offline", False)),
            reporter=speaker,
            overrides=Overrides(**{name: given[name] for name in _OVERRIDES if given.get(name) is not None}),
        )


def check_destination(text: str, known: tuple[str, ...] = TRANSPORTS) -> str:
    """`text` when it is ``TRANSPORT:PLACE``. Raise `UsageError`: before an hour's build, not after it."""
    transport, colon, place = text.partition(":")
    if transport in known and place:
        return text
    if transport in known:
        raise UsageError(f"{text!r} names no place", hint=f"write {transport}:{_example(transport)}")
    if text.startswith("docker://"):
        raise UsageError(
            f"{text!r}: paddlewheel writes to no registry",
            hint="write oci-archive:FILE, then `skopeo copy oci-archive:FILE docker://...`",
        )
    from difflib import get_close_matches

    near = get_close_matches(transport, known, n=1) if colon else []
    if near:
        raise UsageError(f"{text!r}: there is no transport {transport!r}", hint=f"did you mean {near[0]}:{place}?")
    archive = "docker-daemon" if not text.endswith((".tar", "/")) and "docker-daemon" in known else "oci-archive"
    guess = f"did you mean {archive}:{text}?\n" if not colon or "/" not in transport else ""
    raise UsageError(
        f"{text!r} does not begin with a transport",
        hint=f"{guess}the transports are {', '.join(f'{name}:' for name in known)}",
    )


def is_image(text: str) -> bool:
    """Whether `text` names an image rather than a project's folder."""
    return text.partition(":")[0] in READABLE and ":" in text


def _example(transport: str) -> str:
    return {"oci": "DIR", "docker-daemon": "NAME", "containers-storage": "NAME"}.get(transport, "FILE")
