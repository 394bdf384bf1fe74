"""Every error that a user can cause, each with an exit status of its own.

::

    PaddlewheelError                 1
    ├── UsageError                   2   the command line
    ├── SettingsError               10   [tool.paddlewheel] or paddlewheel.toml
    ├── ProjectError                11   the folder is no project, or nothing says how to start it
    ├── LockFormatError             20   a lock that cannot be read
    ├── LockOutdatedError           21   --locked, and a lock would have to change
    ├── ResolutionError             22   uv or the Debian closure found no solution
    ├── NoMatchingWheelError        23   a package without a wheel for the platform
    ├── NetworkError                30   no answer, or a wrong one
    │   └── OfflineError            31   --offline, and something is not in the cache
    ├── IntegrityError              40   bytes that differ from the lock's hash or size
    ├── WheelError                  41   a wheel that breaks its own format
    ├── CollisionError              42   two wheels write different bytes to one path
    ├── SignatureError              43   an archive's signature that does not verify
    │   └── ExpiredError            44   an archive's index past its Valid-Until
    ├── DebianError                 45   a .deb or an index that breaks its format
    ├── NativeCodeError             46   code for another machine, or a library that nothing provides
    ├── BuildBackendError           50   the project's own build failed
    ├── StorageError                60   disk full, no permission, cache unusable
    ├── DeliveryError               61   an output that could not be written or loaded
    ├── ImageError                  62   an image that breaks the OCI format
    ├── ToolMissingError            71   Docker, Podman, ... is not installed
    ├── SandboxError               125   namespaces or overlayfs refused (`run` only; as docker run uses 125)
    │   ├── ProgramRefusedError    126   the image's program cannot be executed
    │   └── ProgramMissingError    127   the image has no such program
    └── Interrupted                130   Ctrl-C or SIGTERM

`paddlewheel run` otherwise ends with the status of the program that it ran.
"""

from __future__ import annotations

from typing import ClassVar


class PaddlewheelError(Exception):
    """What happened (`message`), and what to do next (`hint`, one or more lines, or None)."""

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(PaddlewheelError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_status = 2


class SettingsError(PaddlewheelError):
    """A setting is unknown, has the wrong type, or contradicts another."""

    exit_status = 10


class ProjectError(PaddlewheelError):
    """The folder holds no project that can become an image."""

    exit_status = 11


class LockFormatError(PaddlewheelError):
    """A lock is not TOML, misses a field, or is of a newer major version."""

    exit_status = 20


class LockOutdatedError(PaddlewheelError):
    """`--locked` was given and a lock is missing or does not fit the project any more."""

    exit_status = 21


class ResolutionError(PaddlewheelError):
    """No set of packages satisfies what was asked for."""

    exit_status = 22


class NoMatchingWheelError(PaddlewheelError):
    """A locked package offers no wheel that the image's Python, libc and machine can use."""

    exit_status = 23


class NetworkError(PaddlewheelError):
    """A server did not answer, or answered with an error, after all retries."""

    exit_status = 30


class OfflineError(NetworkError):
    """Something is needed from the network and `--offline` forbids to ask."""

    exit_status = 31


class IntegrityError(PaddlewheelError):
    """Bytes do not have the hash or the size that a lock or an index gives for them."""

    exit_status = 40


class WheelError(PaddlewheelError):
    """A wheel breaks the wheel or zip format: names, sizes, CRCs, RECORD."""

    exit_status = 41


class CollisionError(PaddlewheelError):
    """Two wheels install different bytes at one path."""

    exit_status = 42


class SignatureError(PaddlewheelError):
    """A Debian archive's InRelease is not signed by a key that is trusted."""

    exit_status = 43


class ExpiredError(SignatureError):
    """A Debian archive's InRelease is past its Valid-Until."""

    exit_status = 44


class DebianError(PaddlewheelError):
    """A .deb file or a package index breaks its format."""

    exit_status = 45


class NativeCodeError(PaddlewheelError):
    """An ELF file cannot work in the image: wrong machine, or a library that no package provides."""

    exit_status = 46


class BuildBackendError(PaddlewheelError):
    """The project's build back end did not produce a usable wheel."""

    exit_status = 50


class StorageError(PaddlewheelError):
    """The disk is full or a folder cannot be written."""

    exit_status = 60


class DeliveryError(PaddlewheelError):
    """The finished image could not be written to, or loaded into, its destination."""

    exit_status = 61


class ImageError(PaddlewheelError):
    """An image, layout or archive breaks the OCI or Docker format."""

    exit_status = 62


class ToolMissingError(PaddlewheelError):
    """A program that the chosen output needs is not installed or does not run."""

    exit_status = 71


class SandboxError(PaddlewheelError):
    """The kernel or its settings forbid the rootless sandbox."""

    exit_status = 125


class ProgramRefusedError(SandboxError):
    """The program is in the image and cannot be executed: permissions, or built for another machine."""

    exit_status = 126


class ProgramMissingError(SandboxError):
    """The image has no such program, or not the interpreter or loader that it names."""

    exit_status = 127


class Interrupted(PaddlewheelError):
    """The user or the system asked to stop."""

    exit_status = 130
