"""Questions and answers: required ones hold a seat, each kind is checked, and files are bounded."""

from functools import partial

import pytest

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Invalid, NotFound
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.checks import check_questions
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import queries
from festgate.portal.registrations.answers import (
    ORDER,
    AnswerSheet,
    Key,
    answer_sheet,
    answers_of_person,
    save_answers,
)
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.errors import AnswersFixed, AnswersNeeded
from festgate.portal.registrations.files import (
    MAX_FILE,
    any_file,
    forget_ended_files,
    own_file,
    remove_file,
    space_counts,
    upload_file,
)
from festgate.portal.registrations.holds import confirm_seat, hold_seat, refuse_early
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

SIZE = QuestionDetails("choice", "T-shirt size", choices=("S", "M", "L"), is_required=True)
COLLEGE = QuestionDetails("text", "College", per="order")
CONSENT = QuestionDetails("file", "Letter of consent", is_required=True)
PDF = b"%PDF-1.7 a letter"


def nobody_in(_connection: object, _seat_id: int) -> bool:
    return False


def ask(database: OpenDatabase, event: catalogue.Event | None, details: QuestionDetails) -> int:
    return database.write(catalogue.add_question, event.slug if event else None, details)


def save(database: OpenDatabase, person: int, event: catalogue.Event, entered: dict[Key, str]) -> AnswerSheet:
    return database.write(
        partial(save_answers, is_used=nobody_in, is_complete=False), person, event.slug, entered
    )


def upload(
    database: OpenDatabase, person: int, event: catalogue.Event, key: Key, content: bytes = PDF
) -> AnswerSheet:
    store = partial(upload_file, is_used=nobody_in)
    return database.write(store, person, event.slug, key, "letter.pdf", content)


def test_a_free_seat_is_held_until_the_required_answer_is_there(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    size = ask(database, event, SIZE)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    assert database.read(queries.seat, seat).state == "held"
    with pytest.raises(AnswersNeeded):
        database.write(confirm_seat, person, seat)
    with pytest.raises(Invalid):
        save(database, person, event, {(size, seat): "XL"})
    with pytest.raises(Invalid):
        save(database, person, event, {(size, seat): ""})
    sheet = save(database, person, event, {(size, seat): "M"})
    assert [place.value for place in sheet.fields] == ["M"]
    database.write(confirm_seat, person, seat)
    assert database.read(queries.seat, seat).state == "confirmed"
    assert database.report(check_questions) == []


def test_an_optional_question_holds_no_seat(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    college = ask(database, event, COLLEGE)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    assert database.read(queries.seat, seat).state == "confirmed"
    save(database, person, event, {(college, ORDER): "  IIT Madras "})
    assert [answer.value for answer in database.read(answers_of_person, person)] == ["IIT Madras"]
    save(database, person, event, {(college, ORDER): ""})
    assert database.read(answers_of_person, person) == []


def test_an_order_waits_for_the_required_answers(database: OpenDatabase) -> None:
    event = add_event(database, fee=45_000)
    size = ask(database, event, SIZE)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    order = partial(place_order, asks=False)
    with pytest.raises(AnswersNeeded) as refused:
        database.write(order, person, "sandbox", 0, "one")
    assert refused.value.slug == event.slug
    save(database, person, event, {(size, seat): "L"})
    assert database.write(order, person, "sandbox", 0, "one")[1]


def test_a_question_of_the_fest_is_asked_at_every_event_and_its_answer_is_suggested(
    database: OpenDatabase,
) -> None:
    first = add_event(database, title="First", fee=0)
    college = ask(database, None, COLLEGE)
    second = add_event(database, title="Second", fee=0)
    assert [database.read(catalogue.event_by_id, event.id).asks for event in (first, second)] == [1, 1]
    person = add_someone(database)
    for event in (first, second):
        database.write(hold_seat, person, event.slug, 15)
    save(database, person, first, {(college, ORDER): "IIT Madras"})
    (place,) = database.read(answer_sheet, person, second.slug, nobody_in).fields
    assert (place.value, place.suggestion) == ("", "IIT Madras")
    database.write(catalogue.withdraw_question, None, college)
    assert database.read(catalogue.event_by_id, first.id).asks == 0
    assert database.report(check_questions) == []


def test_a_question_of_a_ticket_type_is_asked_of_its_holders_only(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    (standard,) = database.read(catalogue.types_of, event.id)
    named = catalogue.TypeDetails("Standard", standard.fee)
    database.write(catalogue.edit_ticket_type, event.slug, standard.id, named, queries.count_of_type)
    student = database.write(
        catalogue.add_ticket_type, event.slug, catalogue.TypeDetails("Student", standard.fee)
    )
    database.write(catalogue.add_question, event.slug, SIZE, student.id)
    asked = database.read(catalogue.questions_of, event.id)
    assert catalogue.requires_answer(asked, student.id)
    assert not catalogue.requires_answer(asked, standard.id)
    database.write(catalogue.remove_ticket_type, event.slug, student.id, queries.count_of_type)
    assert database.read(catalogue.event_by_id, event.id).asks == 0


def test_answers_are_fixed_once_the_time_is_over_and_those_of_others_cannot_be_reached(
    database: OpenDatabase,
) -> None:
    event = add_event(database, fee=0)
    college = ask(database, event, COLLEGE)
    person, other = add_someone(database), add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    with pytest.raises(NotFound):
        save(database, other, event, {(college, ORDER): "IIT"})
    with pytest.raises(NotFound):
        save(database, person, event, {(college, seat): "IIT"})
    database.write(catalogue.set_answers_until, event.slug, database.clock.now + 1)
    save(database, person, event, {(college, ORDER): "IIT"})
    database.clock.now += 1
    with pytest.raises(AnswersFixed):
        save(database, person, event, {(college, ORDER): "NIT"})
    late = add_someone(database)
    database.write(hold_seat, late, event.slug, 15)
    save(database, late, event, {(college, ORDER): "NIT"})


def test_a_file_is_taken_by_its_content_within_limits_and_goes_with_its_seat(
    database: OpenDatabase,
) -> None:
    event = add_event(database, fee=0)
    letter = ask(database, event, CONSENT)
    person, other = add_someone(database), add_someone(database)
    with pytest.raises(NotFound):
        upload(database, person, event, (letter, 1))
    seat = database.write(hold_seat, person, event.slug, 15)
    key = (letter, seat)
    for content in (b"", b"<script>alert(1)</script>", b"%PDF-" + bytes(MAX_FILE)):
        with pytest.raises(Invalid):
            upload(database, person, event, key, content)
    upload(database, person, event, key)
    (place,) = upload(database, person, event, key, PDF + b" again").fields
    assert place.answer is not None
    assert place.answer.file_id is not None
    stored = database.read(own_file, person, place.answer.file_id)
    assert (stored.name, stored.content_type, stored.content) == (
        "letter.pdf",
        "application/pdf",
        PDF + b" again",
    )
    with pytest.raises(NotFound):
        database.read(own_file, other, stored.id)
    real = len(stored.content)
    assert database.report(space_counts) == ({0: real, person: real}, {0: real, person: real})
    database.write(confirm_seat, person, seat)
    with pytest.raises(Invalid):  # it is required
        database.write(partial(remove_file, is_used=nobody_in), person, event.slug, key)
    database.write(cancel_seat, person, seat)
    assert database.write(forget_ended_files) == 1
    assert database.report(space_counts) == ({}, {})
    with pytest.raises(NotFound):
        database.read(any_file, stored.id)
    assert database.read(answers_of_person, person) == []


def test_an_event_without_questions_costs_no_statement(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    person = add_someone(database)

    def register(connection: Connection) -> set[str]:
        statements: list[Statement] = []
        connection.recorded = statements
        refuse_early(connection, person, event.slug)
        seat_id = hold_seat(connection, person, event.slug, 15)
        confirm_seat(connection, person, seat_id)
        return {table for statement in statements for table in statement.tables}

    assert not database.write(register) & {"catalogue_questions", "registrations_answers"}
