"""A simulated Stripe on loopback: the API calls that the portal makes, the payment page, and webhooks.

It also simulates failures on request: errors, no response, and webhooks that are late, repeated or forged.
"""

import hashlib
import hmac
import html
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.rig.stripe_books import ApiError, Books, Event, Json

SECRET_KEY = "sk_test_of_the_tests"
WEBHOOK_SECRET = "whsec_of_the_tests"
DECLINED_CARD = "4000000000000002"
MAX_HOLD = 60.0
"""Seconds after which a held response is sent even if no test has released it."""


@dataclass(frozen=True)
class Call:
    """An API call, and the status of its response (0: none)."""

    method: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    status: int

    @property
    def idempotency_key(self) -> str | None:
        """The idempotency key of the caller."""
        return self.headers.get("idempotency-key")


@dataclass(frozen=True)
class Fault:
    """A fault of one call: an error, a lost response, or one that is held until `release`."""

    kind: Literal["error", "lost", "held"]
    status: int = 0


class StripeServer:
    """The API and the payment pages at `url`, with their data, the recorded calls, and the faults of the next calls."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        """Take the address, and a clock in seconds since the epoch. Signatures always use the system time."""
        self.url = url
        self.books = Books(url, clock)
        self.calls: list[Call] = []
        self.webhook_url = ""
        """The address for webhooks."""
        self.sends_webhooks = True
        """True if events are sent at once. They are also kept for `deliver`."""
        self.holds_queries = False
        """True if every query about a session is held until `release`."""
        self._faults: deque[Fault] = deque()
        self._down = 0
        self._calls_left = 0
        self._released = threading.Event()

    def fail(self, status: int = 500, times: int = 1) -> None:
        """Answer the next calls with an error, without effect."""
        self._faults.extend([Fault("error", status)] * times)

    def lose(self, times: int = 1) -> None:
        """Carry the next calls out, and close their connections without a response."""
        self._faults.extend([Fault("lost")] * times)

    def hold(self, times: int = 1) -> None:
        """Carry the next calls out, and answer them only after `release`."""
        self._released.clear()
        self._faults.extend([Fault("held")] * times)

    def release(self) -> None:
        """Send the held responses; later calls are neither held nor fail."""
        self._faults.clear()
        self._released.set()

    def go_down(self, status: int = 503, after: int = 0) -> None:
        """Let every call fail until `come_up`, after `after` more calls."""
        self._down, self._calls_left = status, after

    @property
    def refused(self) -> int:
        """The number of failed calls."""
        with self.books.lock:
            return sum(call.status != 200 for call in self.calls)

    def come_up(self) -> None:
        """Let calls succeed again."""
        self._down = 0

    def made(self, method: str, path: str) -> list[Call]:
        """Return the successful calls of that kind, oldest first."""
        with self.books.lock:
            return [
                call
                for call in self.calls
                if (call.method, call.path) == (method, path) and call.status == 200
            ]

    def pay(self, session_id: str, *, at_once: bool = True) -> None:
        """Pay a session; with `at_once` False the bank decides later."""
        self._send_webhook(self.books.pay(session_id, at_once=at_once))

    def decide_as_bank(self, session_id: str, *, paid: bool) -> None:
        """Let the bank decide about a pending payment."""
        self._send_webhook(self.books.decide_as_bank(session_id, paid=paid))

    def end_sessions(self) -> None:
        """End the sessions that have expired."""
        for event in self.books.end_sessions():
            self._send_webhook(event)

    def deliver(
        self, event: Event, *, secret: str = WEBHOOK_SECRET, age: int = 0, header: str | None = None
    ) -> httpx.Response:
        """Send one event now, signed `age` seconds ago with `secret`, or with `header` as its signature."""
        signature = sign(event.body, secret, int(time.time()) - age) if header is None else header
        return self.post(event.body, signature)

    def post(self, body: bytes, signature: str | None) -> httpx.Response:
        """Send any body to the webhook's address; None means no signature."""
        headers = {"content-type": "application/json; charset=utf-8"}
        if signature is not None:
            headers["stripe-signature"] = signature
        return httpx.post(
            self.webhook_url, content=body, headers=headers, timeout=30, trust_env=False, verify=False
        )

    def answer(
        self, method: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Json]:
        """Handle an API call; return status and body. Status 0 means no response."""
        with self.books.lock:
            fault = self._faults.popleft() if self._faults else None
            try:
                self._raise_error(fault, headers)
                status, body = 200, self.books.call(method, path, fields, headers.get("idempotency-key"))
            except ApiError as error:
                status, body = error.status, error.body
            if fault is not None and fault.kind == "lost":
                status = 0
            self.calls.append(Call(method, path, dict(fields), dict(headers), status))
        if (fault is not None and fault.kind == "held") or (self.holds_queries and method == "GET"):
            self._released.wait(MAX_HOLD)
        return status, body

    def _raise_error(self, fault: Fault | None, headers: Mapping[str, str]) -> None:
        status = fault.status if fault is not None else 0
        if self._down and self._calls_left:
            self._calls_left -= 1
        elif self._down:
            status = self._down
        if status:
            raise ApiError(status, "Something is wrong on our side.")
        if headers.get("authorization") != f"Bearer {SECRET_KEY}":
            raise ApiError(401, "Invalid API Key provided.")

    def _send_webhook(self, event: Event) -> None:
        if self.webhook_url and self.sends_webhooks:
            with suppress(httpx.TransportError):  # Stripe would retry later; here the test does
                self.deliver(event)


def sign(body: bytes, secret: str, at: int) -> str:
    """Return Stripe's signature header: the time, and the HMAC-SHA256 of time and body."""
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signature}"


class _Handler(BaseHTTPRequestHandler):
    """A handler of HTTP requests for the StripeServer of its listener."""

    server: "_Listener"

    def do_GET(self) -> None:
        """Retrieve something, or show the payment page."""
        parts = urlsplit(self.path)
        if parts.path.startswith("/pay/"):
            self._show_page(parts.path.removeprefix("/pay/"), 200, "")
        else:
            self._call(dict(parse_qsl(parts.query)))

    def do_POST(self) -> None:
        """Create or change something, or submit the payment page."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        fields = dict(parse_qsl(body, keep_blank_values=True))
        path = urlsplit(self.path).path
        if path.startswith("/pay/"):
            self._submit_page(path.removeprefix("/pay/"), fields)
        else:
            self._call(fields)

    def log_message(self, *arguments: object) -> None:
        """Log nothing: the calls are recorded."""

    def _call(self, fields: Mapping[str, str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = self.server.stripe.answer(self.command, urlsplit(self.path).path, fields, headers)
        if status:
            self._answer(
                status, json.dumps(body), {"content-type": "application/json", "request-id": "req_test"}
            )
        else:
            self.close_connection = True

    def _submit_page(self, session_id: str, fields: Mapping[str, str]) -> None:
        stripe = self.server.stripe
        session = stripe.books.sessions[session_id]
        if fields.get("button") == "back":
            self._answer(303, "", {"location": session["cancel_url"]})
        elif fields.get("card", "").replace(" ", "") == DECLINED_CARD:
            self._show_page(session_id, 402, "Your card was declined.")
        else:
            try:
                stripe.pay(session_id, at_once=fields.get("button") != "bank")
            except ApiError as error:
                self._show_page(session_id, error.status, str(error))
            else:
                self._answer(303, "", {"location": session["success_url"]})

    def _show_page(self, session_id: str, status: int, message: str) -> None:
        session = self.server.stripe.books.sessions.get(session_id)
        kind = {"content-type": "text/html; charset=utf-8"}
        if session is None:
            self._answer(404, "<!doctype html><title>Not found</title>", kind)
            return
        page = f"""<!doctype html>
<html lang="en"><title>Pay</title>
<h1>{session["amount_total"]} {session["currency"]}</h1>
<p>{html.escape(message or session["status"])}</p>
<form method="post">
<label>Card <input name="card" value="4242 4242 4242 4242"></label>
<button name="button" value="pay">Pay</button>
<button name="button" value="bank">Pay by bank transfer</button>
<button name="button" value="back">Back</button>
</form></html>"""
        self._answer(status, page, kind)

    def _answer(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        content = body.encode()
        with suppress(OSError):  # the client may have disconnected
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


class _Listener(ThreadingHTTPServer):
    """A server that ends without waiting for held responses."""

    daemon_threads = True

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stripe = StripeServer(f"http://127.0.0.1:{self.server_address[1]}", clock)


@contextmanager
def stripe_server(clock: Callable[[], float] = time.time) -> Iterator[StripeServer]:
    """Run a simulated Stripe until the end of the block."""
    with _Listener(clock) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield listener.stripe
        finally:
            listener.stripe.release()
            listener.shutdown()
            thread.join()
