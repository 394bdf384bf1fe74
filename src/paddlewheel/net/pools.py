"""Connections: one urllib3 pool for each proxy in use, kept open, shared by all threads."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from paddlewheel import __version__
from paddlewheel.net.failures import connection_failure
from paddlewheel.net.urls import Target, redact, target

if TYPE_CHECKING:
    import ssl

    import urllib3

AGENT: Final = f"paddlewheel/{__version__}"
_CONNECTIONS: Final = 16
"""Kept open to one host."""


class Pools:
    """Sends requests. Timeouts in seconds: to connect, and between two arrivals of bytes."""

    def __init__(self, *, connect_timeout: float, read_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._guard = threading.RLock()
        self._pools: dict[tuple[str | None, bool], urllib3.PoolManager] = {}

    def send(self, asked: Target, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """A GET without redirects or retries; the body is still to be read. Raise `RequestFailed`."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        from paddlewheel.net.machine import proxy_for

        proxy = proxy_for(asked)
        try:
            return self._pool(proxy, secure=asked.scheme == "https").request(
                "GET",
                asked.url,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=self._connect_timeout, read=self._read_timeout),
            )
        except (HTTPError, OSError) as error:
            shown = None if proxy is None else redact(proxy)
            raise connection_failure(redact(asked.url), asked.host, error, proxy=shown) from error

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._guard:
            for pool in self._pools.values():
                pool.clear()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        from paddlewheel.net.machine import tls_context

        return tls_context()

    def _pool(self, proxy: str | None, *, secure: bool) -> urllib3.PoolManager:
        import urllib3

        with self._guard:
            pool = self._pools.get((proxy, secure))
            if pool is None:
                # The trust store is only read for https: that takes longer than all the rest.
                options: dict[str, Any] = {"maxsize": _CONNECTIONS, "ssl_context": self._tls if secure else None}
                pool = urllib3.PoolManager(**options) if proxy is None else self._proxy_pool(proxy, options)
                self._pools[proxy, secure] = pool
            return pool

    def _proxy_pool(self, proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
        import urllib3

        through = target(proxy)
        headers = {"User-Agent": AGENT}
        if through.credentials is not None:
            headers["Proxy-Authorization"] = through.credentials.header
        if through.scheme == "https":
            options["proxy_ssl_context"] = self._tls
        return urllib3.ProxyManager(through.url, proxy_headers=headers, **options)
