"""HTTP servers on loopback that serve real bytes, and misbehave when told to.

::

    with FileServer(folder) as server:
        server.fault("*.deb", truncate=1000, times=1)     # the first answer ends after 1,000 bytes of the body
        client.get(f"{server.url}/pool/a.deb")
        assert server.requests[0].headers["user-agent"].startswith("paddlewheel/")
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from email.utils import formatdate
from fnmatch import fnmatchcase
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `path` is decoded and without the query; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `body` is bytes, or a file to stream. Ranges and HEAD are seen to by the server."""

    status: int = 200
    body: bytes | Path = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """What goes wrong with requests for paths that match `pattern`, the next `times` times (None: always).

    Of several faults that match, the first in the list that is not used up counts, one for each request.
    """

    pattern: str
    times: int | None = None
    drop: bool = False
    """Close the connection instead of answering."""
    status: int | None = None
    """Answer with this status and no file."""
    retry_after: str | None = None
    truncate: int | None = None
    """Close the connection after so many bytes of the body; Content-Length tells the whole."""
    corrupt: bool = False
    """Flip the last byte of the body."""
    more: bytes = b""
    """Append to the body, and say so in Content-Length."""
    unsized: bool = False
    """Send no Content-Length; closing the connection ends the body."""
    no_ranges: bool = False
    """Ignore Range, answer 200 with the whole."""
    wrong_range: bool = False
    """Answer 206 with the bytes from the start on, whatever was asked for, and say so in Content-Range."""
    redirect: str | None = None
    """Answer 302 to this URL."""
    delay: float = 0.0
    """Seconds before the answer."""
    stall: int | None = None
    """After so many bytes of the body, wait until the server is closed."""
    rate: int | None = None
    """Bytes of the body per second."""


class Server(ABC):
    """Answers with what `respond` gives. A context manager: it listens from `__enter__` to `__exit__`.

    `password` ``(user, password)``: asks for Basic credentials. `certificate` ``(certificate, key)``: speaks TLS.
    """

    def __init__(
        self, *, password: tuple[str, str] | None = None, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.connections = 0
        """How many were opened so far."""
        self.connect_status = 405
        """The answer to CONNECT."""
        self.closing = threading.Event()
        self._password = password
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.tls = context
        self.port: int = self._http.server_address[1]
        self.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """The answer to a request."""

    def fault(self, pattern: str, **what: Any) -> Fault:
        """Add a `Fault` for paths that match the shell pattern (``*`` matches ``/`` as well)."""
        fault = Fault(pattern, **what)
        self.faults.append(fault)
        return fault

    def paths(self, method: str = "GET") -> list[str]:
        """The paths asked for so far, in order."""
        return [request.path for request in self.requests if request.method == method]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: Request) -> tuple[Response, Fault]:
        """The answer with the fault that applies to it (one without effect when none does)."""
        self.requests.append(request)
        fault = self._fault_for(request.path)
        if self._password is not None:
            wanted = "Basic " + base64.b64encode(":".join(self._password).encode()).decode()
            if request.headers.get("authorization") != wanted:
                return Response(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="tests"'}), Fault("")
        if fault.redirect is not None:
            return Response(302, b"", {"Location": fault.redirect}), fault
        if fault.status is not None:
            after = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            return Response(fault.status, b"a fault\n", after), fault
        return self.respond(request), fault

    def _fault_for(self, path: str) -> Fault:
        for fault in self.faults:
            if fault.times != 0 and fnmatchcase(path, fault.pattern):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault("")


class FileServer(Server):
    """Serves the files of a folder: an apt archive's mirror, say."""

    def __init__(
        self,
        folder: Path,
        *,
        password: tuple[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(password=password, certificate=certificate)
        self.folder = folder

    def respond(self, request: Request) -> Response:
        return file_response(self.folder, request.path)


def file_response(folder: Path, path: str) -> Response:
    """A file below `folder`, or 404."""
    place = (folder / path.lstrip("/")).resolve()
    if not place.is_relative_to(folder.resolve()) or not place.is_file():
        return Response(404, b"there is no such file\n", {"Content-Type": "text/plain"})
    about = place.stat()
    etag = hashlib.sha256(f"{about.st_mtime_ns} {about.st_size}".encode()).hexdigest()[:16]
    headers = {
        "Content-Type": "application/octet-stream",
        "Last-Modified": formatdate(about.st_mtime, usegmt=True),
        "ETag": f'"{etag}"',
    }
    return Response(200, place, headers)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Server
    tls: ssl.SSLContext | None = None

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
            self.owner.connections += 1
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        try:
            # In the connection's own thread: a client that never says hello must not stop the others.
            wrapped = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        with self._guard:
            self._open.add(wrapped)
        try:
            super().finish_request(wrapped, client_address)
        finally:
            with self._guard:
                self._open.discard(wrapped)
            wrapped.close()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Wake the threads that wait for a client's next request."""
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Http

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_CONNECT(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.owner.requests.append(Request("CONNECT", self.path, "", headers))
        self.send_error(self.server.owner.connect_status)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `Server.requests` has it all."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        request = Request(self.command, unquote(url.path), url.query, headers, body)
        response, fault = self.server.owner.answer(request)
        if fault.delay:
            self.server.owner.closing.wait(fault.delay)
        if fault.drop:
            self.close_connection = True
            return
        self._send(request, response, fault)

    def _send(self, request: Request, response: Response, fault: Fault) -> None:
        body = response.body.read_bytes() if isinstance(response.body, Path) else response.body
        if fault.corrupt and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        body += fault.more
        status, part, headers = _part(request, response, body, fault)
        self.send_response_only(status, HTTPStatus(status).phrase)
        headers |= {"Connection": "close"} if fault.unsized else {"Content-Length": str(len(part))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self._send_body(part, fault)

    def _send_body(self, part: bytes, fault: Fault) -> None:
        owner = self.server.owner
        end = len(part)
        for limit in (fault.truncate, fault.stall):
            end = end if limit is None else min(end, limit)
        step = max(1, fault.rate // 20) if fault.rate else max(1, end)
        for start in range(0, end, step):
            self.wfile.write(part[start : min(start + step, end)])
            if fault.rate:
                self.wfile.flush()
                owner.closing.wait(step / fault.rate)
        self.wfile.flush()
        if fault.stall is not None:
            owner.closing.wait()
        if end < len(part):
            self.close_connection = True


def _part(request: Request, response: Response, body: bytes, fault: Fault) -> tuple[int, bytes, dict[str, str]]:
    """Status, bytes and headers after Range was considered (RFC 9110, section 14; one range only)."""
    headers = dict(response.headers)
    if response.status != 200 or fault.no_ranges:
        return response.status, body, headers
    headers["Accept-Ranges"] = "bytes"
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", ""))
    condition = request.headers.get("if-range")
    if asked is None or asked.groups() == ("", "") or (condition is not None and condition != headers.get("ETag")):
        return 200, body, headers
    first, last = asked.groups()
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if fault.wrong_range:
        start, end = 0, len(body) - 1
    elif start >= len(body) or end < start:
        return 416, b"", headers | {"Content-Range": f"bytes */{len(body)}"}
    return 206, body[start : end + 1], headers | {"Content-Range": f"bytes {start}-{end}/{len(body)}"}


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    """Wait until `condition()` is true. Raise `TimeoutError` when it never is."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.005)
