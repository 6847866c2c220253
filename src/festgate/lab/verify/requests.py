"""Send one request to an app whose response may be anything, or nothing."""

import gzip
import http.client
import io
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlencode

from festgate.lab.verify.inputs import RequestStep
from festgate.lab.verify.pages import AppResponse
from festgate.lab.verify.sandbox import SandboxedApp

MAX_BYTES: Final = 4 * 1024 * 1024
"""Limit of one response; the largest that is expected has 100,000 bytes."""
LOCUST_HEADERS: Final = {
    "User-Agent": "python-requests/2.32",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}
"""The headers of Locust's client, so that the app cannot recognise these requests."""


def send_request(app: SandboxedApp, step: RequestStep) -> AppResponse:
    """Return the response; redirects are not followed."""
    timeout = app.limits.response
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=timeout)
    body = None if step.form is None else urlencode(step.form)
    headers = dict(LOCUST_HEADERS)
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    late = threading.Event()
    began = time.perf_counter()
    try:
        connection.connect()
        with _time_limit(connection.sock, timeout, late):
            connection.request("GET" if body is None else "POST", step.path, body, headers)
            response = connection.getresponse()
            content = response.read(MAX_BYTES + 1)
        taken = (time.perf_counter() - began) * 1000
        text = _plain(content, response.headers.get("Content-Encoding", "")).decode("utf-8", errors="replace")
        if len(content) > MAX_BYTES:
            return AppResponse(0, problem=f"a response of more than {MAX_BYTES // 1024**2} MB")
        if not late.is_set():
            return AppResponse(response.status, response.headers.get("Location", ""), text, taken)
        return AppResponse(0, problem=f"no response within {timeout:g} s")
    except (OSError, http.client.HTTPException, EOFError, zlib.error, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            return AppResponse(0, problem=f"no response within {timeout:g} s")
        problem = (
            f"no response. {app.why_gone()}"
            if app.has_ended()
            else f"an unreadable response ({type(error).__name__})"
        )
        return AppResponse(0, problem=problem)
    finally:
        connection.close()


@contextmanager
def _time_limit(connection: socket.socket, seconds: float, late: threading.Event) -> Iterator[None]:
    """Close the connection after `seconds`: a slow response may send a byte within each socket timeout."""

    def close() -> None:
        late.set()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _plain(content: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return file.read(MAX_BYTES)
    if encoding == "deflate":
        return zlib.decompressobj().decompress(content, MAX_BYTES)
    return content
