"""Send one request to an app whose response may be anything, or nothing."""

import gzip
import io
import time
import zlib
from typing import Final
from urllib.parse import urlencode

from festgate.lab.verify.inputs import RequestStep
from festgate.lab.verify.pages import AppResponse
from festgate.lab.verify.sandbox import SandboxedApp
from festgate.rehearsal import http_client

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
    body = None if step.form is None else urlencode(step.form).encode()
    headers = dict(LOCUST_HEADERS)
    if body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    began = time.perf_counter()
    try:
        answer = http_client.request(
            "GET" if body is None else "POST",
            f"http://127.0.0.1:{app.port}{step.path}",
            timeout=timeout,
            headers=headers,
            content=body,
            max_bytes=MAX_BYTES + 1,
        )
        taken = (time.perf_counter() - began) * 1000
        text = _plain(answer.body, answer.headers.get("content-encoding", ""))
    except http_client.NoResponse as error:
        if error.late:
            return AppResponse(0, problem=f"no response within {timeout:g} s")
        ended = app.has_ended()
        return AppResponse(
            0,
            problem=f"no response. {app.process.why_gone()}"
            if ended
            else f"an unreadable response ({error})",
        )
    except (OSError, EOFError, zlib.error) as error:
        return AppResponse(0, problem=f"an unreadable response ({type(error).__name__})")
    if len(answer.body) > MAX_BYTES:
        return AppResponse(0, problem=f"a response of more than {MAX_BYTES // 1024**2} MB")
    return AppResponse(
        answer.status, answer.headers.get("location", ""), text.decode("utf-8", errors="replace"), taken
    )


def _plain(content: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return file.read(MAX_BYTES)
    if encoding == "deflate":
        return zlib.decompressobj().decompress(content, MAX_BYTES)
    return content
