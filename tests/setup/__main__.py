"""`python -m tests.setup install|up|down|status`"""

from __future__ import annotations

import argparse
import os
import sys

from tests.setup import debian, pythons, services


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.setup", description="What the whole test suite needs.")
    parser.add_argument("command", choices=["install", "up", "down", "status"])
    command = parser.parse_args().command
    try:
        {"install": install, "up": up, "down": services.down, "status": status}[command]()
    except debian.SetupError as error:
        print(f"test set-up: {error}", file=sys.stderr)
        return 1
    return 0


def install() -> None:
    """Install what is missing. Where this machine cannot be set up: say so; an error on CI, where nothing may skip."""
    reason = debian.why_not()
    if reason is None:
        missing = debian.missing_packages()
        if missing:
            print(f"test set-up: installing {', '.join(missing)}", file=sys.stderr)
            debian.install_packages(missing)
        debian.make_accounts()
    elif os.environ.get("CI") == "true":
        raise debian.SetupError(reason)
    else:
        print(f"test set-up: {reason}; the tests that need it will be skipped", file=sys.stderr)
    try:
        pythons.other_environment()
        pythons.public_environment()
    except debian.SetupError:
        if os.environ.get("CI") == "true":
            raise


def up() -> None:
    services.docker()
    services.podman()
    services.registry()
    status()


def status() -> None:
    for name, state in services.status().items():
        print(f"{name:10} {state}")


if __name__ == "__main__":
    sys.exit(main())
