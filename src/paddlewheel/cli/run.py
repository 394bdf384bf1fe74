"""``paddlewheel run``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paddlewheel import verbs
from paddlewheel.cli import options, summary
from paddlewheel.errors import UsageError

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal
    from paddlewheel.verbs import Built, Context


class _Command(click.Command):
    """Keeps what follows ``--`` apart: click alone would take its first word for PROJECT when none is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:cut])
        ctx.params["arguments"] = tuple(args[cut + 1 :])
        return rest


@click.command("run", cls=_Command, options_metavar="[OPTIONS]")
@click.argument("source", metavar="[PROJECT|IMAGE] [-- ARGS...]", default=".")
@click.option(
    "-e",
    "--env",
    "variables",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a variable for the program; KEY alone passes this shell's value on. May be repeated.",
)
@options.target
@options.shape
@options.locked
@options.offline
@options.talk
@click.pass_obj
def command(
    terminal: Terminal, /, source: str, variables: tuple[str, ...], arguments: tuple[str, ...], **given: Any
) -> int:
    """Start an image in a rootless sandbox on this machine.

    PROJECT is a folder, which is built first (nothing changed: at once). IMAGE is oci:DIR, oci-archive:FILE or
    docker-archive:FILE. The program runs as the image says: its user, environment and working directory, on the
    host's network. ARGS replace the image's command; its entrypoint stays.

    Signals and the exit status pass through. 125: the kernel forbids the sandbox (see `paddlewheel doctor`).

    \b
    Examples:
      paddlewheel run
      paddlewheel run services/shop -e DEBUG=1 -e DATABASE_URL
      paddlewheel run . -- python -m shop.tasks
      paddlewheel run oci-archive:dist/shop-1.2.oci.tar
    """
    env = dict(_variable(text) for text in variables)
    with options.context(terminal, given) as context:
        built = _image(source, given, context)
        context.reporter.note(f"starting {built.name}: {summary.command(built, arguments)}")
        return verbs.run(built, arguments, context=context, env=env)


def _image(source: str, given: dict[str, Any], context: Context) -> Built:
    if options.is_image(source):
        return verbs.load(options.check_destination(source, options.READABLE), context=context)
    transport, _, place = source.partition(":")
    if transport in options.TRANSPORTS and place:
        program = "docker" if transport == "docker-daemon" else "podman"
        raise UsageError(f"{source}: {program} runs its images itself", hint=f"{program} run --rm {place}")
    if Path(source).is_file():
        raise UsageError(
            f"{source} is a file, not a project's folder",
            hint=f"for an image write oci-archive:{source} or docker-archive:{source}",
        )
    if ":" in source and not Path(source).exists():
        raise UsageError(f"{source} is neither a folder nor an image file", hint=f"run takes a folder, or {_offer()}")
    if context.overrides.platform is not None:
        _check_platform(context)
    return verbs.build(Path(source), context=context, locked=given["locked"])


def _check_platform(context: Context) -> None:
    """Raise what starting the image would raise: before it is built, not after it."""
    from paddlewheel.sandbox.image import check_machine
    from paddlewheel.verbs.locking import target_platform

    check_machine(target_platform(context))


def _offer() -> str:
    """An image file of this folder, as `run` wants it named, or the form of such a name."""
    found = sorted(Path("dist").glob("*.oci.tar"))
    return f"oci-archive:{found[0]}" if found else "oci-archive:FILE, docker-archive:FILE or oci:DIR"


def _variable(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key:
        raise UsageError(f"--env {text!r} names no variable", hint="write it as KEY=VALUE, or KEY alone")
    if equals:
        return key, value
    if key not in os.environ:
        raise UsageError(f"--env {key}: this shell has no such variable", hint=f"write {key}=VALUE")
    return key, os.environ[key]
