"""The HTML of receipt, my-events and ticket, and the JSON of the API, agree with the database."""

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
from festgate.portal.registrations.my_events import ListedSeat
from festgate.portal.tickets import facade as tickets
from tests.portal.checkout.test_pages_agree import PagesMachine
from tests.portal.tickets.fest import FEST
from tests.rig.database import OpenDatabase
from tests.rig.served import served

STAMPS = {
    "pending": "Waiting",
    "paid": "Paid",
    "declined": "Declined",
    "cancelled": "Cancelled",
    "expired": "Expired",
    "refunding": "Refund due",
    "refunded": "Refunded",
}
ENDINGS = {
    "event": "Event cancelled",
    "organiser": "Cancelled by the organisers",
    "order": "Cancelled with its order",
}
SECTION_OF_STATE = {"held": "held", "confirmed": "confirmed", "cancelled": "over", "lapsed": "over"}
"""The section of my-events for each state of a seat."""
SECTIONS = re.compile(r'<section class="stack" aria-labelledby="(\w+)">(.*?)</section>', re.DOTALL)
CARDS = re.compile(r'<li class="card.*?</li>', re.DOTALL)
ROWS = re.compile(r'<tr><th scope="row">(.*?)</td></tr>', re.DOTALL)
REFUNDS = re.compile(r"<dt>Refund</dt><dd>(.*?)</dd>", re.DOTALL)


def text_of_html(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


class RenderedPagesMachine(PagesMachine):
    """The machine of the view models, which fetches and checks every page at the end of each example."""

    url: ClassVar[str]

    def teardown(self) -> None:
        if not hasattr(self, "fest"):
            return
        self.fest.deliver()
        cookie, self.token = (
            self.database.write(open_session, self.asha.id, kind).token for kind in ("cookie", "token")
        )
        with httpx.Client(
            base_url=self.url, cookies={SESSION_COOKIE: cookie}, trust_env=False, verify=False
        ) as self.browser:
            self.read_all()

    def read_all(self) -> None:
        codes = self.database.read(tickets.codes_by_seat, self.asha.id)
        for order in self.database.read(queries.orders_of, self.asha.id):
            self.read_receipt(order, codes)
        self.read_my_events(codes)
        for ticket in self.database.read(tickets.tickets_of, self.asha.id):
            page = self.get_page(f"/tickets/{ticket.code}")
            seat = self.database.read(registrations.seat, ticket.seat_id)
            valid = seat.state == "confirmed"
            assert ('class="qr"' in page) == valid
            assert ("Not valid" in page) != valid
            assert ENDINGS.get(seat.ended_by or "", "") in page

    def get_page(self, path: str) -> str:
        response = self.browser.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return response.text

    def call_api(self, path: str) -> Any:  # noqa: ANN401  (JSON)
        headers = {"authorization": f"Bearer {self.token}"}
        return (
            httpx.get(self.url + path, headers=headers, trust_env=False, verify=False)
            .raise_for_status()
            .json()
        )

    def read_receipt(self, order: Order, codes: Mapping[int, str]) -> None:
        page = self.get_page(f"/orders/{order.ref}")
        (stamp,) = re.findall(r'<p class="stamp [^>]*>([^<]+)</p>', page)
        assert stamp == STAMPS[order.state]
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
                assert ENDINGS.get(seat.ended_by or "", "") in row
        refunds = self.database.read(queries.refunds_of, order.id)
        for text, refund in zip(REFUNDS.findall(page), refunds, strict=True):
            check_refund(text, refund)
        assert ("Cancel this order" in page) == (order.state == "pending")
        payable = [self.database.read(registrations.seat, line.seat_id).payable for line in order.lines]
        assert ("Try again" in page) == (order.state == "declined" and any(payable))
        if order.paid_at is not None:
            assert "Nothing was charged" not in text_of_html(page)
        response = self.call_api(f"/api/v1/orders/{order.ref}")
        assert (response["state"], response["total"]["minor"]) == (order.state, order.total.minor)

    def read_my_events(self, codes: Mapping[int, str]) -> None:
        page = self.get_page("/my-events")
        cards = [
            (section_name, unescape(title), card)
            for section_name, section in SECTIONS.findall(page)
            for card in CARDS.findall(section)
            for title in re.findall(r'<h3 class="card-name"><a [^>]*>([^<]+)</a>', card)
        ]
        seats = self.database.read(registrations.seats_of, self.asha.id)
        assert len(cards) == len(seats)
        for section_name, title, card in cards:
            text = text_of_html(card)
            matching = [
                seat
                for seat in seats
                if seat.title == title
                and section_name
                in ({"held", "paying"} if seat.state == "held" else {SECTION_OF_STATE[seat.state]})
                and (section_name != "over" or ENDINGS.get(seat.ended_by or "", "") in text)
                and (section_name != "confirmed" or f"/tickets/{codes[seat.id]}" in card)
                and (section_name != "held" or seat.payable)
            ]
            assert matching, f"{section_name}: {text}"
        amount_due = sum(seat.fee.minor for seat in seats if seat.payable)
        assert bool(amount_due) == ('href="/checkout">Pay ' in page)
        response = self.call_api("/api/v1/registrations")
        assert {registration["id"]: registration["state"] for registration in response} == {
            seat.id: seat.state for seat in seats
        }


def check_refund(text: str, refund: Refund) -> None:
    assert text.startswith(refund.amount.shown(FEST.locale))
    assert text.partition(": ")[2].startswith("refunded ") == (refund.done_at is not None)
    assert unescape(text).endswith(refund.reason)


@pytest.fixture
def machine(database: OpenDatabase, tmp_path: Path) -> Iterator[type[RenderedPagesMachine]]:
    """Create the machine for a portal that serves this database."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings_of_fest = FEST.model_copy(
            update={
                "base_url": url,
                "data_dir": tmp_path / "fest",
                "database_url": "" if database.dialect == "sqlite" else database.url,
                "payment_methods": ("sandbox", "desk"),
            }
        )
        with served(create_app(settings_of_fest, clock=database.clock), listener):
            yield type("Machine", (RenderedPagesMachine,), {"database": database, "url": url})


def test_rendered_pages_and_the_api_agree_with_the_state(machine: type[RenderedPagesMachine]) -> None:
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


def test_the_comparison_reports_a_page_without_the_reason_why_a_seat_ended(
    machine: type[RenderedPagesMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = machine()
    pages.begin()
    pages.cancel_event(0)
    monkeypatch.setattr(ListedSeat, "ending", "Cancelled")
    with pytest.raises(AssertionError, match=r"over: .*Cancelled"):
        pages.teardown()
