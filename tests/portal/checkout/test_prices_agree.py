"""Seat, checkout, order, receipt, email and API show the same price and the same tax, whatever is sold."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from festgate.kit.db.statements import Connection
from festgate.kit.money import Money, total
from festgate.kit.writing import Writing
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.offers import Offer
from festgate.portal.catalogue.prices import MAX_RATE, tax_within, taxes_by_rate
from festgate.portal.catalogue.ticket_offers import ticket_offers
from festgate.portal.checkout.api import OrderOutput
from festgate.portal.checkout.checks import check_money
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations import queries
from festgate.portal.registrations.api import Registration
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from tests.portal.checkout.test_order_machine import DELETE_ALL
from tests.portal.tickets.fest import FEST, Fest
from tests.rig.database import OpenDatabase

CODES = st.one_of(
    st.builds(catalogue.CodeTerms, st.just("percentage"), st.integers(1, MAX_RATE - 1)),
    st.builds(catalogue.CodeTerms, st.just("amount"), st.integers(1, 9_000), st.just("INR")),
)
SOLD = st.tuples(
    st.integers(10_000, 10**6), st.integers(0, MAX_RATE), st.booleans(), st.none() | CODES, st.integers(1, 3)
)
"""The fee of an event, its tax rate, whether that is on top, its promo code, and the number of tickets."""


def test_every_place_shows_the_price_and_the_tax_that_the_page_showed(database: OpenDatabase) -> None:
    @settings(
        max_examples=25 if database.dialect == "sqlite" else 6,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(sold=st.lists(SOLD, min_size=1, max_size=3))
    def agree(sold: list[tuple[int, int, bool, catalogue.CodeTerms | None, int]]) -> None:
        for statement in DELETE_ALL:
            database.write(Connection.run, statement)
        fest = Fest(database)
        asha = fest.person()
        prices: list[Money] = []
        taxes: list[tuple[int, Money]] = []
        for number, (fee, rate, is_on_top, terms, count) in enumerate(sold):
            event = fest.event(f"Event {number}", fee)
            (only,) = database.read(catalogue.types_of, event.id)
            details = replace(only.details, tax_rate=rate, has_tax_on_top=is_on_top, max_per_order=3)
            database.write(catalogue.limit_per_person, event.slug, 3)
            database.write(catalogue.edit_ticket_type, event.slug, only.id, details, queries.count_of_type)
            code = None
            if terms is not None:
                own = replace(terms, event_id=event.id)
                code = database.write(catalogue.create_code, f"CODE{number}", own)
            types = database.read(catalogue.types_of, event.id)
            (page,) = ticket_offers(event, types, Offer("open", 200, 0), database.clock(), "", code)
            # What the page shows is what the form sends, and nothing else is held.
            choice = Choice({only.id: count}, code=code.code if code else "", shown={only.id: page.fee.minor})
            if page.is_reduced or code is None:
                held = database.write(hold_seats, asha.id, event.slug, 15, choice=choice)
            else:  # a code that rounds to nothing is not for the ticket
                held = database.write(hold_seats, asha.id, event.slug, 15, choice=replace(choice, code=""))
            for seat_id in held:
                seat = database.read(registrations.seat, seat_id)
                shown_tax = page.tax.amount if page.tax else Money(0, "INR")
                assert (seat.fee, seat.tax) == (page.fee, shown_tax) == (page.fee, tax_within(page.fee, rate))
                answer = Registration.of(seat)
                assert (answer.fee.minor, answer.tax.minor) == (seat.fee.minor, seat.tax.minor)
                prices.append(seat.fee)
                taxes.append((rate, seat.tax))
        order = fest.pay(fest.order(asha))
        assert order.total == total(prices, "INR")
        assert order.taxes == taxes_by_rate(taxes)
        answer_of_order = OrderOutput.of(order)
        assert answer_of_order.total.minor == sum(line.fee.minor for line in answer_of_order.lines)
        assert sorted(line.tax.minor for line in answer_of_order.lines) == sorted(
            tax.minor for _, tax in taxes
        )
        fest.deliver()
        writing = Writing(FEST)
        (email,) = [body for _, _, _, body in fest.emails() if order.ref in body]
        assert writing.money(order.total) in email
        for shown_rate, tax in order.taxes:
            assert f"{writing.money(tax)} tax ({shown_rate} %)" in " ".join(email.split())
        assert database.violations((*CHECKS, check_money)) == []

    agree()
