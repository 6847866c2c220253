"""One request to an app that may answer anything, or nothing."""

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
"""Of one answer: the largest that is expected has 100,000."""
AS_THE_LOAD: Final = {
    "User-Agent": "python-requests/2.32",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
}
"""As Locust's client sends it, so that the load cannot be told from what is asked here."""


def send_request(app: SandboxedApp, step: RequestStep) -> AppResponse:
    """What came back; a redirect is not followed."""
    patience = app.limits.answer
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=patience)
    body = None if step.form is None else urlencode(step.form)
    headers = dict(AS_THE_LOAD)
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    late = threading.Event()
    began = time.perf_counter()
    try:
        connection.connect()
        with _hung_up(connection.sock, patience, late):
            connection.request("GET" if body is None else "POST", step.path, body, headers)
            answer = connection.getresponse()
            content = answer.read(MAX_BYTES + 1)
        taken = (time.perf_counter() - began) * 1000
        text = _plain(content, answer.headers.get("Content-Encoding", "")).decode("utf-8", errors="replace")
        if len(content) > MAX_BYTES:
            return AppResponse(0, problem=f"more than {MAX_BYTES // 1024**2} MB")
        if not late.is_set():
            return AppResponse(answer.status, answer.headers.get("Location", ""), text, taken)
        return AppResponse(0, problem=f"no answer within {patience:g} s")
    except (OSError, http.client.HTTPException, EOFError, zlib.error, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            return AppResponse(0, problem=f"no answer within {patience:g} s")
        problem = app.why_gone() if app.ends() else f"no answer that can be read ({type(error).__name__})"
        return AppResponse(0, problem=problem)
    finally:
        connection.close()


@contextmanager
def _hung_up(line: socket.socket, seconds: float, late: threading.Event) -> Iterator[None]:
    """Hang up after that time: an answer may come by drops, each of them in time."""

    def hang_up() -> None:
        late.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
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
