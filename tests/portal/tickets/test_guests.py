"""Guests on both databases: rows without an account, limits of an address, links, claims, corrections and deletion."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import pytest
from sqlalchemy import Table, select

from festgate.kit.clock import DAY, MINUTE
from festgate.kit.db.statements import Connection, Statement, metadata
from festgate.kit.errors import NotFound, SignInNeeded, TooMany
from festgate.kit.messaging import mail, mail_erasure
from festgate.portal import inventory
from festgate.portal.accounts import guest_claims, guest_finding, guest_links, guests
from festgate.portal.accounts.confirmation import MAX_EMAILS, confirm_address, may_email
from festgate.portal.accounts.corrections import correct_shown_email
from festgate.portal.accounts.deletion import delete_account, export_account
from festgate.portal.accounts.facade import GuestEntry, Limit, Person
from festgate.portal.accounts.guest_pages import use_link
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import find_candidate, find_person, find_visitor, person_by_id
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries as orders
from festgate.portal.checkout.placements import place_order
from festgate.portal.composition import personal_records
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.guests import (
    AddressRegistered,
    GuestForm,
    GuestRegistration,
    TooManyForGuest,
    register_guest,
)
from festgate.portal.registrations.holders import Holder
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.registrations.limits import UNCONFIRMED_HOLD_MINUTES, Terms
from festgate.portal.tickets import queries
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.issue import issue_ticket
from festgate.portal.tickets.transfers import transfer_ticket
from tests.portal.tickets.fest import FEST, HOLD_MINUTES, SECRET, Fest
from tests.rig.database import OpenDatabase
from tests.rig.interrupted import InterruptedDriver
from tests.rig.scene import add_event

ASHA = GuestEntry("Asha Rao", "asha@example.org")
UNPROVEN = Terms(is_confirmed=False, is_guest=True)
RECORDS = personal_records()
GENEROUS = Limit("an address", 1000)
KEYS = count(1)
_queue = Statement(select(mail.messages.c.attachments).order_by(mail.messages.c.id))


def register(
    fest: Fest,
    event: catalogue.Event,
    entry: GuestEntry = ASHA,
    key: str = "",
    choice: Choice | None = None,
) -> GuestRegistration:
    """Register in a new browser, or with the form of that key."""
    form = GuestForm(entry, key or f"form {next(KEYS)}")
    return fest.database.write(register_guest, SECRET, form, event.slug, HOLD_MINUTES, UNPROVEN, choice)


def person_of(fest: Fest, registration: GuestRegistration) -> Person:
    return fest.database.read(person_by_id, registration.session.person)


def pay(fest: Fest, registration: GuestRegistration) -> None:
    fest.pay(fest.order(person_of(fest, registration)))
    fest.deliver()


def sign_up(fest: Fest, username: str = "asha", email: str = ASHA.email) -> Person:
    return fest.database.write(add_person, Newcomer(username, email), "no password")


def links(fest: Fest) -> list[str]:
    """Return the links of all emails that work now."""
    rows = fest.database.read(lambda connection: connection.all(_queue))
    make = partial(guest_links.make_link, secret=SECRET, base_url=FEST.base_url)
    listed = [
        fest.database.read(make, *part["arguments"])
        for (parts,) in rows
        for part in json.loads(parts)
        if part.get("kind") == guest_links.LINK_KIND
    ]
    return [link for link in listed if link is not None]


def token_of(link: str) -> str:
    return link.partition("token=")[2].partition("&")[0]


def open_link(fest: Fest, link: str) -> int:
    """Open the link in a new browser, and return whose orders it shows."""
    session = fest.database.write(use_link, token_of(link), "", RECORDS)
    fest.deliver()
    return session.person


def codes_of(fest: Fest, person_id: int) -> set[str]:
    return set(fest.database.read(queries.codes_by_seat, person_id).values())


def rows_of(fest: Fest, table: Table) -> list[tuple[object, ...]]:
    statement = Statement(select(table))
    return fest.database.read(lambda connection: connection.all(statement))


def check(fest: Fest) -> None:
    assert [finding for rule in inventory.checks() for finding in fest.database.report(rule)] == []


def test_a_guest_is_nobody_who_can_sign_in_and_leaves_the_address_to_a_later_account(fest: Fest) -> None:
    guest = person_of(fest, register(fest, fest.event("Talk")))
    assert guest.is_guest
    assert (guest.shown_name, guest.email) == ("Asha Rao", "asha@example.org")
    for name in ("asha@example.org", "Asha Rao"):
        assert fest.database.read(find_candidate, name) is None
    account = sign_up(fest)
    assert fest.database.read(find_person, "asha@example.org") == account
    check(fest)


def test_every_browser_sees_only_what_it_has_bought_itself(fest: Fest) -> None:
    first, second = register(fest, fest.event("Talk")), register(fest, fest.event("Gala"))
    assert first.session.person != second.session.person
    visitor = fest.database.read(find_visitor, second.session.token)
    assert visitor is not None
    assert visitor.is_guest
    assert [seat.title for seat in fest.database.read(registrations.live_seats, visitor.person)] == ["Gala"]


def test_an_address_has_as_many_seats_at_an_event_as_one_person(fest: Fest) -> None:
    event = fest.event("Talk", fee=45_000)
    seat = register(fest, event).seats[0]
    assert seat.held_until == fest.database.clock.now + UNCONFIRMED_HOLD_MINUTES * MINUTE
    with pytest.raises(AddressRegistered):
        register(fest, event, GuestEntry("Somebody", "ASHA@example.org"))
    fest.database.clock.move(UNCONFIRMED_HOLD_MINUTES * MINUTE)
    assert register(fest, event).seats[0].state == "held"
    check(fest)


def test_the_seats_of_all_browsers_of_an_unconfirmed_address_are_counted_together(fest: Fest) -> None:
    for title in ("One", "Two", "Three"):
        register(fest, fest.event(title))
    with pytest.raises(TooManyForGuest, match="you can have 3 seats"):
        register(fest, fest.event("Four"))


def test_a_second_click_finds_the_seats_of_the_first(fest: Fest) -> None:
    event = fest.event("Talk", fee=45_000)
    first, second = register(fest, event, key="a form"), register(fest, event, key="a form")
    assert second.session.person == first.session.person
    assert [seat.id for seat in second.seats] == [seat.id for seat in first.seats]
    assert second.session.token != first.session.token
    fest.database.clock.move(guests.SECOND_CLICK)
    with pytest.raises(AddressRegistered):
        register(fest, event, key="a form")


def test_purchases_with_one_mailbox_are_limited(fest: Fest) -> None:
    for number in range(guests.MAX_CHECKOUTS):
        entry = GuestEntry("Asha Rao", f"asha+{number}@example.org")
        fest.database.write(guests.admit_guest, SECRET, entry, f"form {next(KEYS)}")
    with pytest.raises(TooMany):
        fest.database.write(guests.admit_guest, SECRET, ASHA, f"form {next(KEYS)}")


def test_a_promo_code_counts_the_uses_of_an_address(fest: Fest) -> None:
    terms = catalogue.CodeTerms("percentage", 5000, max_per_person=1)
    fest.database.write(catalogue.create_code, "HALF", terms)
    choice = Choice(None, code="HALF")
    register(fest, fest.event("Talk", fee=45_000), choice=choice)
    with pytest.raises(catalogue.CodeNotValid):
        register(fest, fest.event("Gala", fee=45_000), choice=choice)
    check(fest)


def test_the_order_opens_by_a_link_that_is_stored_nowhere(fest: Fest) -> None:
    bought = register(fest, fest.event("Talk", fee=45_000))
    pay(fest, bought)
    (link,) = links(fest)
    assert link.startswith("https://fest.example/guest/open?token=")
    order = fest.database.read(orders.orders_of, bought.session.person)[0]
    assert link.endswith(f"&next=/orders/{order.ref}")
    for table in metadata.tables.values():
        assert token_of(link) not in repr(rows_of(fest, table)), table.name
    assert open_link(fest, link) == bought.session.person
    assert person_of(fest, bought).is_confirmed
    check(fest)


def test_a_link_ends_by_its_time_and_by_hand(fest: Fest) -> None:
    event = fest.event("Talk")
    bought = register(fest, event)
    fest.deliver()
    (link,) = links(fest)
    fest.database.clock.move(event.ends_at + guest_links.LIFE - fest.database.clock.now - 1)
    assert links(fest) == [link]
    fest.database.clock.move(1)
    with pytest.raises(guest_links.GuestLinkOver):
        open_link(fest, link)
    fest.database.write(guest_finding.find_tickets, "Asha@Example.org", GENEROUS, SECRET, FEST)
    (fresh,) = links(fest)
    fest.database.write(guests.end_guest_access, bought.session.person)
    assert links(fest) == []
    with pytest.raises(guest_links.GuestLinkOver):
        open_link(fest, fresh)
    assert fest.database.read(find_visitor, bought.session.token) is None


def test_an_unconfirmed_account_claims_nothing_and_a_confirmed_one_all_of_its_address(fest: Fest) -> None:
    paid, free = register(fest, fest.event("Talk", fee=45_000)), register(fest, fest.event("Gala"))
    other = register(fest, fest.event("Race"), GuestEntry("Boris", "boris@example.org"))
    pay(fest, paid)
    codes = codes_of(fest, paid.session.person) | codes_of(fest, free.session.person)
    assert len(codes) == 2
    account = sign_up(fest)
    assert fest.database.write(guest_claims.claim_guests, account.id, RECORDS) == 0
    assert codes_of(fest, account.id) == set()

    fest.database.write(confirm_address, account.id)
    fest.deliver()
    assert codes_of(fest, account.id) == codes
    assert [order.state for order in fest.database.read(orders.orders_of, account.id)] == ["paid"]
    for bought in (paid, free):
        assert codes_of(fest, bought.session.person) == set()
        assert fest.database.read(find_visitor, bought.session.token) is None
        assert person_of(fest, bought).is_deleted
    assert len(codes_of(fest, other.session.person)) == 1
    assert links(fest)[0].endswith(f"/tickets/{codes_of(fest, other.session.person).pop()}")
    assert fest.database.write(guest_claims.claim_guests, account.id, RECORDS) == 0
    check(fest)


def test_an_account_with_a_seat_of_its_own_keeps_both(fest: Fest) -> None:
    event = fest.event("Talk")
    terms = catalogue.CodeTerms("percentage", 5000, max_per_person=1)
    fest.database.write(catalogue.create_code, "HALF", terms)
    gala = fest.event("Gala", fee=45_000)
    account = sign_up(fest)
    fest.database.write(confirm_address, account.id)
    fest.deliver()
    for chosen, code in ((event, ""), (gala, "HALF")):
        choice = Choice(None, code=code)
        fest.database.write(hold_seats, account.id, chosen.slug, HOLD_MINUTES, choice=choice)
        register(fest, chosen, choice=choice)
    assert fest.database.write(guest_claims.claim_guests, account.id, RECORDS) == 2
    fest.deliver()
    assert [seat.title for seat in fest.database.read(registrations.live_seats, account.id)] == [
        "Talk",
        "Talk",
        "Gala",
        "Gala",
    ]
    check(fest)


def test_a_link_gathers_what_other_browsers_have_bought_with_the_address(fest: Fest) -> None:
    first, second = register(fest, fest.event("Talk")), register(fest, fest.event("Gala", fee=45_000))
    fest.deliver()
    (link,) = links(fest)
    assert open_link(fest, link) == first.session.person
    seats = fest.database.read(registrations.live_seats, first.session.person)
    assert sorted(seat.title for seat in seats) == ["Gala", "Talk"]
    with pytest.raises(SignInNeeded):
        fest.database.write(guests.lock_guest, second.session.person)
    check(fest)


def test_finding_tickets_sends_a_link_only_to_a_guest_and_not_too_often(fest: Fest) -> None:
    register(fest, fest.event("Talk"))
    fest.deliver()
    sign_up(fest, "boris", "boris@example.org")
    for email in ("boris@example.org", "nobody@example.org"):
        fest.database.write(guest_finding.find_tickets, email, GENEROUS, SECRET, FEST)
    assert len(links(fest)) == 1
    for _ in range(guest_finding.MAX_EMAILS + 2):
        fest.database.write(guest_finding.find_tickets, ASHA.email, GENEROUS, SECRET, FEST)
    assert len(links(fest)) == 1 + guest_finding.MAX_EMAILS
    guesser = Limit("a guesser", 1)
    fest.database.write(guest_finding.find_tickets, "a@example.org", guesser, SECRET, FEST)
    with pytest.raises(TooMany):
        fest.database.write(guest_finding.find_tickets, "b@example.org", guesser, SECRET, FEST)


def test_a_corrected_address_of_a_guest_is_no_change_of_the_account_with_that_name(fest: Fest) -> None:
    namesake = sign_up(fest, "meena", "meena@example.org")
    bought = register(fest, fest.event("Talk"), GuestEntry("meena", "mena@example.org"))
    fest.deliver()
    (typo,) = links(fest)
    fest.database.write(
        correct_shown_email, bought.session.person, "meena@example.org", "mena@example.org", SECRET, FEST
    )
    fest.deliver()
    assert fest.database.read(person_by_id, namesake.id) == namesake
    guest = person_of(fest, bought)
    assert (guest.email, guest.is_confirmed) == ("meena@example.org", False)
    with pytest.raises(guest_links.GuestLinkOver):
        open_link(fest, typo)
    assert [to for _, to, _, _ in fest.emails()][-1] == "meena@example.org"
    assert open_link(fest, links(fest)[-1]) == guest.id
    check(fest)


def test_a_guest_downloads_and_deletes_nothing_of_an_account_with_the_same_address(fest: Fest) -> None:
    sign_up(fest)
    fest.database.write(
        lambda connection: mail.post(connection, "a secret", ASHA.email, "A secret", "Of the account")
    )
    bought = register(fest, fest.event("Talk"))
    fest.deliver()
    exported = fest.database.report(export_account, bought.session.person, RECORDS)
    assert exported["emails"] == []
    assert [seat["title"] for seat in exported["registrations"]] == ["Talk"]  # type: ignore[attr-defined]
    stored = fest.database.report(mail_erasure.find_emails_to, ASHA.email)
    fest.database.write(delete_account, bought.session.person, RECORDS, stored)
    fest.deliver()
    assert "A secret" in fest.subjects()
    assert person_of(fest, bought).is_deleted
    assert person_of(fest, bought).is_guest
    assert fest.database.read(registrations.live_seats, bought.session.person) == []
    with pytest.raises(NotFound):
        fest.database.read(guests.guest_to_delete, bought.session.person)
    check(fest)


def test_emails_to_the_mailbox_of_unproven_guests_are_few(fest: Fest) -> None:
    with_mail = FEST.model_copy(update={"confirm_email": "on"})
    bought = [register(fest, fest.event(str(number))) for number in range(3)]
    allowed = [
        fest.database.write(may_email, person_of(fest, taken), with_mail, SECRET)
        for taken in (*bought, *bought)
    ]
    assert allowed == [True] * MAX_EMAILS + [False] * (len(allowed) - MAX_EMAILS)
    fest.database.clock.move(DAY)
    assert fest.database.write(may_email, person_of(fest, bought[0]), with_mail, SECRET)


def test_one_address_in_two_processes_gets_one_seat(two_databases: tuple[OpenDatabase, OpenDatabase]) -> None:
    database, other_database = two_databases
    event = add_event(database, fee=45_000)
    outcomes: list[object] = []

    def operation(connection: Connection, key: str) -> GuestRegistration:
        return register_guest(
            connection, SECRET, GuestForm(ASHA, key), event.slug, HOLD_MINUTES, UNPROVEN, None
        )

    def first_meets_second(connection: Connection) -> GuestRegistration:
        # The other process registers between the reads of this one and its first change.
        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "accounts_attempts",
            lambda: outcomes.append(other_database.write(operation, "the other browser")),
        )
        return operation(Connection(driver, connection.now), "this browser")

    with pytest.raises(AddressRegistered):
        database.write(first_meets_second)
    assert len(outcomes) == 1
    assert [finding for rule in inventory.checks() for finding in database.report(rule)] == []


def test_the_same_form_in_two_processes_is_one_purchase(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    event = add_event(database, fee=45_000)
    others: list[GuestRegistration] = []

    def operation(connection: Connection) -> GuestRegistration:
        return register_guest(
            connection, SECRET, GuestForm(ASHA, "a form"), event.slug, HOLD_MINUTES, UNPROVEN, None
        )

    def twice(connection: Connection) -> GuestRegistration:
        driver = InterruptedDriver(
            database.real._engine.writer,  # noqa: SLF001
            "accounts_attempts",
            lambda: others.append(other_database.write(operation)),
        )
        return operation(Connection(driver, connection.now))

    taken = database.write(twice)
    assert [seat.id for seat in taken.seats] == [seat.id for seat in others[0].seats]


def prepare_claim(fest: Fest) -> tuple[GuestRegistration, Person]:
    """Return a guest with an unpaid seat, and a confirmed account with the same address."""
    account = sign_up(fest)
    fest.database.write(confirm_address, account.id)
    fest.deliver()
    return register(fest, fest.event("Talk", fee=45_000)), account


def meanwhile(
    database: OpenDatabase, table: str, action: Callable[[], object], after: str = ""
) -> Callable[[Connection], Connection]:
    """Return a function that lets another process act before the first statement about the table."""

    def interrupted(connection: Connection) -> Connection:
        driver = InterruptedDriver(database.real._engine.writer, table, action, after=after)  # noqa: SLF001
        return Connection(driver, connection.now)

    return interrupted


def test_seats_that_are_claimed_meanwhile_get_no_order_of_the_guest(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = Fest(database)
    bought, account = prepare_claim(fest)
    interrupted = meanwhile(
        database,
        "checkout_orders",
        lambda: other_database.write(guest_claims.claim_guests, account.id, RECORDS),
        after="registrations_seats",
    )

    def place(connection: Connection) -> object:
        return place_order(
            interrupted(connection), bought.session.person, "sandbox", DAY, "a key", asks=False
        )

    with pytest.raises(registrations.SeatsGone):
        database.write(place)
    assert [seat.title for seat in database.read(registrations.payable_seats, account.id)] == ["Talk"]
    check(fest)


def test_a_ticket_that_is_issued_while_its_seat_is_claimed_belongs_to_the_account(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = Fest(database)
    bought, account = prepare_claim(fest)
    fest.pay(fest.order(person_of(fest, bought)))
    stale = database.read(registrations.seat, bought.seats[0].id)
    interrupted = meanwhile(
        database,
        "tickets_tickets",
        lambda: other_database.write(guest_claims.claim_guests, account.id, RECORDS),
    )
    database.write(lambda connection: issue_ticket(interrupted(connection), stale))
    fest.deliver()
    assert len(codes_of(fest, account.id)) == 1
    check(fest)


def test_a_guest_that_is_claimed_meanwhile_gets_no_more_seats(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = Fest(database)
    bought, account = prepare_claim(fest)
    gala = fest.event("Gala")
    interrupted = meanwhile(
        database,
        "accounts_people",
        lambda: other_database.write(guest_claims.claim_guests, account.id, RECORDS),
    )

    def hold(connection: Connection) -> list[int]:
        return hold_seats(interrupted(connection), bought.session.person, gala.slug, HOLD_MINUTES, UNPROVEN)

    with pytest.raises(SignInNeeded):
        database.write(hold)
    check(fest)


def test_two_claims_of_one_address_move_everything_once(
    two_databases: tuple[OpenDatabase, OpenDatabase],
) -> None:
    database, other_database = two_databases
    fest = Fest(database)
    bought, account = prepare_claim(fest)
    fest.deliver()
    with ThreadPoolExecutor(2) as threads:
        counts = [
            threads.submit(process.write, guest_claims.claim_guests, account.id, RECORDS)
            for process in (database, other_database)
        ]
    assert sum(count.result() for count in counts) == 1
    assert person_of(fest, bought).is_deleted
    check(fest)


@pytest.mark.parametrize("fee", [0, 45_000], ids=["free", "paid"])
def test_the_name_of_a_guest_stands_on_the_only_ticket_of_an_event_that_needs_names(
    fest: Fest, fee: int
) -> None:
    rules = catalogue.HolderRules("required", 0, has_transfers=True, transfers_until=0)
    event = fest.database.write(catalogue.set_holder_rules, fest.event("Talk", fee=fee).slug, rules)
    seat = register(fest, event).seats[0]
    assert (seat.attendee_name, seat.needs_name) == ("Asha Rao", False)
    assert seat.state == ("held" if fee else "confirmed")
    fest.deliver()
    check(fest)


def test_a_ticket_that_comes_back_to_a_guest_opens_by_a_link(fest: Fest) -> None:
    bought = register(fest, fest.event("Talk"))
    fest.deliver()
    emails = TicketEmails(FEST, SECRET).holders
    (code,) = codes_of(fest, bought.session.person)
    for holder in (Holder("Boris", "boris@example.org"), Holder("Asha Rao", ASHA.email)):
        moved = fest.database.write(transfer_ticket, bought.session.person, code, holder, emails)
        code = moved.code
    _, last = links(fest)
    assert last.endswith(f"&next=/tickets/{code}")
    assert open_link(fest, last) == bought.session.person
    check(fest)
