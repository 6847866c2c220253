"""The HTML of receipt, my-events and ticket, and the JSON of the API, say what the database says."""

import re
import socket
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.accounts.sessions import open_session
from festgate.portal.app import create_app
from festgate.portal.checkout import queries
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.pages import ListedSeat
from festgate.portal.tickets import facade as tickets
from tests.portal.checkout.test_pages_agree import Pages
from tests.portal.tickets.fest import FEST
from tests.rig.database import OpenDatabase
from tests.rig.served import served

STAMP = {
    "pending": "Waiting",
    "paid": "Paid",
    "declined": "Declined",
    "cancelled": "Cancelled",
    "expired": "Expired",
    "refunding": "Refund due",
    "refunded": "Refunded",
}
ENDED = {
    "event": "Event cancelled",
    "organiser": "Cancelled by the organisers",
    "order": "Cancelled with its order",
}
PART = {"held": "held", "confirmed": "confirmed", "cancelled": "over", "lapsed": "over"}
"""By a seat's state: the section of my-events that shows it."""
SECTIONS = re.compile(r'<section class="stack" aria-labelledby="(\w+)">(.*?)</section>', re.DOTALL)
CARDS = re.compile(r'<li class="card.*?</li>', re.DOTALL)
ROWS = re.compile(r'<tr><th scope="row">(.*?)</td></tr>', re.DOTALL)
REFUNDS = re.compile(r"<dt>Refund</dt><dd>(.*?)</dd>", re.DOTALL)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


class RenderedPages(Pages):
    """The machine of the view models; at the end of each example a browser reads every page."""

    url: ClassVar[str]

    def teardown(self) -> None:
        if not hasattr(self, "fest"):
            return
        self.fest.deliver()
        cookie, self.token = (
            self.database.write(open_session, self.asha.id, kind).token for kind in ("cookie", "token")
        )
        with httpx.Client(
            base_url=self.url, cookies={SESSION_COOKIE: cookie}, trust_env=False
        ) as self.browser:
            self.read_all()

    def read_all(self) -> None:
        codes = self.database.read(tickets.codes_by_seat, self.asha.id)
        for order in self.database.read(queries.orders_of, self.asha.id):
            self.read_receipt(order, codes)
        self.read_my_events(codes)
        for ticket in self.database.read(tickets.tickets_of, self.asha.id):
            page = self.get(f"/tickets/{ticket.code}")
            seat = self.database.read(registrations.seat, ticket.seat_id)
            valid = seat.state == "confirmed"
            assert ('class="qr"' in page) == valid
            assert ("Not valid" in page) != valid
            assert ENDED.get(seat.ended_by or "", "") in page

    def get(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def call(self, path: str) -> Any:  # noqa: ANN401  (JSON)
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.get(self.url + path, headers=headers, trust_env=False).raise_for_status().json()

    def read_receipt(self, order: Order, codes: Mapping[int, str]) -> None:
        page = self.get(f"/orders/{order.ref}")
        (stamp,) = re.findall(r'<p class="stamp [^>]*>([^<]+)</p>', page)
        assert stamp == STAMP[order.state]
        *rows, total = ROWS.findall(page)
        assert total.endswith(order.total.shown(FEST.locale))
        assert len(rows) == len(order.lines)
        for row, line in zip(rows, order.lines, strict=True):
            seat = self.database.read(registrations.seat, line.seat_id)
            assert row.startswith(line.title)
            assert ("<s>" in row) == (line.dropped_at is not None)
            assert ("/tickets/" in row) == (line.seat_id in codes)
            if line.seat_id in codes:
                assert f"/tickets/{codes[line.seat_id]}" in row
            if seat.state == "cancelled" and line.dropped_at is not None:
                assert ENDED.get(seat.ended_by or "", "") in row
        refunds = self.database.read(queries.refunds_of, order.id)
        for said, refund in zip(REFUNDS.findall(page), refunds, strict=True):
            check_refund(said, refund)
        assert ("Cancel this order" in page) == (order.state == "pending")
        payable = [self.database.read(registrations.seat, line.seat_id).payable for line in order.lines]
        assert ("Try again" in page) == (order.state == "declined" and any(payable))
        if order.paid_at is not None:
            assert "Nothing was charged" not in text_of(page)
        answer = self.call(f"/api/v1/orders/{order.ref}")
        assert (answer["state"], answer["total"]["minor"]) == (order.state, order.total.minor)

    def read_my_events(self, codes: Mapping[int, str]) -> None:
        page = self.get("/my-events")
        shown = [
            (part, unescape(title), entry)
            for part, section in SECTIONS.findall(page)
            for entry in CARDS.findall(section)
            for title in re.findall(r'<h3 class="card-name"><a [^>]*>([^<]+)</a>', entry)
        ]
        seats = self.database.read(registrations.seats_of, self.asha.id)
        assert len(shown) == len(seats)
        for part, title, entry in shown:
            words = text_of(entry)
            fits = [
                seat
                for seat in seats
                if seat.title == title
                and part in ({"held", "paying"} if seat.state == "held" else {PART[seat.state]})
                and (part != "over" or ENDED.get(seat.ended_by or "", "") in words)
                and (part != "confirmed" or f"/tickets/{codes[seat.id]}" in entry)
                and (part != "held" or seat.payable)
            ]
            assert fits, f"{part}: {words}"
        due = sum(seat.fee.minor for seat in seats if seat.payable)
        assert bool(due) == ('href="/checkout">Pay ' in page)
        answer = self.call("/api/v1/registrations")
        assert {each["id"]: each["state"] for each in answer} == {seat.id: seat.state for seat in seats}


def check_refund(said: str, refund: Refund) -> None:
    assert said.startswith(refund.amount.shown(FEST.locale))
    assert said.partition(": ")[2].startswith("refunded ") == (refund.done_at is not None)
    assert unescape(said).endswith(refund.reason)


@pytest.fixture
def machine(database: OpenDatabase, tmp_path: Path) -> Iterator[type[RenderedPages]]:
    """The machine over a portal that serves this database."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        values = FEST.model_copy(
            update={
                "base_url": url,
                "data_dir": tmp_path / "fest",
                "database_url": "" if database.dialect == "sqlite" else database.url,
                "payment_methods": ("sandbox", "desk"),
            }
        )
        with served(create_app(values, clock=database.clock), listener):
            yield type("Machine", (RenderedPages,), {"database": database, "url": url})


def test_rendered_pages_and_the_api_agree_with_the_state(machine: type[RenderedPages]) -> None:
    examples = 25 if machine.database.dialect == "sqlite" else 3
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_comparison_reports_a_page_that_hides_why_a_seat_ended(
    machine: type[RenderedPages], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = machine()
    pages.begin()
    pages.cancel_event(0)
    monkeypatch.setattr(ListedSeat, "ending", "Cancelled")
    with pytest.raises(AssertionError, match=r"over: .*Cancelled"):
        pages.teardown()
