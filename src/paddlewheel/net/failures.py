"""What can go wrong with a request, in words: the cause and what to do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from paddlewheel.errors import NetworkError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

E = TypeVar("E", bound=BaseException)


class RequestFailed(NetworkError):
    """A request without a usable answer. `retry`: another try may help, after `after` seconds if the server says so."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        retry: bool = False,
        after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry = retry
        self.after = after

    def __str__(self) -> str:
        return self.message


class NotFound(RequestFailed):
    """The server knows no such file: 404, 410, or a file:// URL without a file."""


class RangeRefused(RequestFailed):
    """The server did not send the part that was asked for: start again from the first byte."""


class Stopped(NetworkError):
    """The transfer was given up on request, from another thread."""


_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_PROXY_LOGIN_HINT = "put the proxy's user and password into https_proxy: http://user:password@proxy:port"
_PROXY_HINT = "set https_proxy and http_proxy if this network needs a proxy"


def status_failure(shown: str, status: int, headers: Mapping[str, str], *, sent_credentials: bool) -> RequestFailed:
    """The failure for an answer with an error status. `shown`: the redacted URL."""
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    message = f"{shown}: the server answered {phrase}"
    if status in (404, 410):
        return NotFound(message, status=status, hint="check the URL or the mirror: the file is not there (any more)")
    after = retry_after(headers.get("Retry-After"))
    hint = "the server has trouble: try again later, or use another mirror"
    if status in (401, 403):
        refused = "the credentials that were sent are not accepted" if sent_credentials else "no credentials were sent"
        hint = f"{refused}: put a user and password for this host into ~/.netrc, or into the index URL"
    elif status == 407:
        hint = _PROXY_LOGIN_HINT
    elif after is not None:
        hint = f"the server asks to wait for {after:.0f} s: try again later, or use another mirror"
    return RequestFailed(message, status=status, hint=hint, retry=status in _RETRIED, after=after)


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3), or None when absent or unreadable."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    import time
    from email.utils import mktime_tz, parsedate_tz

    moment = parsedate_tz(value)
    return None if moment is None else max(0.0, mktime_tz(moment) - time.time())


def connection_failure(shown: str, host: str, error: Exception, *, proxy: str | None) -> RequestFailed:
    """The failure for an exception of urllib3 or ssl. `proxy`: the redacted URL of the proxy that was used."""
    import socket
    import ssl

    from urllib3 import exceptions as u

    if isinstance(error, u.ProxyError) and _find(error, ssl.SSLError) is None:
        return _proxy_failure(shown, _root(error.original_error), proxy)
    certificate = _find(error, ssl.SSLCertVerificationError)
    if certificate is not None:
        return RequestFailed(
            f"{shown}: the certificate of {host} is not trusted: {certificate.verify_message.rstrip('.')}",
            hint=_certificate_hint(host, certificate),
        )
    if isinstance(error, u.SSLError) or _find(error, ssl.SSLError) is not None:
        hint = f"does {host} speak TLS on this port, and does nothing on the way break it (a proxy, a firewall)?"
        return RequestFailed(f"{shown}: no secure connection: {_root(error)}", hint=hint, retry=True)
    if isinstance(error, u.NameResolutionError):
        hint = f"check the name and the network's DNS; {_PROXY_HINT}"
        cause = _find(error, socket.gaierror)
        again = cause is not None and cause.errno == socket.EAI_AGAIN
        return RequestFailed(f"{shown}: the host name {host} cannot be resolved", hint=hint, retry=again)
    if isinstance(error, u.TimeoutError) and not isinstance(error, u.NewConnectionError):
        return RequestFailed(f"{shown}: no answer in time", hint=f"try again later; {_PROXY_HINT}", retry=True)
    if isinstance(error, u.NewConnectionError):
        return RequestFailed(f"{shown}: no connection: {_root(error)}", hint=_PROXY_HINT, retry=True)
    if isinstance(error, (u.LocationValueError, u.InvalidHeader)):
        return RequestFailed(f"{shown} is no URL: {error}")
    return RequestFailed(
        f"{shown}: the connection broke: {_root(error)}", hint="try again, or use another mirror", retry=True
    )


def _certificate_hint(host: str, error: ssl.SSLCertVerificationError) -> str:
    if "expired" in error.verify_message or "not yet valid" in error.verify_message:
        return "check this machine's clock; if it is right, the server needs a new certificate"
    if "mismatch" in error.verify_message or "not valid for" in error.verify_message:
        return f"the certificate belongs to another host: check the URL, or who answers for {host} on this network"
    return (
        "where a company's proxy signs TLS anew, add its CA certificate to the system's trust store "
        "(Debian: copy it to the local certificates folder, run update-ca-certificates), or name it in SSL_CERT_FILE"
    )


def _proxy_failure(shown: str, reason: str, proxy: str | None) -> RequestFailed:
    hint = "check https_proxy, http_proxy and no_proxy"
    if "407" in reason:
        hint = _PROXY_LOGIN_HINT
    # A proxy that is reached and says no will say so again.
    refused = "tunnel connection failed" in reason.lower()
    return RequestFailed(f"{shown}: the proxy {proxy} does not let us through: {reason}", hint=hint, retry=not refused)


def _find(error: BaseException, kind: type[E]) -> E | None:
    """The first exception of `kind` among an error, its arguments and its causes."""
    seen: list[BaseException] = [error]
    for one in seen:
        if isinstance(one, kind):
            return one
        more = [*one.args, one.__cause__, getattr(one, "original_error", None)]
        seen += [other for other in more if isinstance(other, BaseException) and other not in seen]
    return None


def _root(error: BaseException) -> str:
    """The innermost reason, in the operating system's words where there are such."""
    inner: BaseException = error
    while True:
        causes = [inner.__cause__, *inner.args, inner.__context__]
        deeper = next((cause for cause in causes if isinstance(cause, BaseException) and cause is not inner), None)
        if deeper is None:
            break
        inner = deeper
    from ssl import SSLError

    if isinstance(inner, SSLError):
        return str(inner.reason or inner).replace("_", " ").lower()
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    from paddlewheel.net.urls import redact

    return redact(str(inner)) or type(inner).__name__
