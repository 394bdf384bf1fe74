"""``python -m paddlewheel``"""

from __future__ import annotations

import sys

from paddlewheel.cli import main

if __name__ == "__main__":
    sys.exit(main())
