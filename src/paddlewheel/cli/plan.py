"""``paddlewheel plan``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paddlewheel import verbs
from paddlewheel.cli import options

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal


@click.command("plan")
@options.project
@click.option("--full", is_flag=True, help="Name every wheel and every Debian package.")
@options.target
@options.shape
@options.locked
@options.offline
@options.json
@options.talk
@click.pass_obj
def command(terminal: Terminal, /, project: Path, full: bool, as_json: bool, **given: Any) -> int:
    """Print what a build would do, and why.

    The stages come as a tree, each with its steps. Nothing is built. A lock that is missing is made, as
    `paddlewheel lock` does. `--json` prints the plan as docs/plan-spec.md describes it.

    \b
    Examples:
      paddlewheel plan
      paddlewheel plan --full services/shop
      paddlewheel plan --json | jq '.stages[].name'
    """
    with options.context(terminal, given) as context:
        read = verbs.read(project, context=context)
        lock = verbs.lock(read, context=context, locked=given["locked"])
        plan = verbs.plan(read, lock, context=context)
    if as_json:
        import json

        from paddlewheel.plan.codec import to_json

        terminal.data(json.dumps(to_json(plan), indent=2, ensure_ascii=False))
    else:
        from paddlewheel.cli.plan_tree import tree

        for line in tree(plan, terminal, full=full):
            terminal.data(line)
    return 0
