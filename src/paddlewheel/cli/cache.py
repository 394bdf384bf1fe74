"""``paddlewheel cache``"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from paddlewheel.cli import options, units

if TYPE_CHECKING:
    from paddlewheel.cli.terminal import Terminal


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """See and prune what builds keep.

    Downloads, layers, records, unpacked images: everything in the cache can be made again. Its place is
    PADDLEWHEEL_CACHE_DIR, else the platform's cache folder. Without a command: the same as `size`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(size)
    return 0


@command.command("dir")
@click.pass_obj
def directory(terminal: Terminal) -> int:
    """Print the cache's folder."""
    from paddlewheel.cache import default_root

    terminal.data(str(default_root()))
    return 0


@command.command("size")
@options.json
@click.pass_obj
def size(terminal: Terminal, as_json: bool) -> int:
    """Print how many files and bytes the cache holds, by kind."""
    from paddlewheel.cache import default_root
    from paddlewheel.upkeep import entries

    root = default_root()
    kinds: dict[str, list[int]] = {}
    for entry in entries(root):
        kinds.setdefault(entry.kind, []).append(entry.size)
    total = sum(map(sum, kinds.values()))
    if as_json:
        by_kind = {kind: {"entries": len(sizes), "bytes": sum(sizes)} for kind, sizes in sorted(kinds.items())}
        terminal.data(_object({"dir": str(root), "bytes": total, "kinds": by_kind}))
        return 0
    for kind, sizes in sorted(kinds.items()):
        terminal.data(f"{kind:<12} {units.size(sum(sizes)):>9}  {len(sizes)}")
    terminal.data(f"{'total':<12} {units.size(total):>9}  {sum(map(len, kinds.values()))}")
    return 0


@command.command("prune")
@click.option("--all", "everything", is_flag=True, help="Remove everything, even what was used just now.")
@click.option("--older-than", metavar="AGE", help="Remove what was not used for so long: 30d, 12h, 2w.")
@click.option("--max-size", metavar="SIZE", help="Then the longest unused, until this much stays: 5GB, 800MB.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@options.json
@click.pass_obj
def prune(
    terminal: Terminal, everything: bool, older_than: str | None, max_size: str | None, dry_run: bool, as_json: bool
) -> int:
    """Remove what builds do not need any more.

    Without options: what was not used for 30 days, and what killed builds left behind. Unless --all is given,
    nothing used within the last ten minutes goes, so that a build under way is not disturbed.

    \b
    Examples:
      paddlewheel cache prune
      paddlewheel cache prune --older-than 2w --max-size 5GB
      paddlewheel cache prune --all
    """
    from paddlewheel.cache import default_root
    from paddlewheel.upkeep import choose, entries, remove

    root = default_root()
    age = None if older_than is None else units.parse_age(older_than)
    limit = None if max_size is None else units.parse_size(max_size)
    found = list(entries(root))
    wanted = choose(found, older_than=age, max_size=limit, everything=everything)
    chosen = wanted if dry_run else [entry for entry in wanted if remove(root, entry)]
    freed = sum(entry.size for entry in chosen)
    would = "would be removed" if dry_run else "removed"
    why = ""
    if wanted and not chosen:
        why = " (it is in use)"
    elif found and not chosen and not everything:
        why = _why_none(sum(entry.size for entry in found), age, limit)
    terminal.line(f"{units.count(len(chosen), 'entry', 'entries')} {would}, {units.size(freed)}{why}")
    if as_json:
        terminal.data(_object({"dir": str(root), "removed": len(chosen), "bytes": freed, "dry_run": dry_run}))
    return 0


def _why_none(total: int, age: float | None, limit: int | None) -> str:
    """Why a cache of `total` bytes kept all of it, though `age` in seconds or `limit` in bytes was said, or neither."""
    from paddlewheel.upkeep import IN_USE, KEEP

    if limit is not None and total <= limit:
        return f" (the cache holds {units.size(total)}, which is no more than that)"
    # What was used just now stays, whatever age or size is asked for.
    span = IN_USE if limit is not None else max(KEEP if age is None else age, IN_USE)
    return f" (all of it was used within the last {_span(span)}; --all removes that too)"


def _span(seconds: float) -> str:
    """``30 days``, ``10 minutes``"""
    for step, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= step:
            return units.count(round(seconds / step), unit)
    raise AssertionError("unreachable: nothing is shorter than what counts as in use")


def _object(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
