"""How requests to S3 travel: to one host and no other, with timeouts that fit what they carry."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ftpx.errors import StorageFailure
from ftpx.storage.objects.s3_octets import AnswerOctets

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient
    from botocore.httpsession import URLLib3Session

__all__ = ["S3Transport"]

# How long to wait for the next octet of an answer: of a call that a user waits for, of one that moves octets, and of
# one that makes the store move those that it has.
_PROMPT, _MOVING, _LONG = 3.0, 60.0, 600.0
# How long to wait for a connection. urllib3 waits no longer for each piece that it sends either.
_CONNECT: Final[dict[float, float]] = {_PROMPT: 2.0, _MOVING: 20.0, _LONG: 20.0}
_WAITS: Final[dict[str, float]] = {
    "CompleteMultipartUpload": _LONG,
    "CopyObject": _LONG,
    "PutObject": _MOVING,
    "UploadPart": _MOVING,
    "UploadPartCopy": _LONG,
}
# A page of 1000 keys of 1024 octets, each of which may be written as %XX, with everything around them.
_MOST_OCTETS: Final = 8 << 20
_CONNECTIONS: Final = 32
# The hosts of Amazon, where no endpoint was given.
_PROVIDER: Final = (".amazonaws.com", ".amazonaws.com.cn")


def _socket_options() -> list[tuple[int, int, int]]:
    """
    What a connection is set to. What the kernel holds of a part is little, so that an answer is waited for only when
    nearly all has gone.
    """
    wanted = {"TCP_NODELAY": 1, "TCP_NOTSENT_LOWAT": 128 << 10}
    return [
        (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in wanted.items() if hasattr(socket, name)
    ]


class S3Transport:
    """
    Sends what botocore has signed.

    botocore follows no redirect by itself, but goes where a header of an answer names another region; so each request's
    destination is compared with where requests may go.

    :param endpoint: where requests go; ``None``: to Amazon, with TLS.
    :param authorities: a file of the certificates to trust; ``None``: those that botocore brings.
    """

    def __init__(self, endpoint: str | None, *, authorities: str | None, clock: Callable[[], float]) -> None:
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        self._endpoint = None if endpoint is None else urlsplit(endpoint)
        self._clock = clock

        # Its stubs know less than it takes.
        make: Any = URLLib3Session

        def session(wait: float) -> URLLib3Session:
            made: URLLib3Session = make(
                verify=authorities or True,
                proxies=get_environ_proxies(endpoint or "https://s3.amazonaws.com"),
                timeout=(_CONNECT[wait], wait),
                max_pool_connections=_CONNECTIONS,
                socket_options=_socket_options(),
            )
            return made

        self._sessions = {wait: session(wait) for wait in (_PROMPT, _MOVING, _LONG)}

    def attach(self, client: BaseClient) -> None:
        """Have a client send its requests here."""
        events: Any = client.meta.events
        events.register_first("before-send.s3", self._send)
        # A region that an answer names would be taken for all requests that follow.
        events.register_last("before-parameter-build.s3", _stay_in_region)

    def _send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> Any:
        from botocore.awsrequest import AWSResponse

        self._check(request.url)
        operation = event_name.rpartition(".")[2]
        # Or botocore would read all of the answer, however much it is.
        request.stream_output = True
        response = self._sessions[_WAITS.get(operation, _PROMPT)].send(request)
        limited = operation != "GetObject" or response.status_code >= 300
        headers: Any = response.headers
        octets = AnswerOctets(response.raw, _MOST_OCTETS if limited else 1 << 62, self._clock)
        answer: Any = AWSResponse(response.url, response.status_code, headers, octets)
        if limited:
            answer.content  # noqa: B018  # reads it all, so that the connection is free for the next request
        return answer

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self._endpoint is None:
            allowed = parts.scheme == "https" and host.endswith(_PROVIDER) and parts.port in {None, 443}
        else:
            given = self._endpoint.hostname or ""
            same = (parts.scheme, parts.port) == (self._endpoint.scheme, self._endpoint.port)
            # A bucket may stand before the host.
            allowed = same and (host == given or host.endswith("." + given))
        if not allowed or parts.username is not None:
            raise StorageFailure("The object store's answer leads to another host, and is not followed.")


def _stay_in_region(context: dict[str, dict[str, object]], **_: object) -> None:
    context.setdefault("s3_redirect", {})["redirected"] = True
