"""The currency of the settings, and the currencies of a fest's amounts."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, StartupError
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.catalogue import events, queries
from festgate.portal.catalogue.details import Details
from festgate.portal.catalogue.errors import FeesSold
from festgate.portal.catalogue.files.rows import Conventions
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.imports import Options, import_sheet
from festgate.portal.checkout import placements
from festgate.portal.checkout.queries import orders_of
from festgate.portal.currency import refuse_other_currency
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import before_opening, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import check_out
from tests.rig.scene import add_someone
from tests.rig.server import Serve, festgate
from tests.rig.waiting import until


def add_event(database: OpenDatabase, fee: Money, title: str = "Robo Race") -> str:
    """Publish an event with that fee; return its slug."""
    now = database.clock()
    times = (now + 2 * DAY, now + 2 * DAY + HOUR, now - DAY, now + DAY)
    details = Details(title, "", "", "", "Hall 1", *times, fee, 10)

    def create_and_publish(connection: Connection) -> str:
        return events.publish_event(connection, events.create_event(connection, details).slug).slug

    return database.write(create_and_publish)


def place_order_at_desk(database: OpenDatabase, slug: str) -> None:
    """Hold a seat at the event, and place an order that waits for payment at the desk."""
    person = add_someone(database)
    database.write(hold_seat, person, slug, 15)
    database.write(placements.place_order, person, "desk", MINUTE, "key", asks=False)


def test_a_fest_without_fees_opens_in_any_currency(database: OpenDatabase) -> None:
    add_event(database, Money(0, "INR"))
    database.read(refuse_other_currency, "EUR")


def test_a_currency_other_than_that_of_the_events_is_refused_with_instructions(
    database: OpenDatabase,
) -> None:
    add_event(database, Money(45000, "INR"))
    with pytest.raises(StartupError) as refused:
        database.read(refuse_other_currency, "EUR")
    assert str(refused.value) == (
        "The currency is set to EUR, but 1 event of this fest is in INR. Money keeps the currency it was sold in: set "
        "FESTGATE_CURRENCY=INR, or change the fees with `festgate events set-currency EUR`, as nothing is sold yet."
    )
    database.read(refuse_other_currency, "INR")


def test_the_currency_cannot_change_after_the_first_order(database: OpenDatabase) -> None:
    place_order_at_desk(database, add_event(database, Money(45000, "INR")))
    with pytest.raises(
        StartupError, match=r"1 event and 1 order of this fest are in INR.*FESTGATE_CURRENCY=INR\.$"
    ):
        database.read(refuse_other_currency, "EUR")
    with pytest.raises(FeesSold, match="Robo Race"):
        database.write(events.set_currency, "EUR", COMMAND)


def test_a_fest_with_several_currencies_opens_in_each_of_them(database: OpenDatabase) -> None:
    add_event(database, Money(45000, "INR"))
    add_event(database, Money(1500, "EUR"), "Dance Battle")
    for currency in ("INR", "EUR"):
        database.read(refuse_other_currency, currency)
    with pytest.raises(StartupError):
        database.read(refuse_other_currency, "USD")


def test_set_currency_changes_all_fees_or_none(database: OpenDatabase) -> None:
    slug = add_event(database, Money(45000, "INR"))
    assert database.write(events.set_currency, "JPY", COMMAND) == 1
    assert database.read(queries.event_by_slug, slug).fee == Money(450, "JPY")
    add_event(database, Money(45050, "INR"), "Half a rupee")
    with pytest.raises(Invalid, match=r"half-a-rupee: .*decimals"):
        database.write(events.set_currency, "JPY", COMMAND)


def test_the_portal_does_not_start_in_a_currency_other_than_that_of_its_events(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "fest"
    assert festgate("events", "create", "Talk", "--fee", "450", data=data).returncode == 0
    refused = festgate("serve", "--port", "0", data=data, extra={"FESTGATE_CURRENCY": "EUR"})
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "FESTGATE_CURRENCY=INR" in refused.stderr
    assert festgate("events", "set-currency", "EUR", data=data).returncode == 0
    server = serve(data=data, extra={"FESTGATE_CURRENCY": "EUR"})
    until(server.running, "the portal is running")


def test_an_import_keeps_the_currency_of_an_event_that_has_a_fee(database: OpenDatabase) -> None:
    slug = add_event(database, Money(45000, "INR"))
    data = f"slug,title,fee\n{slug},Robo Race Finals,500\n,New,20\n".encode()
    sheet = read_sheet(data, Conventions(ZoneInfo("UTC"), "EUR"))
    database.write(import_sheet, sheet, Options(ZoneInfo("UTC"), "EUR"))
    fees = {event.title: event.fee for event in database.read(queries.all_events)}
    assert fees == {"Robo Race Finals": Money(50000, "INR"), "New": Money(2000, "EUR")}


def test_editing_a_title_does_not_change_the_currency_of_the_fee(tmp_path: Path, serve: Serve) -> None:
    """A fest of an older version may have several currencies; an event in rupees stays in rupees under EUR."""
    data = tmp_path / "fest"
    with before_opening(data) as database:
        organiser = database.write(invite_one, "meena", "organiser")
        slug = add_event(database, Money(45000, "INR"))
        add_event(database, Money(2000, "EUR"), "Talk")
    server = serve(data=data, extra={"FESTGATE_CURRENCY": "EUR"})
    with organiser.browser(server) as browser:
        page = browser.get(f"/organise/events/{slug}/edit").text
        assert "Fee in INR" in page
        fields = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', page)) | {"title": "Robo Race Finals"}
        assert browser.post(f"/organise/events/{slug}/edit", data=fields).status_code == 303
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        event = database.read(queries.event_by_slug, slug)
        assert (event.title, event.fee) == ("Robo Race Finals", Money(45000, "INR"))


def test_seats_in_two_currencies_have_two_totals_and_two_orders(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    with before_opening(data) as database:
        asha = database.write(invite_one, "asha")
        for fee, title in ((Money(45000, "INR"), "Robo Race"), (Money(2000, "EUR"), "Talk")):
            database.write(hold_seat, asha.id, add_event(database, fee, title), 15)
    server = serve(data=data, extra={"FESTGATE_CURRENCY": "EUR", "FESTGATE_PAYMENT_METHODS": "sandbox"})
    with asha.browser(server) as browser:
        assert "Pay €20.00 + ₹450.00" in browser.get("/my-events").text
        for amount, has_other_currency in (("Pay €20.00", True), ("Pay ₹450.00", False)):
            page = browser.get("/checkout").text
            assert (amount in page, "in another currency" in page) == (True, has_other_currency)
            assert check_out(browser, payment_method="sandbox").status_code == 303
        assert "Nothing to pay" in browser.get("/checkout").text
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        totals = [order.total for order in database.read(orders_of, asha.id)]
        assert totals == [Money(45000, "INR"), Money(2000, "EUR")]


def test_commands_refuse_a_second_currency(tmp_path: Path) -> None:
    data = tmp_path / "fest"
    euros = {"FESTGATE_CURRENCY": "EUR"}
    assert festgate("events", "create", "Robo Race", "--fee", "450", data=data).returncode == 0
    sheet = tmp_path / "events.csv"
    sheet.write_text("title,fee\nTalk,20\n")
    for words in (("create", "Talk", "--fee", "20"), ("import", str(sheet))):
        refused = festgate("events", *words, data=data, extra=euros)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert "FESTGATE_CURRENCY=INR" in refused.stderr
