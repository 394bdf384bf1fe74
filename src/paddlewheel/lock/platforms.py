"""A platform as Python packages name it: the machine in wheel tags, the values of environment markers. Pure."""

from __future__ import annotations

from typing import Final

from packaging.markers import Environment

from paddlewheel.errors import NoMatchingWheelError
from paddlewheel.image.model import Platform

MACHINES: Final = {
    "386": "i686",
    "amd64": "x86_64",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
"""Go's names of machines, as images have them -> the kernel's, as wheel tags have them. 32-bit Arm: `machine`."""


def machine(platform: Platform) -> str:
    """``x86_64``, ``aarch64``, ...: what ``uname -m`` says on `platform`. Raise `NoMatchingWheelError` if unknown."""
    if platform.architecture == "arm":
        return "armv6l" if platform.variant == "v6" else "armv7l"
    try:
        return MACHINES[platform.architecture]
    except KeyError:
        raise NoMatchingWheelError(
            f"no wheels are known for the platform {platform}",
            hint=f"choose one of {', '.join('linux/' + name for name in MACHINES)}",
        ) from None


def environment(python_full_version: str, platform: Platform) -> Environment:
    """What environment markers see under CPython on Linux. Kernel release and version are unknown: empty."""
    return Environment(
        implementation_name="cpython",
        implementation_version=python_full_version,
        os_name="posix",
        platform_machine=machine(platform),
        platform_python_implementation="CPython",
        platform_release="",
        platform_system="Linux",
        platform_version="",
        python_full_version=python_full_version,
        python_version=".".join(python_full_version.split(".")[:2]),
        sys_platform="linux",
    )
