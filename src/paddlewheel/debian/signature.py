"""InRelease files: the signed text, if a trusted key signed it.

Trusted are Debian's archive keys shipped in `keys/`, those of the host's debian-archive-keyring, and what the caller
adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from paddlewheel.errors import SignatureError

if TYPE_CHECKING:
    from pysequoia import Cert

HOST_KEYRINGS: Final = Path("/usr/share/keyrings")
_ARMOR: Final = b"-----BEGIN PGP SIGNED MESSAGE-----"
_HINT: Final = (
    "a mirror or proxy may have changed the file: try another with --mirror; for a suite newer than this version of\n"
    "paddlewheel, upgrade it or install the package debian-archive-keyring"
)


def verify_inrelease(data: bytes, keys: Iterable[bytes], where: str) -> str:
    """The text that one of `keys` (OpenPGP certificates, binary or armored) signed. `where` names the file.

    What stands outside the signed part is not returned. Raise `SignatureError`.
    """
    from pysequoia import verify

    if _ARMOR not in data[:4096]:
        raise SignatureError(
            f"{where} carries no signature", hint="the URL may lead to a login page or no Debian mirror; see --mirror"
        )
    certificates = [certificate for key in keys for certificate in _certificates(key)]
    asked: list[str] = []

    def store(identifiers: list[str]) -> list[Cert]:
        asked.extend(identifiers)
        return certificates

    try:
        result = verify(bytes=data, store=store)
    except Exception as error:  # pysequoia raises RuntimeError, with a native stack trace below its first line
        reason = str(error).partition("\n")[0].rstrip(".")
        by = f"; it claims to be signed by {', '.join(key.upper() for key in asked)}" if asked else ""
        raise SignatureError(f"{where}: {reason}{by}", hint=_HINT) from None
    if result.bytes is None or not result.valid_sigs:
        raise SignatureError(f"{where}: no valid signature found", hint=_HINT)
    return result.bytes.decode("utf-8", "replace")


@lru_cache(maxsize=64)
def _certificates(key: bytes) -> tuple[Cert, ...]:
    from pysequoia import Cert

    try:
        return tuple(Cert.split_bytes(key))
    except Exception:
        # A host's keyring may hold keys of a kind that this library does not know; the others still count.
        return ()


@lru_cache(maxsize=1)
def shipped_keys() -> tuple[bytes, ...]:
    """Debian's archive keys as this version of paddlewheel knows them."""
    folder = files("paddlewheel.debian") / "keys"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".asc")), key=lambda item: item.name)
    return tuple(item.read_bytes() for item in found)


def host_keys(folder: Path = HOST_KEYRINGS) -> tuple[bytes, ...]:
    """The archive keys that the host trusts. The keyring of removed keys is left out."""
    try:
        found = sorted(folder.glob("debian-archive-*"))
    except OSError:
        return ()
    keys = []
    for path in found:
        if path.suffix in (".gpg", ".pgp", ".asc") and "removed" not in path.name:
            try:
                keys.append(path.read_bytes())
            except OSError:
                continue
    return tuple(keys)


def trusted_keys() -> tuple[bytes, ...]:
    return (*shipped_keys(), *host_keys())
