"""The machine's own settings for HTTP: trust store, proxies, credentials. Read from the environment when first used."""

from __future__ import annotations

import os
import re
import ssl
import sys
from pathlib import Path
from typing import Final

from paddlewheel.errors import NetworkError
from paddlewheel.net.urls import Credentials, Origin, Target, redact, target

_CA_FILES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # BSD, macOS
)
_INDEX_VARIABLES: Final = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
)


def tls_context() -> ssl.SSLContext:
    """Trust what the system trusts, and the certificates in $REQUESTS_CA_BUNDLE beside it.

    Elsewhere than on Linux truststore asks the operating system. On Linux that would come to reading the same
    bundle (25 ms) again for each connection, so it is read here, once; OpenSSL itself follows SSL_CERT_FILE
    and SSL_CERT_DIR, and an interpreter built on another system finds the bundle by the list above.
    """
    context: ssl.SSLContext
    if sys.platform == "linux":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_system_store(context)
    else:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and bundle != ssl.get_default_verify_paths().cafile:
        _load(context, Path(bundle), "REQUESTS_CA_BUNDLE")
    return context


def _load_system_store(context: ssl.SSLContext) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        named = os.environ.get(variable)
        if named and not any(Path(part).exists() for part in named.split(os.pathsep)):
            raise NetworkError(f"{variable} names {named}, which does not exist", hint=f"correct or unset {variable}")
    context.set_default_verify_paths()
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        if os.environ.get("SSL_CERT_FILE") and not context.cert_store_stats()["x509"]:
            _load(context, Path(paths.cafile), "SSL_CERT_FILE")  # tells why there is nothing in it
    elif not paths.capath or not any(Path(paths.capath).glob("*.[0-9]")):
        found = next((Path(file) for file in _CA_FILES if Path(file).is_file()), None)
        if found is not None:
            _load(context, found, "this system")


def _load(context: ssl.SSLContext, place: Path, who: str) -> None:
    try:
        if place.is_dir():
            context.load_verify_locations(capath=place)
        else:
            context.load_verify_locations(cafile=place)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, FileNotFoundError) else "it holds no certificates in PEM form"
        raise NetworkError(
            f"the certificates that {who} names, {place}, cannot be loaded: {reason}", hint=f"correct or unset {who}"
        ) from error


def proxy_for(asked: Target) -> str | None:
    """The proxy's URL for a target, with credentials, or None: <scheme>_proxy, all_proxy, no_proxy."""
    from urllib.request import getproxies_environment
    from urllib.request import proxy_bypass_environment as bypassed  # type: ignore[attr-defined]

    proxies = getproxies_environment()
    url = proxies.get(asked.scheme) or proxies.get("all")
    if not url or bypassed(f"{asked.host}:{asked.port}", proxies):
        return None
    url = url if "://" in url else f"http://{url}"
    if not url.startswith(("http://", "https://")):
        raise NetworkError(
            f"the proxy {redact(url)} is of a kind that paddlewheel does not speak",
            hint="name a proxy with http:// or https:// in https_proxy and http_proxy",
        )
    return url


class Keyring:
    """Credentials by origin: those told in URLs, those of the package indexes in the environment, and netrc's."""

    def __init__(self) -> None:
        self._known: dict[Origin, Credentials] = {}
        self._environment: dict[Origin, Credentials] = {}
        for variable in _INDEX_VARIABLES:
            for word in os.environ.get(variable, "").split():
                _note(re.sub(r"^[\w.-]+=", "", word), self._environment)  # uv allows name=URL
        self.netrc_problem: str | None = None
        self._netrc = self._read_netrc()

    def remember(self, url: str) -> None:
        """Keep the credentials of a URL for all that its origin serves. Without credentials: nothing happens.

        Those of an index in the environment count more: the machine's user overrules what a project's file says.
        """
        _note(url, self._known)

    def find(self, asked: Target, *, came_from: Target | None) -> Credentials | None:
        """What to send to `asked`. `came_from`: whose redirect led there, None for the user's own request.

        A redirect is the server's word, not the user's: it gets what is known for exactly the new origin, and
        netrc's entry for that host, but neither netrc's default nor a password over a connection less secure.
        """
        if asked.credentials is not None and (came_from is None or came_from.origin == asked.origin):
            return asked.credentials
        known = self._environment.get(asked.origin) or self._known.get(asked.origin)
        if known is not None:
            # A URL may name the user alone, and leave the password to netrc.
            entry = self._netrc.get(asked.host)
            return entry if entry is not None and not known.password and entry.user == known.user else known
        if came_from is not None and (came_from.scheme, asked.scheme) == ("https", "http"):
            return None
        entry = self._netrc.get(asked.host)
        if entry is None and came_from is None:
            entry = self._netrc.get("default")
        return entry

    def _read_netrc(self) -> dict[str, Credentials]:
        import netrc

        named = os.environ.get("NETRC")
        place = Path(named) if named else Path("~/.netrc").expanduser()
        try:
            hosts = netrc.netrc(place).hosts
        except FileNotFoundError:
            return {}
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
            # Its message may quote a password: only the place is told, and only when credentials are missed.
            line = getattr(error, "lineno", None)
            self.netrc_problem = f"{place} cannot be read" + (f" (line {line})" if line else "")
            return {}
        return {host: Credentials(user or account, password or "") for host, (user, account, password) in hosts.items()}


def _note(url: str, known: dict[Origin, Credentials]) -> None:
    try:
        found = target(url)
    except NetworkError:
        return
    if found.credentials is not None:
        known[found.origin] = found.credentials
