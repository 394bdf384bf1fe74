"""Start a command, wait for it, and write what it cost to a file descriptor: ``_launch.py FD COMMAND...``

A process of its own, which imports next to nothing, so that its size stays below whatever it measures.
"""

import os
import sys
import time


def main() -> int:
    told = int(sys.argv[1])
    os.set_inheritable(told, False)
    began = time.monotonic()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - began
    # Linux counts the most memory in kibibytes.
    figures = [wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]
    os.write(told, repr(figures).encode())
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
