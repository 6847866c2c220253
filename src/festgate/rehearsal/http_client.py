"""The HTTP client of the tools: one request over a connection of its own, to a server that may do anything.

No proxy of the environment is used unless the caller names it (a campus's proxy would answer for a server of this
machine that is not up yet), no redirect is followed, and nothing is decompressed. `httpx` is imported with the first
request: it takes 0.1 s, and most commands send none.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

MAX_BYTES: Final = 16 * 1024 * 1024
PLAIN: Final = {"Accept-Encoding": "identity"}
_NEEDS_CLIENT_CERTIFICATE: Final = frozenset(
    {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE"}
)
"""OpenSSL's names for the alerts of a server that requires a client certificate."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case; a repeated header has its values joined by commas."""
    body: bytes
    """As it came over the wire, cut off at the request's `max_bytes`."""
    cookie: str = ""
    """The `Cookie` header with which a browser would send the response's cookies back."""


class NoResponse(Exception):
    """No complete HTTP response came in time; the text is the reason, without a full stop."""

    def __init__(
        self,
        reason: str,
        *,
        connected: bool = False,
        late: bool = False,
        certificate: bool = False,
        client_certificate: bool = False,
    ) -> None:
        """`connected`: the server accepted the connection. `late`: the time limit was reached.

        `certificate`: the server's certificate could not be verified. `client_certificate`: the server refused a client
        without a certificate.
        """
        super().__init__(reason)
        self.connected = connected
        self.late = late
        self.certificate = certificate
        self.client_certificate = client_certificate


def request(
    method: str,
    url: str,
    *,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    max_bytes: int = MAX_BYTES,
    tls: ssl.SSLContext | None = None,
    proxy: str = "",
) -> HttpResponse:
    """Send one request and read the response, within `timeout` seconds in all. Raises NoResponse.

    By default, the system's certificates are trusted.
    """
    import httpx  # noqa: PLC0415

    limit = _TimeLimit(timeout)
    # The certificates that other programs of this machine trust; reading them takes 40 ms.
    verify = (tls or ssl.create_default_context()) if url.startswith("https:") else _unused_context()
    try:
        with (
            limit,
            httpx.Client(verify=verify, trust_env=False, timeout=timeout, proxy=proxy or None) as client,
            client.stream(
                method,
                url,
                # Stripped, as an empty token leaves a space after "Bearer", which httpx refuses to send.
                headers={name: value.strip() for name, value in {**PLAIN, **(headers or {})}.items()},
                content=content,
                extensions={"trace": limit.note_connection},
            ) as response,
        ):
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) >= max_bytes:
                    break
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        ValueError,
        ImportError,
    ) as error:  # a SOCKS proxy needs a package
        raise limit.explain(error) from None
    if limit.reached:
        raise limit.explain(TimeoutError())
    return HttpResponse(
        response.status_code, dict(response.headers), bytes(body[:max_bytes]), _cookie(response)
    )


def get(
    url: str,
    *,
    timeout: float,
    max_bytes: int = MAX_BYTES,
    tls: ssl.SSLContext | None = None,
    proxy: str = "",
) -> HttpResponse:
    """GET `url`, as `request` does. Raises NoResponse."""
    return request("GET", url, timeout=timeout, max_bytes=max_bytes, tls=tls, proxy=proxy)


@lru_cache
def _unused_context() -> ssl.SSLContext:
    """Return one context for all requests without TLS: httpx would create two for each."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _TimeLimit:
    """A limit on the whole request: httpx limits each read, and a response may come byte by byte."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connection: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._close)
        self._timer.daemon = True
        self.reached = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def note_connection(self, event: str, fields: Mapping[str, object]) -> None:
        """Keep the connection's socket, when httpx reports that it is open."""
        if event == "connection.connect_tcp.complete":
            self._connection = fields["return_value"].get_extra_info("socket")  # type: ignore[attr-defined]

    def explain(self, error: Exception) -> NoResponse:
        """Return the reason in a sentence that does not depend on the library."""
        import httpx  # noqa: PLC0415

        late = self.reached or isinstance(error, httpx.TimeoutException | TimeoutError)
        reason = f"no response within {self._seconds:g} s" if late else _reason(error)
        causes = [cause for cause in _causes(error) if isinstance(cause, ssl.SSLError)]
        return NoResponse(
            reason,
            connected=self._connection is not None,
            late=late,
            certificate=any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes),
            client_certificate=any(cause.reason in _NEEDS_CLIENT_CERTIFICATE for cause in causes),
        )

    def _close(self) -> None:
        self.reached = True
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


def _reason(error: BaseException) -> str:
    """Return the system's message if the system refused, else the library's."""
    words = (cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror)
    return next(words, str(error).rstrip(".") or type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _cookie(response: "httpx.Response") -> str:
    return "; ".join(value.partition(";")[0] for value in response.headers.get_list("set-cookie"))
