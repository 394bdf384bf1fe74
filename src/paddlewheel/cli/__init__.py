"""The command line: one thin file per command. Nothing but `cli` prints or exits.

::

    main --> app (lazy group) --> build | run | plan | lock | cache | doctor --> verbs
                 |                     |
             failures              options, progress, summary, terminal

Data goes to stdout, everything else to stderr. `failures` turns what a verb raises into lines and an exit status.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from paddlewheel.cli import streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: of this process) name; return the exit status."""
    streams.mend()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # Answered before click is loaded: scripts and editors ask for it often.
        from paddlewheel import __version__

        print(f"paddlewheel {__version__}")
        return 0
    try:
        from paddlewheel.cli.app import run
    except KeyboardInterrupt:  # while modules are loaded; from then on `run` sees to it
        print("error: interrupted", file=sys.stderr)
        return 130
    return run(words)
