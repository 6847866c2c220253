"""Questions and passes in the programme of a fest as a document: errors, and what an import never takes away."""

import json
from functools import partial
from typing import Any

import pytest

from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.checks import check_questions
from festgate.portal.catalogue.demo import plant_demo
from festgate.portal.catalogue.demo_tickets import ADMITTED, ASKING_EVENT, STAGE_EVENT, plant_tickets
from festgate.portal.catalogue.documents.json_files import read_document
from festgate.portal.catalogue.documents.type_sheets import write_type_sheet
from festgate.portal.catalogue.question_changes import add_question
from festgate.portal.catalogue.questions import (
    MAX_QUESTIONS,
    QuestionDetails,
    all_questions,
    fest_questions,
    questions_of,
)
from festgate.portal.catalogue.ticket_types import types_of
from festgate.portal.registrations.answers import ORDER, answers_of_person, save_answers
from festgate.portal.registrations.holds import hold_seats
from tests.portal.catalogue.programme import KOLKATA, add_event
from tests.portal.catalogue.test_documents import HOLD_MINUTES, export, import_json, import_sheet, refusal_of
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_someone

FREE = Money(0, "INR")


def document(**parts: object) -> str:
    return json.dumps({"format": "festgate-programme-1", "currency": "INR", **parts})


def refusal(database: OpenDatabase, **parts: object) -> list[str]:
    return refusal_of(database, read_document(document(**parts).encode(), "INR"))


def admit(slug: str, *others: str) -> dict[str, Any]:
    return {"slug": slug, "types": [{"name": "", "admits_to": list(others)}]}


def nobody_in(_connection: object, _seat_id: int) -> bool:
    return False


def test_questions_and_the_pass_of_the_demo_come_to_a_new_fest(database: OpenDatabase) -> None:
    database.write(plant_demo, KOLKATA, "INR")
    database.write(plant_tickets, "INR")
    programme = json.loads(export(database))
    events = {event["slug"]: event for event in programme["events"]}
    assert [question["label"] for question in events[ASKING_EVENT]["questions"]] == [
        "T-shirt size",
        "Roll number",
    ]
    assert events[STAGE_EVENT]["types"][0]["admits_to"] == sorted(ADMITTED)
    for event in programme["events"]:
        event["slug"] = f"next-{event['slug']}"
        for kind in event["types"]:
            kind["admits_to"] = [f"next-{slug}" for slug in kind["admits_to"]]
    report = import_json(database, document(events=programme["events"]))
    assert report.questions.created == 2
    event = database.read(queries.any_event_by_slug, f"next-{STAGE_EVENT}")
    (stage,) = database.read(types_of, event.id)
    assert sorted(other.slug for other in stage.admits) == sorted(f"next-{slug}" for slug in ADMITTED)
    asking = database.read(queries.any_event_by_slug, f"next-{ASKING_EVENT}")
    assert (asking.asks, database.report(check_questions)) == (2, [])


def test_a_question_is_changed_moved_and_withdrawn_and_one_that_is_missing_stays(
    database: OpenDatabase,
) -> None:
    event = add_event(database)
    for label in ("First", "Second", "Third"):
        database.write(add_question, event.slug, QuestionDetails("text", label))
    changed = [
        {"label": " Third ", "help": "Write it down."},
        {"label": "First", "withdrawn": True},
        {"label": "Fourth", "kind": "choice", "choices": ["a", "b"], "type": ""},
    ]
    report = import_json(
        database,
        document(
            questions=[{"label": "College", "kind": "text"}],
            events=[{"slug": event.slug, "questions": changed}],
        ),
    )
    assert (report.questions.created, report.questions.changed, report.questions.unchanged) == (2, 2, 0)
    asked = database.read(questions_of, event.id)
    assert [question.details.label for question in asked] == ["College", "Third", "Second", "Fourth"]
    assert (asked[1].details.help, asked[3].type_id) == (
        "Write it down.",
        database.read(types_of, event.id)[0].id,
    )
    assert database.read(queries.any_event_by_slug, event.slug).asks == 4
    assert database.report(check_questions) == []


def test_an_import_keeps_every_question_with_answers_and_its_kind(database: OpenDatabase) -> None:
    event = add_event(database, fee=FREE)
    size = QuestionDetails("text", "Size", per="order")
    question = database.write(add_question, event.slug, size)
    person = add_someone(database)
    database.write(hold_seats, person, event.slug, HOLD_MINUTES)
    save = partial(save_answers, is_used=nobody_in, is_complete=False)
    database.write(save, person, event.slug, {(question, ORDER): "XL"})
    other = {"label": "Size", "kind": "number", "per": "ticket"}
    (problem,) = refusal(database, events=[{"slug": event.slug, "questions": [other]}])
    assert problem == (
        f"event 1 “{event.slug}”, question 1 “Size”: kind: This stays text. Withdraw the question, and add one with "
        "another label."
    )
    import_json(database, document(events=[{"slug": event.slug, "questions": []}]))
    import_json(
        database, document(events=[{"slug": event.slug, "questions": [{"label": "Size", "withdrawn": True}]}])
    )
    (kept,) = database.read(all_questions, event.id)
    assert (kept.id, kept.is_withdrawn, kept.details) == (question, True, size)
    assert [answer.value for answer in database.read(answers_of_person, person)] == ["XL"]


def test_a_pass_that_was_taken_keeps_its_events_and_one_that_was_not_changes_them(
    database: OpenDatabase,
) -> None:
    home, first, second = (add_event(database, slug, fee=FREE) for slug in ("home", "first", "second"))
    import_json(database, document(events=[admit(home.slug, first.slug)]))
    report = import_json(database, document(events=[admit(home.slug, second.slug, first.slug)]))
    assert (report.types.changed, report.types.unchanged) == (1, 0)
    database.write(hold_seats, add_someone(database), home.slug, HOLD_MINUTES)
    report = import_json(database, document(events=[admit(home.slug, first.slug, second.slug)]))
    assert (report.types.changed, report.types.unchanged) == (0, 1)
    (problem,) = refusal(database, events=[admit(home.slug, first.slug)])
    assert problem == (
        "event 1 “home”, ticket type 1: admits_to: Tickets of this type have been taken, so the events that it admits "
        "to cannot change. Withdraw it, and add another ticket type."
    )


def test_a_sheet_of_ticket_types_has_the_events_of_a_pass(database: OpenDatabase) -> None:
    event = add_event(database, "home")
    for slug in ("first", "second"):
        add_event(database, slug)
    import_sheet(database, "event,fee,admits_to\nhome,5,second ; first\n")
    (kind,) = database.read(types_of, event.id)
    assert sorted(other.slug for other in kind.admits) == ["first", "second"]
    sheet = database.report(write_type_sheet, KOLKATA)
    assert "first; second" in sheet
    import_sheet(database, "event,fee,admits_to\nhome,5,\n")
    assert database.read(types_of, event.id)[0].admits == ()


def test_each_error_of_a_question_or_a_pass_is_reported_with_its_place(database: OpenDatabase) -> None:
    add_event(database, "home")
    add_event(database, "first")
    problems = refusal(
        database,
        questions=[
            {"label": "", "kind": "text"},
            {"label": "A", "kind": "essay"},
            {"label": "B", "type": "x"},
        ],
        events=[
            {
                "slug": "home",
                "answers_until": "soon",
                "types": [
                    {"name": "A", "fee": 5, "admits_to": ["nowhere"]},
                    {"name": "B", "fee": 5, "admits_to": ["home"]},
                    {"name": "C", "fee": 5, "admits_to": "first"},
                    {"name": "D", "fee": 5, "admits_to": ["first"], "team_max": 3},
                ],
                "questions": [
                    {"label": "A", "kind": "choice", "choices": ["one"]},
                    {"label": "B", "kind": "choice", "choices": ["one\ntwo"]},
                    {"label": "C", "kind": "text", "type": "Z"},
                    {"label": "D"},
                ],
            }
        ],
    )
    for expected in (
        "question 1: label: Enter the question.",
        "question 2 “A”: kind: write one of text, number, choice,",
        "question 3 “B”: type: there is no such key.",
        "event 1 “home”: answers_until: ",
        "event 1 “home”, ticket type 1 “A”: admits_to: There is no event 'nowhere'. Write its slug, or add it",
        "event 1 “home”, ticket type 2 “B”: admits_to: A ticket always admits to its own event. List only the others.",
        "event 1 “home”, ticket type 3 “C”: admits_to: write a list of slugs of other events.",
        "event 1 “home”, ticket type 4 “D”: admits_to: A ticket for teams cannot admit to other events.",
        "event 1 “home”, question 1 “A”: choices: Enter 2 to 40 different choices",
        "event 1 “home”, question 2 “B”: choices: write each of them without a line break.",
        "event 1 “home”, question 3 “C”: type: The event has no ticket type 'Z'.",
        "event 1 “home”, question 4 “D”: kind: Write one of text, number,",
    ):
        assert any(problem.startswith(expected) for problem in problems), (expected, problems)


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_questions_as_an_event_may_ask_come_with_withdrawn_ones(
    database: OpenDatabase, more: int
) -> None:
    asked = [{"label": f"Question {number}", "kind": "text"} for number in range(MAX_QUESTIONS + more)]
    gone = [{"label": "Gone", "kind": "text", "withdrawn": True}] * 2
    if more:
        (problem,) = refusal(database, questions=[*asked, *gone])
        assert problem.endswith(f"label: At most {MAX_QUESTIONS} questions can be asked.")
    else:
        for _ in range(2):
            import_json(database, document(questions=[*asked, *gone]))
        assert len(database.read(fest_questions)) == MAX_QUESTIONS + 2
