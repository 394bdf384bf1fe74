"""Dependencies that a Python image does not need. What a user names in `packages` is never left out.

Debian's packages depend on these for their maintainer scripts, which are not run here, or for use at a terminal.
Essential packages (bash, coreutils, sed, ...) need no entry: no package depends on what every Debian system has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OMITTED: Final[Mapping[str, str]] = {
    "adduser": "creates users in maintainer scripts; users are written when composing",
    "awk": "wanted by base-files for its own maintainer script",
    "debconf": "asks questions in maintainer scripts; needs perl",
    "debconf-2.0": "as debconf",
    "dpkg": "the package manager",
    "init-system-helpers": "starts services in maintainer scripts",
    "install-info": "indexes info pages, which are dropped",
    "libpam-runtime": "configures PAM in maintainer scripts; needs debconf",
    "lsb-base": "init scripts",
    "sysvinit-utils": "init scripts",
    "ucf": "merges configuration files in maintainer scripts",
}
"""Package -> why nothing that depends on it gets it."""

OMITTED_FOR: Final[Mapping[str, Mapping[str, str]]] = {
    "python3-distutils": {
        "python3": "the default Python's links; the image has exactly one Python",
        "python3-lib2to3": "only distutils' build_py --use-2to3 needs it",
    },
    "libpython3.11-stdlib": {
        "libnsl2": "only the module nis (Yellow Pages, gone with Python 3.13) loads it; name the package to have it",
        "libtirpc3": "the same; it brings Kerberos, 0.7 MB",
    },
    "libc6": {"libc-gconv-modules-extra": "charsets of the last century, for iconv alone; Python has its own codecs"},
    "ca-certificates": {"openssl": "only makes hash links in a maintainer script; libssl reads the bundle"},
    "libssl3t64": {"openssl-provider-legacy": "old ciphers; name the package to have them"},
}
"""Package -> dependency -> why it does without."""
