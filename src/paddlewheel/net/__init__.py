"""The one HTTP seam: every byte from the network comes through a `Client`.

::

    Client.get(url) -> bytes                   an index page, an InRelease; in memory, bounded
    Client.download(url, place, sha256=...)    a file: resumed, checked, whole or absent
    fetch(artifacts, cache=..., ...)           many files side by side into the cache, handed over as they finish

    NetworkError (errors)
    ├── OfflineError (errors)
    ├── Stopped                 a `Stop` was set from another thread
    └── RequestFailed           no answer or an error status; says whether another try may help
        ├── NotFound            404, 410, or a file:// URL without a file
        └── RangeRefused        the server cannot resume

It honours the machine's ways: proxies (http_proxy, https_proxy, all_proxy, no_proxy), trust store (the system's;
SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE), credentials (netrc, or in URLs, those of UV_INDEX_URL,
PIP_INDEX_URL and the like included). file:// URLs work everywhere, offline too. Credentials go to the origin that
they belong to, never along a redirect to another, and never into an error: `redact`.
"""

from paddlewheel.net.client import Client
from paddlewheel.net.failures import NotFound, RangeRefused, RequestFailed, Stopped
from paddlewheel.net.fetch import Artifact, fetch
from paddlewheel.net.stop import Stop
from paddlewheel.net.urls import redact

__all__ = [
    "Artifact",
    "Client",
    "NotFound",
    "RangeRefused",
    "RequestFailed",
    "Stop",
    "Stopped",
    "fetch",
    "redact",
]
