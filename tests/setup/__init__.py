"""Sets this machine up for the whole test suite, and starts and stops what the tests talk to.

::

    python -m tests.setup install    Debian packages, test accounts, a second Python: as root, once; quick when done
    python -m tests.setup up         start dockerd and the registry, prepare Podman
    python -m tests.setup status     what runs
    python -m tests.setup down       stop them, remove what they kept

The tests need none of these commands: `make test` installs, and the fixtures start what a test asks for. Everything
lies below tests/.cache and one folder in /run, so that a Docker, Podman or registry of the user is never touched.
Only the standard library is used here.
"""
