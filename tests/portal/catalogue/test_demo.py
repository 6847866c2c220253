"""The events of the demo."""

from datetime import datetime, timedelta

import pytest

from festgate.kit.clock import MINUTE, milliseconds, moment
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.demo import plant_demo
from festgate.portal.catalogue.demo_tickets import ADMITTED, ASKING_EVENT, STAGE_EVENT, plant_tickets
from festgate.portal.catalogue.offers import offer_of
from festgate.portal.catalogue.passes import overlapping
from festgate.portal.catalogue.questions import questions_of
from festgate.portal.catalogue.ticket_types import is_offered, types_of
from festgate.portal.registrations.answers import requires_answer
from festgate.portal.registrations.choices import choose
from tests.portal.catalogue.programme import KOLKATA, add_event
from tests.rig.database import OpenDatabase

FEES = {
    "Hackathon": 500,
    "Dance Battle": 300,
    "AI Workshop": 400,
    "Photography Walk": 200,
    "Gaming Tournament": 350,
    "Music Night": 250,
    "Treasure Hunt": 150,
    "Stand-up Comedy": 300,
    "Robo Race": 450,
    "Opening Ceremony": 0,
    "Pottery Corner": 0,
    "Stage Pass": 700,
}


def test_the_demo_has_the_nine_paid_events_of_the_course_in_order_and_three_others(
    database: OpenDatabase,
) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    events = sorted(database.read(queries.all_events), key=lambda event: event.id)
    assert [(event.title, event.fee) for event in events] == [
        (title, Money(fee * 100, "INR")) for title, fee in FEES.items()
    ]
    assert all(event.state == "published" and event.summary and event.description for event in events)


def test_the_demo_is_added_once(database: OpenDatabase) -> None:
    for _ in range(2):
        database.write(plant_demo, KOLKATA, "INR")
    assert database.read(queries.count_events) == len(FEES)


def test_the_demo_is_not_added_to_a_fest_with_events(database: OpenDatabase) -> None:
    add_event(database, draft=True)
    database.write(plant_demo, KOLKATA, "INR")
    assert database.read(queries.count_events) == 1


@pytest.mark.parametrize("hour", [0, 9, 15, 16, 23])
def test_at_any_hour_all_events_are_in_the_future_on_three_days(database: OpenDatabase, hour: int) -> None:
    now = datetime(2026, 3, 13, hour, 59, tzinfo=KOLKATA)
    database.clock.now = milliseconds(now)
    database.write(plant_demo, KOLKATA, "INR")
    events = database.read(queries.all_events)
    first = now.date() if hour < 16 else now.date() + timedelta(days=1)
    days = {moment(event.starts_at, KOLKATA).date() for event in events}
    assert days == {first + timedelta(days=number) for number in range(3)}
    states = [offer_of(event, {}, database.clock.now).state for event in events]
    assert states.count("soon") == 1
    assert set(states) == {"open", "few", "soon"}
    database.clock.move(30 * MINUTE)
    assert "soon" not in {offer_of(event, {}, database.clock.now).state for event in events}


def test_a_currency_without_decimals_has_the_same_fees(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "JPY")
    assert database.read(queries.event_by_slug, "hackathon").fee == Money(500, "JPY")


def test_the_early_bird_switches_over_by_itself_and_the_event_keeps_its_price(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    database.write(plant_tickets, "INR")
    event = database.read(queries.event_by_slug, "music-night")
    early, standard = database.read(types_of, event.id)
    now = database.clock.now
    assert [is_offered(kind, (early, standard), now) for kind in (early, standard)] == [True, False]
    later = now + 51 * MINUTE
    assert [is_offered(kind, (early, standard), later) for kind in (early, standard)] == [False, True]
    assert event.fee == Money(25_000, "INR")


def test_a_form_without_a_choice_takes_one_single_ticket_of_every_event(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    database.write(plant_tickets, "INR")
    for later in (0, 60 * MINUTE):
        for event in database.read(queries.all_events):
            (item,) = choose(database.read(types_of, event.id), None, database.clock.now + later)
            assert item.count == 1
            assert item.price.minor >= FEES[event.title] * 100
            assert not database.read(requires_answer, event, item.type.id)


def test_the_pass_admits_to_three_evenings_for_less_than_their_single_tickets(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    database.write(plant_tickets, "INR")
    event = database.read(queries.event_by_slug, STAGE_EVENT)
    (stage,) = database.read(types_of, event.id)
    assert tuple(other.slug for other in stage.admits) == ADMITTED
    assert stage.details.fee.minor < sum(FEES[other.title] for other in stage.admits) * 100
    assert overlapping(event, stage.admits) == []


def test_the_event_with_questions_asks_for_a_size_and_a_roll_number(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    database.write(plant_tickets, "INR")
    event = database.read(queries.event_by_slug, ASKING_EVENT)
    size, roll = (question.details for question in database.read(questions_of, event.id))
    assert (size.kind, "XL" in size.choices, roll.kind, roll.is_at_door) == ("choice", True, "text", True)
    assert event.asks == 2
