"""The numbers, money and notices of the dashboard, on both databases."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.messaging import mail
from festgate.kit.money import Money
from festgate.kit.roles import Role
from festgate.kit.visitors import Visitor
from festgate.kit.writing import Writing
from festgate.portal.backoffice.attention import Unavailable
from festgate.portal.backoffice.dashboard import Dashboard, Filters, read_dashboard
from festgate.portal.backoffice.overview import read_check_ins, read_overview
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import queries
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.refunds import refund_seat
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings
from tests.portal.checkout.factories import give_money_back, mark_order_paid
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

NO_FILTERS = Filters()


@pytest.fixture
def settings(tmp_path: Path, database: OpenDatabase) -> Settings:
    return Settings(data_dir=tmp_path, timezone="Asia/Kolkata", smtp_host="mail.example.org")


def look(
    database: OpenDatabase,
    settings: Settings,
    role: Role = "owner",
    person: int = 0,
    filters: Filters = NO_FILTERS,
    unavailable: tuple[Unavailable, ...] = (),
) -> Dashboard:
    writing = Writing(settings, database.clock)
    visitor = Visitor(person, "meena", "meena@example.org", role)
    return database.report(read_dashboard, visitor, filters, settings, unavailable, writing)


def texts(shown: Dashboard) -> str:
    return "\n".join(notice.text for notice in shown.notices)


def order_paid(database: OpenDatabase, event: catalogue.Event) -> str:
    """Buy a seat at the desk; return the reference of the order."""
    person = add_someone(database)
    database.write(hold_seat, person, event.slug, 15)
    order, _ = database.write(place_order, person, "desk", HOUR, "key", asks=False)
    database.write(mark_order_paid, order.ref, add_someone(database))
    return order.ref


def test_the_dashboard_sums_seats_and_money(database: OpenDatabase, settings: Settings) -> None:
    paid, free = add_event(database, fee=45_000), add_event(database, fee=0)
    first, _ = order_paid(database, paid), order_paid(database, paid)
    waiting = add_someone(database)
    database.write(hold_seat, waiting, paid.slug, 15)
    database.write(place_order, waiting, "desk", HOUR, "key", asks=False)
    database.write(hold_seat, add_someone(database), free.slug, 15)
    shown = look(database, settings)
    assert (shown.numbers.sold, shown.numbers.held, shown.numbers.free) == (3, 1, 16)
    assert shown.money is not None
    assert shown.money.sums.received == (Money(90_000, "INR"),)
    assert shown.money.sums.expected == (Money(45_000, "INR"),)
    order = database.read(queries.order_by_ref, first)
    database.write(refund_seat, order, order.lines[0].seat_id, "It was cancelled.")
    due = look(database, settings).money
    assert due is not None
    assert (due.sums.refunded, due.sums.due) == ((), (Money(45_000, "INR"),))
    database.write(give_money_back, first, add_someone(database))
    after = look(database, settings).money
    assert after is not None
    assert (after.sums.refunded, after.sums.due) == ((Money(45_000, "INR"),), ())
    (by_event,) = after.events
    assert (by_event.name, by_event.sums.refunded) == (paid.title, (Money(45_000, "INR"),))
    assert [bar.name for bar in after.methods] == ["Desk"]
    assert after.days[0].rows[-1].values == ("₹900.00", "₹450.00")


def test_an_ended_hold_is_free_again_on_the_dashboard(database: OpenDatabase, settings: Settings) -> None:
    event = add_event(database)
    database.write(hold_seat, add_someone(database), event.slug, 15)
    assert look(database, settings).numbers.held == 1
    database.clock.move(16 * MINUTE)
    shown = look(database, settings)
    assert (shown.numbers.held, shown.numbers.free) == (0, 10)


def test_money_is_shown_only_with_its_permission(database: OpenDatabase, settings: Settings) -> None:
    order_paid(database, add_event(database))
    for role, sees in (("treasurer", True), ("organiser", True), ("box-office", False), ("lead", False)):
        shown = look(database, settings, role)  # type: ignore[arg-type]
        assert (shown.money is not None) is sees
        assert sees or not any(line.money for line in shown.lines)


def test_a_lead_sees_the_assigned_events_only(database: OpenDatabase, settings: Settings) -> None:
    own, other = add_event(database), add_event(database, capacity=1)
    lead = add_someone(database)
    database.write(catalogue.assign_events, lead, [own.id])
    database.write(hold_seat, add_someone(database), other.slug, 15)
    shown = look(database, replace_mail(settings), "lead", lead)
    assert [line.slug for line in shown.lines] == [own.slug]
    assert shown.numbers.held == 0
    assert not shown.notices


def replace_mail(settings: Settings) -> Settings:
    return settings.model_copy(update={"smtp_host": ""})


def test_events_are_filtered_by_words_day_category_and_state(
    database: OpenDatabase, settings: Settings
) -> None:
    first, second = add_event(database, title="Café Müller"), add_event(database, title="Chess", days=3)
    details = replace(catalogue.details_of(second), category="Sports")
    database.write(catalogue.edit_event, second.slug, details)
    database.write(catalogue.cancel_event, second.slug)
    whole = look(database, settings)
    assert {day for day, _ in whole.days} > set()
    assert whole.categories == (("Sports", "Sports"), ("Technology", "Technology"))

    def slugs(**chosen: str) -> list[str]:
        return [line.slug for line in look(database, settings, filters=Filters(**chosen)).lines]

    assert slugs(words="cafe mull") == [first.slug]
    assert slugs(category="Sports") == [second.slug]
    assert slugs(state="cancelled") == [second.slug]
    assert slugs(day=whole.days[-1][0]) == [second.slug]
    for words in ("nothing", "a" + "\u0301" * 90):
        assert slugs(words=words) == []


def test_the_dashboard_names_what_needs_attention(database: OpenDatabase, settings: Settings) -> None:
    small = add_event(database, capacity=3, title="Small")
    for _ in range(2):
        database.write(hold_seat, add_someone(database), small.slug, 15)
    later = add_event(database, title="Later")
    details = replace(catalogue.details_of(later), sales_open_at=database.clock() + 1)
    database.write(catalogue.edit_event, later.slug, details)
    database.write(mail.post, "a topic", "asha@example.org", "Your ticket", "Text")
    (message,) = database.read(mail.find_due)
    database.write(mail.note_failed, message.id, mail.MAX_ATTEMPTS, "550 no such mailbox")
    shown = look(
        database,
        replace_mail(settings),
        unavailable=(Unavailable("Checkout", "it failed to load"),),
    )
    for sentence in (
        "Checkout is unavailable: it failed to load",
        "1 email was not sent.",
        "No email reaches anybody yet",
        "Small: 1 seat is left.",
        "Later: sales open today",
    ):
        assert sentence in texts(shown)
    assert all(notice.link for notice in shown.notices if "reaches" not in notice.text)
    assert "email" not in texts(look(database, settings, "treasurer"))


def test_the_last_backup_is_named_where_festgate_makes_them(
    database: OpenDatabase, settings: Settings
) -> None:
    assert "No backup has been made yet." in texts(look(database, settings))
    folder = settings.data_dir / "backups"
    folder.mkdir()
    made = folder / "festgate-20260101T000000-manual.sqlite3"
    made.touch()
    os.utime(made, (database.clock() / 1000, database.clock() / 1000))
    (notice,) = look(database, settings).notices
    assert (notice.tone, notice.link) == ("info", "/organise/backup")
    database.clock.move(3 * DAY)
    assert look(database, settings).notices[0].tone == "warn"
    elsewhere = settings.model_copy(update={"database_url": "postgresql://example.org/fest"})
    assert not look(database, elsewhere).notices


def test_an_email_that_was_given_up_is_listed_and_sent_again(database: OpenDatabase) -> None:
    database.write(mail.post, "a topic", "asha@example.org", "Your ticket", "Text")
    (message,) = database.read(mail.find_due)
    assert database.read(mail.count_given_up) == 0
    assert database.write(mail.try_again, message.id) is None
    database.write(mail.note_failed, message.id, mail.MAX_ATTEMPTS, "550 no such mailbox")
    (lost,) = database.read(mail.given_up)
    assert (lost.recipient, lost.subject, lost.error) == (
        "asha@example.org",
        "Your ticket",
        "550 no such mailbox",
    )
    assert database.read(mail.find_due) == []
    assert database.write(mail.try_again, message.id) == "Your ticket"
    (again,) = database.read(mail.find_due)
    assert again.attempts == 0
    assert database.read(mail.count_given_up) == 0


def test_the_overview_and_the_check_ins_of_an_event(database: OpenDatabase, settings: Settings) -> None:
    event = add_event(database, fee=45_000)
    order_paid(database, event)
    order_paid(database, event)
    writing = Writing(settings, database.clock)
    read = partial(read_overview, settings=settings, writing=writing)
    owner = Visitor(0, "meena", "", "owner")
    shown = database.report(lambda c: read(c, event.slug, owner))
    assert (shown.numbers.sold, shown.numbers.free) == (2, 8)
    assert shown.money is not None
    assert shown.money.received == (Money(90_000, "INR"),)
    assert shown.sales.rows[-1].values == ("2",)
    assert database.report(lambda c: read(c, event.slug, replace(owner, role="lead"))).money is None
    check_ins = database.report(read_check_ins, event.slug, settings, writing)
    assert check_ins.hours.is_empty
