"""The data of a simulated Stripe: sessions, payments and refunds, with Stripe's rules where mistakes would cost money.

These are the limits of a session's end, the units of currencies, idempotency keys, and the amounts of refunds.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MIN_SESSION = 30 * 60
MAX_SESSION = 24 * 60 * 60
MIN_CHARGE = 50
"""Minor units; Stripe has one for each currency, of about this size."""
HUNDREDS = frozenset({"isk"})
TENS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
SESSIONS = "/v1/checkout/sessions"
REFUNDS = "/v1/refunds"
SESSION_FIELDS = frozenset(
    {
        "adaptive_pricing",
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "expires_at",
        "line_items",
        "metadata",
        "mode",
        "payment_intent_data",
        "success_url",
    }
)
REFUND_FIELDS = frozenset({"payment_intent", "amount", "metadata", "reason"})

Json = dict[str, Any]


class ApiError(Exception):
    """A response other than 200: `status` and `body`."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, kind: str = ""
    ) -> None:
        """Take the status, the message and, unless the status implies it, the type of the error."""
        super().__init__(message)
        self.status = status
        error: Json = {
            "type": kind or ("invalid_request_error" if status < 500 else "api_error"),
            "message": message,
        }
        self.body: Json = {
            "error": error | {name: value for name, value in (("param", param), ("code", code)) if value}
        }


@dataclass(frozen=True)
class Event:
    """An event for webhooks."""

    id: str
    kind: str
    session: Json
    created: int

    @property
    def body(self) -> bytes:
        """The JSON that is sent and signed."""
        event = {
            "id": self.id,
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self.created,
            "data": {"object": self.session},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": self.kind,
        }
        return json.dumps(event, indent=2).encode()


@dataclass
class Books:
    """Sessions, payments and refunds. `url` is the address of the payment pages, `clock` is in seconds."""

    url: str
    clock: Callable[[], float]
    sessions: dict[str, Json] = field(default_factory=dict)
    intents: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    refund_status: str = "succeeded"
    """The status of the next refunds."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _answers: dict[str, tuple[str, Json]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def session_of(self, ref: str) -> Json:
        """Return the only session of the order. Raise AssertionError if there is none or more than one."""
        with self.lock:
            sessions = [
                session for session in self.sessions.values() if session["client_reference_id"] == ref
            ]
        assert len(sessions) == 1, f"{len(sessions)} sessions for {ref}"
        return sessions[0]

    def forget_keys(self) -> None:
        """Forget the idempotency keys, as Stripe does after a day."""
        with self.lock:
            self._answers.clear()

    def pay(self, session_id: str, *, at_once: bool = True) -> Event:
        """Pay a session; with `at_once` False the bank decides later (`decide_as_bank`)."""
        with self.lock:
            session = self._current(session_id)
            if session["status"] != "open":
                raise ApiError(400, f"This session is {session['status']}.")
            intent_id = f"pi_{next(self._numbers):024d}"
            self.intents[intent_id] = {
                "id": intent_id,
                "object": "payment_intent",
                "amount": session["amount_total"],
                "amount_received": session["amount_total"] if at_once else 0,
                "currency": session["currency"],
                "status": "succeeded" if at_once else "processing",
                "metadata": session["_intent"].get("metadata", {}),
                "description": session["_intent"].get("description"),
            }
            session.update(
                status="complete",
                payment_status="paid" if at_once else "unpaid",
                payment_intent=intent_id,
                url=None,
            )
            return self._record("checkout.session.completed", session)

    def decide_as_bank(self, session_id: str, *, paid: bool) -> Event:
        """Let the bank decide about a pending payment."""
        with self.lock:
            session = self.sessions[session_id]
            intent = self.intents[session["payment_intent"]]
            intent["status"] = "succeeded" if paid else "requires_payment_method"
            if paid:
                intent["amount_received"] = intent["amount"]
                session["payment_status"] = "paid"
            return self._record(
                f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", session
            )

    def end_sessions(self) -> list[Event]:
        """End the sessions that have expired."""
        with self.lock:
            due = [
                session
                for session in self.sessions.values()
                if session["status"] == "open" and self._is_over(session)
            ]
            return [self._expire(session) for session in due]

    def call(self, method: str, path: str, fields: Mapping[str, str], key: str | None) -> Json:
        """Handle an API call; the same idempotency key returns the same response. Raise ApiError."""
        if method != "POST" or key is None:
            return self._do(method, path, fields)
        request = json.dumps([path, sorted(fields.items())])
        earlier = self._answers.get(key)
        if earlier is not None:
            if earlier[0] != request:
                message = "Keys for idempotent requests can only be used with the same parameters."
                raise ApiError(400, message, kind="idempotency_error")
            return earlier[1]
        # A refused call has no effect, and its key is not stored.
        body: Json = json.loads(json.dumps(self._do(method, path, fields)))
        self._answers[key] = (request, body)
        return body

    def _do(self, method: str, path: str, fields: Mapping[str, str]) -> Json:
        tree = nested(fields)
        steps = path.removeprefix(SESSIONS).split("/") if path.startswith(SESSIONS) else [path]
        match method, steps:
            case "POST", [""]:
                return self._create_session(tree)
            case "GET", ["", session_id]:
                return self._show(self._current(session_id), tree)
            case "POST", ["", session_id, "expire"]:
                return self._close(self._current(session_id))
            case "POST", [step] if step == REFUNDS:
                return self._refund(tree)
            case "GET", [step] if step == REFUNDS:
                refunds = [
                    refund
                    for refund in self.refunds.values()
                    if refund["payment_intent"] == tree["payment_intent"]
                ]
                return {"object": "list", "data": refunds[::-1], "has_more": False, "url": path}
        raise ApiError(404, f"Unrecognized request URL ({method}: {path}).")

    def _create_session(self, fields: Json) -> Json:
        _refuse_unknown(fields, SESSION_FIELDS)
        if fields.get("mode") != "payment":
            raise ApiError(400, "Only the mode payment is supported.", param="mode")
        for name in ("success_url", "cancel_url"):
            if not re.fullmatch(r"https?://[^/\s]+/\S*", fields.get(name, "")):
                raise ApiError(400, "Not a valid URL", param=name, code="url_invalid")
        ends_in = int(fields["expires_at"]) - self.clock()
        if not MIN_SESSION <= ends_in <= MAX_SESSION:
            message = (
                f"`expires_at` is {ends_in:.0f} seconds away: it must be between 30 minutes and 24 hours."
            )
            raise ApiError(400, message, param="expires_at")
        amount, currency = _add_up(list(fields["line_items"].values()))
        number = f"cs_test_{next(self._numbers):024d}"
        self.sessions[number] = {
            "id": number,
            "object": "checkout.session",
            "amount_subtotal": amount,
            "amount_total": amount,
            "cancel_url": fields["cancel_url"],
            "client_reference_id": fields.get("client_reference_id"),
            "created": int(self.clock()),
            "currency": currency,
            "customer_email": fields.get("customer_email"),
            "expires_at": int(fields["expires_at"]),
            "livemode": False,
            "metadata": fields.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": fields["success_url"],
            "url": f"{self.url}/pay/{number}",
            "_intent": fields.get("payment_intent_data", {}),
        }
        return _public(self.sessions[number])

    def _show(self, session: Json, fields: Json) -> Json:
        shown = _public(session)
        if "payment_intent" in fields.get("expand", {}).values() and shown["payment_intent"]:
            shown["payment_intent"] = dict(self.intents[shown["payment_intent"]])
        return shown

    def _close(self, session: Json) -> Json:
        if session["status"] != "open":
            raise ApiError(400, f"Only open sessions can be expired; this one is {session['status']}.")
        self._expire(session)
        return _public(session)

    def _refund(self, fields: Json) -> Json:
        _refuse_unknown(fields, REFUND_FIELDS)
        intent = self.intents.get(fields["payment_intent"])
        if intent is None:
            message = f"No such payment_intent: '{fields['payment_intent']}'"
            raise ApiError(404, message, param="payment_intent", code="resource_missing")
        if intent["status"] != "succeeded":
            raise ApiError(400, "This PaymentIntent does not have a successful charge to refund.")
        left = intent["amount_received"] - sum(
            refund["amount"]
            for refund in self.refunds.values()
            if refund["payment_intent"] == intent["id"] and refund["status"] in ("succeeded", "pending")
        )
        if left <= 0:
            raise ApiError(400, "The charge has already been refunded.", code="charge_already_refunded")
        amount = int(fields.get("amount", left))
        if not 0 < amount <= left:
            raise ApiError(
                400, f"Refund amount {amount} is greater than what is left, {left}.", param="amount"
            )
        number = f"re_{next(self._numbers):024d}"
        self.refunds[number] = {
            "id": number,
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "metadata": fields.get("metadata", {}),
            "payment_intent": intent["id"],
            "status": self.refund_status,
        }
        return self.refunds[number]

    def _current(self, session_id: str) -> Json:
        session = self.sessions.get(session_id)
        if session is None:
            raise ApiError(404, f"No such checkout.session: '{session_id}'", code="resource_missing")
        if session["status"] == "open" and self._is_over(session):
            self._expire(session)
        return session

    def _is_over(self, session: Json) -> bool:
        return bool(session["expires_at"] <= self.clock())

    def _expire(self, session: Json) -> Event:
        session.update(status="expired", url=None)
        return self._record("checkout.session.expired", session)

    def _record(self, kind: str, session: Json) -> Event:
        event = Event(f"evt_{next(self._numbers):024d}", kind, _public(session), int(self.clock()))
        self.events.append(event)
        return event


def nested(fields: Mapping[str, str]) -> Json:
    """Parse `a[b][0]=c` as {"a": {"b": {"0": "c"}}}."""
    tree: Json = {}
    for name, value in fields.items():
        *parents, last = re.findall(r"[^\[\]]+", name)
        branch = tree
        for step in parents:
            branch = branch.setdefault(step, {})
        branch[last] = value
    return tree


def _refuse_unknown(fields: Json, names: frozenset[str]) -> None:
    for name in fields:
        if name not in names:
            raise ApiError(400, f"Received unknown parameter: {name}", param=name, code="parameter_unknown")


def _add_up(items: list[Json]) -> tuple[int, str]:
    prices = [item["price_data"] for item in items]
    currency: str = prices[0]["currency"]
    if not currency.islower() or any(price["currency"] != currency for price in prices):
        raise ApiError(400, "All items are in one currency, in lower case.", param="line_items")
    if not all(price["product_data"]["name"] for price in prices):
        raise ApiError(400, "A product's name is empty.", param="line_items")
    amounts = [int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in items]
    step = 100 if currency in HUNDREDS else 10 if currency in TENS else 1
    if any(amount % step for amount in amounts):
        message = f"Amounts in {currency} are multiples of {step}."
        raise ApiError(400, message, code="invalid_charge_amount_no_decimal_compatible")
    if sum(amounts) < MIN_CHARGE:
        raise ApiError(400, "The total amount is too small.", code="amount_too_small")
    return sum(amounts), currency


def _public(session: Json) -> Json:
    return {name: value for name, value in session.items() if not name.startswith("_")}
