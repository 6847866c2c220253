"""Selling at the box office on a phone without JavaScript: at most four clicks, and the pages of the cash count."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.portal.registrations.phone_fest import Fest, phone_at, served_fest, sign_in
from tests.rig.hand import Hand

MAX_CLICKS = 4
MAX_SECONDS = 30


def prepare(data: Path) -> tuple[Guest, list[Guest]]:
    with before_opening(data) as database:
        race = database.write(announce, "Robo Race", fee=45_000)
        (kind,) = database.read(catalogue.types_of, race.id)
        standard = replace(kind.details, name="Standard", max_per_order=4)
        database.write(catalogue.edit_ticket_type, race.slug, kind.id, standard, registrations.count_of_type)
        crew = catalogue.TypeDetails("Student", Money(20_000, "INR"), max_per_order=4)
        database.write(catalogue.add_ticket_type, race.slug, crew)
        organiser = database.write(invite_one, "meena", "owner")
        return organiser, [database.write(invite_one, "ravi", "box-office")]


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    with served_fest(tmp_path_factory.mktemp("sold") / "data", prepare) as served:
        yield served


def check(page: Page) -> None:
    """Check that the page is not wider than the phone."""
    assert page.locator("html").evaluate("page => page.scrollWidth <= window.innerWidth")


def test_a_ticket_is_sold_in_four_clicks_and_thirty_seconds_and_its_shift_is_closed(
    fest: Fest, browser: Browser
) -> None:
    with phone_at(fest, browser) as page:
        sign_in(page, fest, fest.people[0])
        page.goto("/organise/box-office")
        check(page)
        hand = Hand(page)
        hand.click(page.get_by_role("link", name="Robo Race: Student"))
        expect(page.get_by_role("button", name="Sell")).to_be_visible()
        check(page)
        hand.click(page.get_by_role("radio", name="UPI"))
        hand.click(page.get_by_role("button", name="Sell"))
        expect(page.get_by_role("heading", name="Sold")).to_be_visible()
        expect(page.get_by_role("img", name="QR code of ticket")).to_have_count(1)
        check(page)
        hand.click(page.get_by_role("button", name="Check in 1 guest now"))
        expect(page.get_by_text("Checked in", exact=True)).to_be_visible()
        assert hand.clicks <= MAX_CLICKS
        assert hand.seconds <= MAX_SECONDS
        hand = Hand(page)
        hand.click(page.get_by_role("link", name="Next sale"))
        hand.select("Standard", "2")
        hand.fill("Cash received", "1000", exact=False)
        hand.click(page.get_by_role("button", name="Sell"))
        assert hand.seconds <= MAX_SECONDS
        expect(page.get_by_text("Give ₹100.00 change.")).to_be_visible()
        page.get_by_text("Take this sale back").click()
        expect(page.get_by_text("You give back ₹900.00 in cash")).to_be_visible()
        check(page)
        page.get_by_role("button", name="Take the sale back").click()
        expect(page.get_by_role("heading", name="Taken back")).to_be_visible()
        page.goto("/organise/box-office/shift")
        check(page)
        page.get_by_label("Cash counted, in INR").fill("0")
        page.get_by_role("button", name="Close the shift").click()
        expect(page.get_by_role("heading", name="Cash count")).to_be_visible()
        check(page)
        sign_in(page, fest, fest.organiser)
        page.goto("/organise/box-office/shifts")
        expect(page.get_by_text("Agrees")).to_be_visible()
        check(page)
