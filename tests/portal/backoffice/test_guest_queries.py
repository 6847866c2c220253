"""The list of guests: search, filters, order and pages, and the events of a lead."""

from functools import partial

import pytest

from festgate.kit.clock import HOUR
from festgate.kit.errors import NotFound
from festgate.portal.backoffice.bulk_actions import reason_against
from festgate.portal.backoffice.guest_filters import GuestFilters, read_filters
from festgate.portal.backoffice.guest_list import page_of_guests
from festgate.portal.backoffice.guest_queries import Guest, Scope, guest_ids, guests_by_id
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import queries
from festgate.portal.registrations.pauses import pause_holds
from tests.portal.backoffice.guest_fest import GuestFest, answer, check_in, fill_fest
from tests.portal.registrations.pass_fest import add_pass, take
from tests.portal.registrations.team_fest import add_team_event, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


@pytest.fixture
def fest(database: OpenDatabase) -> GuestFest:
    return fill_fest(database)


def listed(fest: GuestFest, slug: str | None = None, *leads: int, **parameters: str) -> list[Guest]:
    page = fest.database.report(page_of_guests, slug, leads[0] if leads else None, parameters)
    assert page.total == len(page.guests)
    return list(page.guests)


def names(guests: list[Guest]) -> list[str]:
    return [guest.email.partition("@")[0] for guest in guests]


def test_a_guest_has_name_ticket_state_and_order(fest: GuestFest) -> None:
    ravi, asha = listed(fest, q="ravi")[0], listed(fest, q="asha")[0]
    assert (ravi.name, ravi.state, ravi.order_state, ravi.method) == (
        "Ravi O'Brien",
        "confirmed",
        "paid",
        "desk",
    )
    assert (ravi.fee.minor, ravi.title, ravi.has_ticket) == (45_000, "Robo Race", True)
    assert (asha.state, asha.order_ref, asha.buyer, asha.team, asha.is_place) == (
        "confirmed",
        "",
        "",
        "",
        False,
    )


@pytest.mark.parametrize(
    "words, expected",
    [
        ("UNAL", ["asha"]),
        ("zoe garcia", ["zoe"]),
        ("o\u2019brien", ["ravi"]),
        ("example.org zo", ["zoe"]),
        ("%", []),
        ("_", []),
        ("asha ravi", []),
        ("\u202e", ["asha", "meena", "ravi", "sam", "zoe"]),
    ],
)
def test_a_search_looks_for_parts_of_words_without_case_and_accents(
    fest: GuestFest, words: str, expected: list[str]
) -> None:
    assert names(listed(fest, q=words, sort="email")) == expected


def test_a_guest_is_listed_by_the_reference_of_the_order(fest: GuestFest) -> None:
    (ravi,) = listed(fest, q="ravi")
    assert names(listed(fest, q=ravi.order_ref)) == ["ravi"]


@pytest.mark.parametrize(
    "state, expected",
    [
        ("", ["asha", "meena", "ravi", "sam", "zoe"]),
        ("nonsense", ["asha", "meena", "ravi", "sam", "zoe"]),
        ("confirmed", ["asha", "ravi", "zoe"]),
        ("held", ["sam"]),
        ("waiting", ["meena"]),
        ("cancelled", ["olga"]),
        ("expired", []),
        ("all", ["asha", "meena", "olga", "ravi", "sam", "zoe"]),
    ],
)
def test_guests_are_filtered_by_their_state(fest: GuestFest, state: str, expected: list[str]) -> None:
    assert names(listed(fest, state=state, sort="email")) == expected


def test_a_hold_that_has_ended_is_expired_before_it_is_swept_unless_holds_are_paused(fest: GuestFest) -> None:
    fest.database.clock.move(HOUR)
    (sam,) = listed(fest, state="expired")
    assert (sam.email, sam.state) == ("sam@example.org", "expired")
    assert "sam" not in names(listed(fest))


def test_a_paused_hold_stays_held(fest: GuestFest) -> None:
    fest.database.write(pause_holds, 2 * HOUR)
    fest.database.clock.move(HOUR)
    assert names(listed(fest, state="held")) == ["sam"]


@pytest.mark.parametrize(
    "payment, expected",
    [
        ("free", ["asha", "zoe"]),
        ("paid", ["ravi"]),
        ("pending", ["meena"]),
        ("refunded", []),
        ("method-desk", ["meena", "ravi"]),
        ("method-stripe", []),
    ],
)
def test_guests_are_filtered_by_their_payment(fest: GuestFest, payment: str, expected: list[str]) -> None:
    assert names(listed(fest, payment=payment, sort="email")) == expected


def test_guests_are_filtered_by_their_check_in(fest: GuestFest) -> None:
    fest.database.write(check_in, fest.seats["zoe"])
    assert names(listed(fest, checked_in="yes")) == ["zoe"]
    assert names(listed(fest, fest.free.slug, checked_in="no")) == ["asha"]


def test_guests_are_filtered_by_an_answer_that_is_a_choice(fest: GuestFest) -> None:
    answer(fest, "asha", {"T-shirt": "100%", "Workshops": "ROS\nArduino", "Phone": "+91 98765 43210"})
    answer(fest, "zoe", {"T-shirt": "S", "Workshops": "ROS 2"})
    size, workshops, phone = (
        f"answer_{fest.questions[label]}" for label in ("T-shirt", "Workshops", "Phone")
    )
    slug = fest.free.slug
    assert names(listed(fest, slug, **{size: "100%"})) == ["asha"]
    assert names(listed(fest, slug, **{size: "%"})) == []
    assert names(listed(fest, slug, **{workshops: "ROS"})) == ["asha"]
    assert names(listed(fest, slug, **{workshops: "ROS 2"})) == ["zoe"]
    assert names(listed(fest, slug, **{workshops: "ROS", size: "S"})) == []
    assert len(listed(fest, slug, **{phone: "1"})) == 2  # a phone number is no choice
    (asha,) = listed(fest, slug, q="asha")
    assert {number: given.value for number, given in asha.answers.items()} == {
        fest.questions["T-shirt"]: "100%",
        fest.questions["Workshops"]: "ROS\nArduino",
        fest.questions["Phone"]: "+91 98765 43210",
    }


@pytest.mark.parametrize(
    "sort, expected",
    [
        ("registered", ["sam", "meena", "ravi", "zoe", "asha"]),
        ("name", ["asha", "meena", "ravi", "sam", "zoe"]),
        ("email", ["asha", "meena", "ravi", "sam", "zoe"]),
        ("event", ["asha", "zoe", "ravi", "meena", "sam"]),
        ("state", ["asha", "zoe", "ravi", "sam", "meena"]),
        ("payment", ["sam", "meena", "ravi", "zoe", "asha"]),
        ("ticket", ["asha", "zoe", "ravi", "meena", "sam"]),
        ("checked-in", ["sam", "meena", "ravi", "zoe", "asha"]),
    ],
)
def test_guests_are_sorted_by_each_column_in_both_directions(
    fest: GuestFest, sort: str, expected: list[str]
) -> None:
    (first,) = {guest.seat_id: guest for guest in listed(fest, sort=sort)[:1]}.values()
    assert names(listed(fest, sort=sort)) == expected
    is_descending = sort in ("registered", "payment", "checked-in")
    other = names(listed(fest, sort=sort, desc="0" if is_descending else "1"))
    assert other == expected[::-1]
    assert first.email.startswith(expected[0])


def test_a_page_beyond_the_last_one_is_the_last(fest: GuestFest) -> None:
    page = fest.database.report(page_of_guests, None, None, {"page": "9999"})
    assert (page.page, page.pages, len(page.guests)) == (1, 1, 5)
    for number in ("0", "-1", "x", "9" * 30):
        assert fest.database.report(page_of_guests, None, None, {"page": number}).page == 1


def test_ids_are_paged_in_a_fixed_order(fest: GuestFest) -> None:
    filters = GuestFilters(sort="payment")
    read = [fest.database.report(guest_ids, Scope(), filters, 2, offset) for offset in (0, 2, 4)]
    whole = fest.database.report(guest_ids, Scope(), filters, 10)
    assert [seat for page in read for seat in page] == whole


def test_a_lead_sees_the_guests_of_assigned_events_only(fest: GuestFest) -> None:
    lead = fest.people["sam"]
    assert listed(fest, None, lead) == []
    fest.database.write(catalogue.assign_events, lead, [fest.free.id])
    assert names(listed(fest, None, lead, sort="email")) == ["asha", "zoe"]
    assert listed(fest, None, lead, event=fest.paid.slug) == []
    assert names(listed(fest, fest.free.slug, lead, sort="email")) == ["asha", "zoe"]
    with pytest.raises(NotFound):
        listed(fest, fest.paid.slug, lead)
    ids = list(fest.seats.values())
    assert len(fest.database.report(guests_by_id, Scope(lead_id=lead), ids)) == 3


def test_filters_survive_the_way_through_an_address(fest: GuestFest) -> None:
    questions = fest.database.read(catalogue.all_questions, fest.free.id)
    entered = {
        "q": "asha",
        "state": "all",
        "type": "3",
        "payment": "method-desk",
        "checked_in": "no",
        f"answer_{fest.questions['T-shirt']}": "100%",
        "sort": "name",
        "desc": "1",
    }
    filters = read_filters(entered, questions)
    assert filters.parameters() == entered
    assert read_filters(filters.parameters(), questions) == filters
    with pytest.raises(NotFound):
        read_filters({"type": "x"}, questions)
    assert read_filters({"q": "a" * 5_000}, questions) == GuestFilters()


def test_a_team_has_its_captain_and_its_free_places(database: OpenDatabase) -> None:
    event, kind = add_team_event(database)
    captain = add_someone(database, "captain")
    register_team(database, captain, kind, "Ducks", 3)
    page = database.report(page_of_guests, event.slug, None, {"sort": "registered", "desc": "0"})
    assert [(guest.name, guest.email, guest.team) for guest in page.guests] == [
        ("captain", "captain@example.org", "Ducks"),
        ("Free place in Ducks", "", "Ducks"),
        ("Free place in Ducks", "", "Ducks"),
    ]
    assert {guest.buyer for guest in page.guests[1:]} == {"captain"}
    reasons = {reason_against("cancel", guest, database.clock.now) for guest in page.guests}
    assert reasons == {"The seats of a team are cancelled together."}


def test_a_pass_is_a_guest_of_each_of_its_events_with_the_order_of_the_pass(database: OpenDatabase) -> None:
    home, other = add_event(database, fee=0), add_event(database, fee=0)
    (seat,) = take(database, add_someone(database, "asha"), add_pass(database, home, [other], fee=90_000))
    database.write(
        partial(place_order, asks=False), database.read(queries.seat, seat).person_id, "desk", HOUR, "key"
    )
    (whole,) = database.report(page_of_guests, home.slug, None, {"state": "waiting"}).guests
    (place,) = database.report(page_of_guests, other.slug, None, {"payment": "pending"}).guests
    assert (whole.is_place, place.is_place) == (False, True)
    assert (whole.state, place.state) == ("waiting", "waiting")
    assert whole.order_ref == place.order_ref != ""
    assert (whole.fee.minor, place.fee.minor, place.ticket) == (90_000, 0, "Pass")
    assert reason_against("cancel", place, 0) == "This is a place of a pass: choose the pass itself."
    assert database.report(page_of_guests, other.slug, None, {"payment": "free"}).total == 0
