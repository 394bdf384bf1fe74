"""What a package holds and an image does not need. The rules are data; the first that matches a path decides.

Paths are relative, behind merged /usr. A rule without a reason keeps. Sizes are those that a rule saves in bookworm's
base, compressed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that matches a path whole, and why its files are dropped; None: they are kept."""

    name: str
    pattern: str
    reason: str | None


_GCONV_KEPT: Final = "|".join(
    (
        "ANSI_X3.110",
        "CP125[0-8]",
        "ISO8859-1",
        "ISO8859-15",
        "UNICODE",
        "UTF-16",
        "UTF-32",
        "UTF-7",
    )
)

RULES: Final[tuple[Rule, ...]] = (
    Rule("licences", r"usr/share/(doc/[^/]+/copyright.*|common-licenses/.*|doc/[^/]+)", None),
    Rule("docs", r"usr/share/doc/.*", "changelogs, READMEs and examples"),
    Rule("man", r"usr/share/man(/.*)?", "manual pages"),
    Rule("info", r"usr/share/info(/.*)?", "info pages"),
    Rule("lintian", r"usr/share/(lintian|linda)(/.*)?", "notes for Debian's own checks"),
    Rule("bug", r"usr/share/(bug|apport|reportbug)(/.*)?", "scripts for reporting bugs"),
    Rule(
        "menus",
        r"usr/share/(menu|pixmaps|icons|doc-base|applications|gdb)(/.*)?",
        "entries for desktops, debuggers and indexes",
    ),
    Rule("completion", r"usr/share/(bash-completion|zsh|fish)(/.*)?", "completion for shells that are not there"),
    Rule("locales kept", r"usr/share/locale(/locale\.alias)?", None),
    Rule("locales", r"usr/share/locale/.*", "translated messages of libraries and commands"),
    Rule("debconf", r"usr/share/debconf(/.*)?", "questions of maintainer scripts"),
    Rule(
        "policies",
        r"etc/(cron\.[a-z]+|init\.d|logcheck|apt|dpkg|kernel|python3\.\d+/debian_config)(/.*)?",
        "for daemons and tools that are not there",
    ),
    Rule(
        "certificates",
        r"usr/share/ca-certificates(/.*)?",
        "each certificate alone; they are in /etc/ssl/certs/ca-certificates.crt",
    ),
    Rule("gconv kept", rf"usr/lib/[^/]+/gconv(/(gconv-modules(\.d(/.*)?|\.cache)?|({_GCONV_KEPT})\.so))?", None),
    Rule(
        "gconv",
        r"usr/lib/[^/]+/gconv/.*",
        "character sets for iconv beyond Unicode and Western ones; Python has its own codecs",
    ),
    Rule("locale sources", r"usr/share/i18n(/.*)?", "what localedef compiles"),
    Rule(
        "libc commands",
        r"usr/bin/(catchsegv|iconv|ldd|locale|localedef|pldd|sotruss|sprof|tzselect|zdump|mtrace|pcprofiledump|xtrace)|usr/sbin/(iconvconfig|zic)",
        "libc's tools for administrators",
    ),
    Rule(
        "OpenSSL engines", r"usr/lib/[^/]+/engines-\d+(/.*)?", "drivers for special hardware, obsolete since OpenSSL 3"
    ),
    Rule(
        "wide expat",
        r"usr/lib/[^/]+/libexpatw\.so\..*",
        "expat for UTF-16 programs; nothing in Debian or on manylinux links it",
    ),
    Rule("ca commands", r"usr/sbin/update-ca-certificates", "a shell script"),
    Rule(
        "zones twice",
        r"usr/share/zoneinfo/(posix|right|localtime|posixrules)(/.*)?",
        "the time zones a second and third time, with leap seconds",
    ),
    Rule(
        "Python tests",
        r"usr/lib/python3\.\d+/(test|idlelib/idle_test|ctypes/test|unittest/test|distutils/tests|lib2to3/tests)(/.*)?",
        "the standard library's tests of itself",
    ),
    Rule(
        "Python test modules",
        r"usr/lib/python3\.\d+/lib-dynload/(_test[a-z]*|_xxtestfuzz|xxlimited(_35)?|_ctypes_test|xxsubtype|_xxsubinterp_test)\..*\.so",
        "modules that only those tests load",
    ),
    Rule(
        "Python leftovers",
        r"usr/lib/python3\.\d+/((idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-3\.\d+[^/]*)(/.*)?|turtle\.py)",
        "parts that need Tk, a compiler or an installer",
    ),
    Rule(
        "Python manual",
        r"usr/lib/python3\.\d+/pydoc_data/topics\.py",
        "the text of help('topics'); help(object) works without",
    ),
    Rule(
        "Python commands",
        r"usr/bin/(pdb3\.\d+|pydoc3\.\d+|pygettext3\.\d+|idle.*|2to3.*)",
        "for a terminal; python -m pdb and pydoc stay",
    ),
    Rule("Python for Debian", r"usr/share/(binfmts|python3?)(/.*)?", "for Debian's packaging"),
    Rule("caches", r"usr/lib/python3(\.\d+)?/(.*/)?__pycache__(/.*)?", "byte code is compiled afresh, reproducibly"),
)

_NO_BYTECODE: Final = re.compile(
    r"usr/lib/python3\.\d+/("
    # Frozen into the interpreter: the file is never read.
    r"importlib/_bootstrap(_external)?|__hello__|__phello__/.*"
    # Stand-ins for modules written in C, which are there.
    r"|_pydecimal|_pyio|_pydatetime"
    # For a terminal, a developer or a museum.
    r"|pydoc|pydoc_data/.*|pdb|doctest|pickletools|antigravity|this|cgitb|webbrowser"
    r"|mailbox|imaplib|nntplib|telnetlib|smtpd|asynchat|asyncore|sndhdr|xdrlib|msilib/.*|distutils/command/.*"
    r")\.py"
)


def wants_bytecode(path: str) -> bool:
    """Whether a module of the standard library is worth compiling: a base is pulled more often than these are imported.

    They import all the same, some milliseconds later.
    """
    return _NO_BYTECODE.fullmatch(path) is None


_DECIDE: Final = re.compile("|".join(f"(?P<r{number}>{rule.pattern})" for number, rule in enumerate(RULES)))


def dropped_by(path: str) -> Rule | None:
    """The rule that drops `path`, or None where it stays."""
    match = _DECIDE.fullmatch(path)
    if match is None or match.lastgroup is None:
        return None
    number = next(int(name[1:]) for name, value in match.groupdict().items() if value is not None)
    rule = RULES[number]
    return rule if rule.reason is not None else None
