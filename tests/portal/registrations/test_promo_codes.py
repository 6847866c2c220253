"""Promo codes and taxes of seats: prices, scopes, dates, maximums and hidden types, on SQLite and on PostgreSQL."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.errors import Invalid, TooMany
from festgate.kit.money import Money
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.code_attempts import MAX_OF_PERSON
from festgate.portal.catalogue.facade import CodeNotValid, CodeTerms, CodeUnknown, PromoCode, TicketType
from festgate.portal.catalogue.promo_codes import takes_codes
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice, read_choice
from festgate.portal.registrations.claims import claim_seats, confirm_seats
from festgate.portal.registrations.errors import CodeNotForTickets, PriceChanged, SalesClosed
from festgate.portal.registrations.holds import hold_seats, refuse_early, sweep_all
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

TWENTY = CodeTerms("percentage", 2000)
PLAIN = Choice(None)


def add_code(database: OpenDatabase, text: str, terms: CodeTerms, **changes: Any) -> PromoCode:  # noqa: ANN401
    return database.write(catalogue.create_code, text, replace(terms, **changes))


def hold(
    database: OpenDatabase, person: int, event: catalogue.Event, code: str, choice: Choice = PLAIN
) -> list[int]:
    wanted = replace(choice, code=code)
    database.read(refuse_early, person, event.slug, wanted)
    return database.write(hold_seats, person, event.slug, 15, choice=wanted)


def seat_with(database: OpenDatabase, event: catalogue.Event, code: str) -> queries.Seat:
    """Hold a seat for somebody new."""
    return database.read(queries.seat, hold(database, add_someone(database), event, code)[0])


def used(database: OpenDatabase, code: PromoCode) -> int:
    return database.read(catalogue.code_by_id, code.id).used


def first_type(database: OpenDatabase, event: catalogue.Event) -> TicketType:
    return database.read(catalogue.types_of, event.id)[0]


def edit(database: OpenDatabase, event: catalogue.Event, kind: TicketType, **changes: Any) -> TicketType:  # noqa: ANN401
    details = replace(kind.details, **changes)
    database.write(catalogue.edit_ticket_type, event.slug, kind.id, details, queries.count_of_type)
    return catalogue.type_of(database.read(catalogue.types_of, event.id), kind.id)


def check(database: OpenDatabase) -> None:
    assert database.violations(CHECKS) == []


@pytest.mark.parametrize(
    "terms, price",
    [
        (CodeTerms("percentage", 2000), 36_000),
        (CodeTerms("percentage", 3333), 30_001),  # 14,998.5 less, which is rounded half up
        (CodeTerms("amount", 5_000, "INR"), 40_000),
    ],
    ids=["percentage", "rounded", "amount"],
)
def test_a_code_lowers_the_price_of_a_held_seat(database: OpenDatabase, terms: CodeTerms, price: int) -> None:
    event = add_event(database, fee=45_000)
    code = add_code(database, "CAMPUS20", terms)
    seat = seat_with(database, event, " campus 20 ")
    assert (seat.state, seat.fee.minor, seat.code) == ("held", price, "CAMPUS20")
    assert used(database, code) == 1
    check(database)


@pytest.mark.parametrize(
    "terms", [CodeTerms("free"), CodeTerms("amount", 90_000, "INR")], ids=["free", "more"]
)
def test_a_seat_that_costs_nothing_with_its_code_is_confirmed_at_once(
    database: OpenDatabase, terms: CodeTerms
) -> None:
    event = add_event(database, fee=45_000)
    add_code(database, "GUEST", terms)
    seat = seat_with(database, event, "GUEST")
    assert (seat.state, seat.fee.minor) == ("confirmed", 0)
    check(database)


def test_a_form_with_a_code_and_no_ticket_types_is_for_the_only_type_with_the_code() -> None:
    assert read_choice({"code": " GOOD "}) == Choice(None, code="GOOD")
    assert read_choice({"code": " "}) is None


def test_an_amount_of_another_currency_changes_no_price(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    code = add_code(database, "EUROS", CodeTerms("amount", 500, "EUR"))
    with pytest.raises(CodeNotForTickets):
        seat_with(database, event, "EUROS")
    assert used(database, code) == 0


def test_a_code_of_one_event_does_not_exist_at_another(database: OpenDatabase) -> None:
    event, other = add_event(database, fee=45_000), add_event(database, fee=45_000)
    add_code(database, "ROBO", TWENTY, event_id=event.id)
    with pytest.raises(CodeUnknown):
        seat_with(database, other, "ROBO")
    assert seat_with(database, event, "ROBO").fee.minor == 36_000
    assert database.read(takes_codes, event.id)
    assert not database.read(takes_codes, other.id)


def test_a_code_is_valid_between_its_dates_and_until_it_is_ended(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    now = database.clock()
    code = add_code(database, "EARLY", TWENTY, opens_at=now + MINUTE, closes_at=now + HOUR)
    for minutes in (0, 60):
        database.clock.move(minutes * MINUTE)
        with pytest.raises(CodeNotValid):
            seat_with(database, event, "EARLY")
    database.write(catalogue.edit_code, code.id, TWENTY)
    seat_with(database, event, "EARLY")
    database.write(catalogue.end_code, code.id)
    with pytest.raises(CodeNotValid):
        seat_with(database, event, "EARLY")
    assert not database.read(takes_codes, event.id)
    database.write(catalogue.resume_code, code.id)
    seat_with(database, event, "EARLY")
    check(database)


def test_the_uses_of_a_code_are_never_exceeded_by_simultaneous_registrations(database: OpenDatabase) -> None:
    first, second = add_event(database, fee=45_000, capacity=60), add_event(database, fee=45_000, capacity=60)
    code = add_code(database, "LAST7", TWENTY, max_uses=7)
    results = database.write_together(
        *(
            partial(
                hold_seats,
                person_id=add_someone(database),
                slug=event.slug,
                hold_minutes=15,
                choice=Choice(None, code="LAST7"),
            )
            for event in (first, second) * 15
        )
    )
    assert [type(result) for result in results].count(CodeNotValid) == 23
    assert used(database, code) == 7
    check(database)


def test_a_person_uses_a_code_only_as_often_as_allowed_also_at_once(database: OpenDatabase) -> None:
    events = [add_event(database, fee=45_000) for _ in range(6)]
    person = add_someone(database)
    code = add_code(database, "MINE2", TWENTY, max_per_person=2)
    results = database.write_together(
        *(
            partial(
                hold_seats,
                person_id=person,
                slug=event.slug,
                hold_minutes=15,
                choice=Choice(None, code="MINE2"),
            )
            for event in events
        )
    )
    assert [type(result) for result in results].count(CodeNotValid) == 4
    assert used(database, code) == 2
    seat_with(database, events[0], "MINE2")
    check(database)


def test_a_cancelled_seat_and_an_ended_hold_give_the_use_back(database: OpenDatabase) -> None:
    event, person = add_event(database, fee=45_000), add_someone(database)
    code = add_code(database, "ONCE", TWENTY, max_uses=1, max_per_person=1)
    (seat,) = hold(database, person, event, "ONCE")
    with pytest.raises(CodeNotValid):
        seat_with(database, event, "ONCE")
    database.write(cancel_seat, person, seat)
    assert used(database, code) == 0
    hold(database, person, event, "ONCE")
    database.clock.move(15 * MINUTE)
    database.write(sweep_all)
    assert used(database, code) == 0
    seat_with(database, event, "ONCE")
    check(database)


def test_each_ticket_is_a_use_and_tickets_that_the_code_is_not_for_are_none(database: OpenDatabase) -> None:
    event, person = add_event(database, fee=45_000, capacity=50), add_someone(database)
    standard = edit(database, event, first_type(database, event), name="Standard", max_per_order=5)
    student = database.write(
        catalogue.add_ticket_type,
        event.slug,
        catalogue.TypeDetails("Student", Money(10_000, "INR"), max_per_order=5),
    )
    database.write(catalogue.limit_per_person, event.slug, 10)
    code = add_code(database, "STUDENTS", TWENTY, event_id=event.id, type_id=student.id, max_uses=3)
    choice = Choice({standard.id: 2, student.id: 3})
    seats = [
        database.read(queries.seat, number) for number in hold(database, person, event, "STUDENTS", choice)
    ]
    assert (
        sorted((seat.fee.minor, seat.code) for seat in seats)
        == [(8_000, "STUDENTS")] * 3 + [(45_000, None)] * 2
    )
    assert used(database, code) == 3
    with pytest.raises(CodeNotForTickets):
        hold(database, person, event, "STUDENTS", Choice({standard.id: 1}))
    with pytest.raises(CodeNotValid):
        hold(database, person, event, "STUDENTS", Choice({student.id: 1}))
    check(database)


def test_a_code_unlocks_a_hidden_type_which_counts_as_a_use(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000, capacity=50)
    edit(database, event, first_type(database, event), name="Standard")
    crew = database.write(
        catalogue.add_ticket_type,
        event.slug,
        catalogue.TypeDetails("Crew", Money(5_000, "INR"), is_hidden=True),
    )
    choice = Choice({crew.id: 1})
    code = add_code(database, "BACKSTAGE", CodeTerms("unlock", unlocks=True), event_id=event.id)
    add_code(database, "LESS", TWENTY)
    with pytest.raises(SalesClosed):
        hold(database, add_someone(database), event, "LESS", choice)
    (seat,) = hold(database, add_someone(database), event, "BACKSTAGE", choice)
    assert database.read(queries.seat, seat).fee.minor == 5_000
    assert used(database, code) == 1
    # With the link of the type the code is not needed, and is not for the ticket.
    with pytest.raises(CodeNotForTickets):
        hold(
            database,
            add_someone(database),
            event,
            "BACKSTAGE",
            replace(choice, access_key=crew.access_key or ""),
        )
    check(database)


def test_a_price_that_the_buyer_chooses_stays(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    kind = edit(database, event, first_type(database, event), has_chosen_price=True)
    add_code(database, "LESS", TWENTY)
    with pytest.raises(CodeNotForTickets):
        hold(database, add_someone(database), event, "LESS", Choice({kind.id: 1}, {kind.id: "500"}))


def test_nobody_gets_a_ticket_at_another_price_than_the_page_showed(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    kind = first_type(database, event)
    code = add_code(database, "SWITCH", TWENTY)
    choice = Choice({kind.id: 1}, shown={kind.id: 36_000})
    database.write(catalogue.edit_code, code.id, replace(TWENTY, value=1000))
    with pytest.raises(PriceChanged):
        hold(database, add_someone(database), event, "SWITCH", choice)
    with pytest.raises(PriceChanged):
        hold(database, add_someone(database), event, "", Choice({kind.id: 1}, shown={kind.id: 40_000}))
    hold(database, add_someone(database), event, "SWITCH", replace(choice, shown={kind.id: 40_500}))


def test_a_hold_that_ended_during_its_payment_takes_its_use_again_only_if_one_is_left(
    database: OpenDatabase,
) -> None:
    event, person = add_event(database, fee=45_000, capacity=50), add_someone(database)
    code = add_code(database, "ONE", TWENTY, max_uses=1)
    (held,) = hold(database, person, event, "ONE")
    database.write(claim_seats, [database.read(queries.seat, held)], 1, database.clock() + 15 * MINUTE)
    database.clock.move(15 * MINUTE)
    database.write(sweep_all)
    other = seat_with(database, event, "ONE")
    assert not database.write(confirm_seats, 1)
    check(database)
    database.write(cancel_seat, other.person_id, other.id)
    # Its dates do not matter any more: it was valid when the seat was taken.
    database.write(catalogue.end_code, code.id)
    assert database.write(confirm_seats, 1)
    assert used(database, code) == 1
    check(database)


def test_the_maximum_of_a_code_cannot_fall_below_its_uses(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    code = add_code(database, "TWO", TWENTY)
    for _ in range(2):
        seat_with(database, event, "TWO")
    with pytest.raises(Invalid) as refusal:
        database.write(catalogue.edit_code, code.id, replace(TWENTY, max_uses=1))
    assert list(refusal.value.fields) == ["max_uses"]
    with pytest.raises(Invalid):
        database.write(catalogue.drop_code, code.id)
    database.write(catalogue.edit_code, code.id, replace(TWENTY, max_uses=2, max_per_person=1))
    check(database)


def test_a_code_that_nobody_used_is_deleted_with_a_draft_or_by_hand(database: OpenDatabase) -> None:
    code = add_code(database, "NOBODY", TWENTY)
    database.write(catalogue.drop_code, code.id)
    draft = database.write(
        catalogue.create_event, replace(catalogue.details_of(add_event(database)), title="Draft")
    )
    add_code(database, "DRAFT", TWENTY, event_id=draft.id)
    database.write(catalogue.cancel_event, draft.slug)
    assert database.read(catalogue.all_codes) == []


def test_a_type_with_promo_codes_cannot_be_removed(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    edit(database, event, first_type(database, event), name="Standard")
    student = database.write(
        catalogue.add_ticket_type, event.slug, catalogue.TypeDetails("Student", Money(10_000, "INR"))
    )
    code = add_code(database, "STUDENTS", TWENTY, event_id=event.id, type_id=student.id)
    with pytest.raises(Invalid):
        database.write(catalogue.remove_ticket_type, event.slug, student.id, queries.count_of_type)
    database.write(catalogue.drop_code, code.id)
    database.write(catalogue.remove_ticket_type, event.slug, student.id, queries.count_of_type)


def test_wrong_guesses_are_limited_and_right_codes_are_not_counted(database: OpenDatabase) -> None:
    event, person = add_event(database, fee=45_000), add_someone(database)
    add_code(database, "SECRET7", TWENTY)
    limits = catalogue.code_limits(b"secret", "203.0.113.9", person)

    def tried(text: str, by: int, limits: list[accounts.Limit]) -> PromoCode | None:
        return database.write(catalogue.try_code, event.slug, text, by, limits)

    for _ in range(MAX_OF_PERSON + 5):
        assert tried("SECRET7", person, limits) is not None
    for number in range(MAX_OF_PERSON):
        assert tried(f"GUESS{number}", person, limits) is None
    with pytest.raises(TooMany):
        tried("SECRET7", person, limits)
    # Another person at the same address is not locked out, and the time ends.
    other = add_someone(database)
    assert tried("SECRET7", other, catalogue.code_limits(b"secret", "203.0.113.9", other)) is not None
    database.clock.move(15 * MINUTE)
    assert tried("SECRET7", person, limits) is not None


def test_many_random_codes_are_created_at_once(database: OpenDatabase) -> None:
    codes = database.write(catalogue.create_codes, "COLLEGE", 200, replace(TWENTY, max_uses=1))
    assert len({code.code for code in codes}) == 200
    assert all(code.code.startswith("COLLEGE-") for code in codes)
    listed = database.read(catalogue.list_codes, "college-", 4)
    assert (len(listed.codes), listed.total, listed.pages) == (50, 200, 4)


def test_a_seat_stores_the_tax_in_what_is_charged(database: OpenDatabase) -> None:
    event = add_event(database, fee=59_000)
    edit(database, event, first_type(database, event), tax_rate=1800)
    add_code(database, "HALF", CodeTerms("percentage", 5000))
    seat = database.read(queries.seat, database.write(hold_seats, add_someone(database), event.slug, 15)[0])
    assert (seat.fee.minor, seat.tax.minor, seat.tax_rate) == (59_000, 9_000, 1800)
    seat = seat_with(database, event, "HALF")
    assert (seat.fee.minor, seat.tax.minor) == (29_500, 4_500)
    check(database)
