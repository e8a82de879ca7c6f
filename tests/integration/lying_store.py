"""
A store that speaks S3, as far as ftpx does, and does wrong what a test tells it: it fails, lies, is slow or breaks off.

It keeps objects in memory, or hands everything on to a real store and spoils only what it is told to.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs

from tests.integration.s3_objects import Answer, Request, S3Objects, refusal

__all__ = ["Answer", "Fault", "LyingStore", "Request", "refusal"]

_PIECE = 4096
# What tells the calls apart: the method, and one of the names in the query or of the headers.
_OPERATIONS = (
    ("POST", "uploads", "CreateMultipartUpload"),
    ("POST", "uploadId", "CompleteMultipartUpload"),
    ("PUT", "x-amz-copy-source", "CopyObject"),
    ("PUT", "partNumber", "UploadPart"),
    ("PUT", "", "PutObject"),
    ("GET", "list-type", "ListObjectsV2"),
    ("GET", "uploadId", "ListParts"),
    ("GET", "", "GetObject"),
    ("HEAD", "", "HeadObject"),
    ("DELETE", "uploadId", "AbortMultipartUpload"),
    ("DELETE", "", "DeleteObject"),
)


@attrs.frozen
class Fault:
    """
    What is wrong with some answers.

    :param spoil: what is sent instead, of a request that is not carried out; or what makes it of the request and of
        the right answer, when it was.
    :param first: the number of the first request of the operation that it is for; ``times``: of how many.
    """

    operation: str
    spoil: Callable[[Request, Answer], Answer] | Answer
    first: int = 1
    times: int = 1 << 30

    def applies(self, request: Request) -> bool:
        """Whether this request is one of those."""
        return request.operation == self.operation and self.first <= request.count < self.first + self.times


class LyingStore:
    """
    The server. As a context manager it runs.

    ``faults``: what is wrong; the first that applies counts. ``pace``: how many octets a second it takes and gives,
    ``None``: as many as it can. ``requests``: the operations that came, in order. ``seen``: all of each request but its
    content.

    :param upstream: the port on 127.0.0.1 of the store that everything is handed on to; ``None``: none.
    :param certificate: the file of a certificate and its key for TLS; ``None``: it speaks in clear.
    """

    def __init__(self, upstream: int | None = None, certificate: Path | None = None) -> None:
        self.faults: list[Fault] = []
        self.pace: int | None = None
        self.seen: list[Request] = []
        self.memory = S3Objects()
        self._upstream = upstream
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _connection_class(self), bind_and_activate=False)
        # Little is under way, so that a slow store is slow for its client too.
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self._server.allow_reuse_address = True
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is made by the thread of the connection.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "http" if certificate is None else "https"
        self._server.server_bind()
        self._server.server_activate()

    @property
    def endpoint(self) -> str:
        """Where it is."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def objects(self) -> dict[str, bytes]:
        """What it holds in memory, by key."""
        return {key: content for key, (content, _) in self.memory.objects.items()}

    @property
    def requests(self) -> list[str]:
        """The operations that came."""
        return [request.operation for request in self.seen]

    def address(self, settings: str = "") -> str:
        """What names a bucket of it."""
        return f"s3://lies?endpoint={self.endpoint}{settings}"

    def wait(self, octets: int) -> None:
        """Let the time go by that so many octets take."""
        if self.pace is not None:
            self._stopped.wait(octets / self.pace)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """What a request gets."""
        query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        signs = {"", *query, *headers}
        operation = next(name for verb, sign, name in _OPERATIONS if verb == method and sign in signs)
        with self._lock:
            self._counts[operation] += 1
            request = Request(operation, self._counts[operation], path, query, headers, body)
            self.seen.append(attrs.evolve(request, body=b""))
            fault = next((fault for fault in self.faults if fault.applies(request)), None)
            spoil = None if fault is None else fault.spoil
            if isinstance(spoil, Answer):
                return spoil
            if self._upstream is None:
                right = self.memory.answer(request)
        if self._upstream is not None:
            right = self._ask(method, request)
        return right if spoil is None else spoil(request, right)

    def _ask(self, method: str, request: Request) -> Answer:
        assert self._upstream is not None
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=60)
        try:
            connection.putrequest(method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                # The host is signed, so it stays that of this server.
                if name not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            body = response.read()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS}
            if method == "HEAD":
                kept["Content-Length"] = response.getheader("Content-Length") or "0"
            return Answer(response.status, body, kept)
        finally:
            connection.close()

    def __enter__(self) -> LyingStore:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()


_OWN_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


def _connection_class(store: LyingStore) -> type[BaseHTTPRequestHandler]:
    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self._body(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = store.answer(self.command, self.path, headers, body)
            if answer.reset:
                self._reset()
                return
            # Its own `send_response` would add a date that upstream has too.
            self.send_response(answer.status)
            date = format_datetime(store.memory.began, usegmt=True)
            sent = {"Last-Modified": date, "Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self._send(answer.body if answer.cut is None else answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

        def _body(self, size: int) -> bytes:
            pieces: list[bytes] = []
            while size > 0 and (piece := self.rfile.read(min(size, _PIECE))):
                pieces.append(piece)
                size -= len(piece)
                store.wait(len(piece))
            return b"".join(pieces)

        def _send(self, body: bytes) -> None:
            for start in range(0, len(body), _PIECE):
                piece = body[start : start + _PIECE]
                self.wfile.write(piece)
                store.wait(len(piece))

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def handle(self) -> None:
            # Clients that give up are what the tests are about.
            with contextlib.suppress(OSError):
                super().handle()

        def log_message(self, *_: Any) -> None:
            """It says nothing."""

    return Connection
