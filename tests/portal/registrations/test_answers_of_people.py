"""The answers of teams' members, and what becomes of answers with a seat, a question or an account."""

from functools import partial

import pytest
from sqlalchemy import delete

from festgate.kit.db.statements import Statement
from festgate.kit.errors import Invalid, NotFound, TooMany
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.events import cancel_event
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.registrations import queries, team_queries
from festgate.portal.registrations.answers import (
    ORDER,
    answer_sheet,
    answers_of_person,
    door_answers,
    save_answers,
)
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.checks import check_answers
from festgate.portal.registrations.errors import AnswersNeeded
from festgate.portal.registrations.files import (
    MAX_FILE,
    MAX_OF_PERSON,
    MAX_UPLOADS,
    delete_answers,
    space_counts,
    upload_file,
)
from festgate.portal.registrations.holds import confirm_seat, hold_seat
from festgate.portal.registrations.personal_data import end_registrations, export_registrations
from festgate.portal.registrations.tables import answers, files
from festgate.portal.registrations.teams import join_team, leave_team
from festgate.portal.registrations.waiting_list import join
from tests.portal.registrations.team_fest import add_team_event, check, register_team
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

ROLL = QuestionDetails("text", "Roll number", is_required=True, is_at_door=True)
COLLEGE = QuestionDetails("text", "College", per="order")
LETTER = QuestionDetails("file", "Letter")


def nobody_in(_connection: object, _seat_id: int) -> bool:
    return False


def replaced(_connection: object, _seat_id: int) -> bool:
    return True


save = partial(save_answers, is_used=nobody_in, is_complete=False)
upload = partial(upload_file, is_used=nobody_in)


def test_each_member_of_a_team_answers_about_their_own_place(database: OpenDatabase) -> None:
    event, kind = add_team_event(database)
    roll = database.write(catalogue.add_question, event.slug, ROLL)
    college = database.write(catalogue.add_question, event.slug, COLLEGE)
    captain, member = add_someone(database), add_someone(database)
    team_id = register_team(database, captain, kind, "Bolts", 2)
    team = database.read(team_queries.team_by_id, team_id)
    assert team.is_confirmed  # its seats do not wait for the answers
    database.write(join_team, member, team.token, replaced)
    own = [database.read(answer_sheet, person, event.slug, nobody_in) for person in (captain, member)]
    assert [[place.question.id for place in sheet.fields] for sheet in own] == [[roll, college], [roll]]
    (seat,) = own[1].seats
    database.write(save, member, event.slug, {(roll, seat.id): "21CS042"})
    with pytest.raises(NotFound):
        database.write(save, captain, event.slug, {(roll, seat.id): "mine"})
    event = database.read(catalogue.event_by_id, event.id)
    assert database.read(door_answers, event, seat.id) == [("Roll number", "21CS042")]
    database.write(leave_team, member, team_id, replaced)
    assert database.read(answers_of_person, member) == []
    assert database.read(door_answers, event, seat.id) == [("Roll number", "")]
    check(database)


def test_an_account_exports_its_answers_and_takes_them_with_it(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    college = database.write(catalogue.add_question, event.slug, COLLEGE)
    letter = database.write(catalogue.add_question, event.slug, LETTER)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    database.write(save, person, event.slug, {(college, ORDER): "IIT Madras"})
    database.write(upload, person, event.slug, (letter, seat), "C:\\me\\letter.PDF", b"%PDF-1.4")
    exported = database.read(export_registrations, person)["answers"]
    assert isinstance(exported, list)
    assert [(answer["question"], answer["answer"], answer["registration"]) for answer in exported] == [
        ("College", "IIT Madras", None),
        ("Letter", "letter.pdf", seat),
    ]
    database.write(end_registrations, person, nobody_in, replaced)
    assert database.read(answers_of_person, person) == []
    assert database.report(space_counts) == ({}, {})
    check(database)


def test_a_question_is_deleted_with_its_answers_and_files(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    letter = database.write(catalogue.add_question, event.slug, LETTER)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    database.write(upload, person, event.slug, (letter, seat), "", b"\xff\xd8\xff picture")
    database.write(catalogue.drop_question, event.slug, letter, delete_answers)
    assert database.report(space_counts) == ({}, {})
    assert database.read(catalogue.event_by_id, event.id).asks == 0
    check(database)


def test_a_draft_is_deleted_with_its_questions(database: OpenDatabase) -> None:
    draft = database.write(
        catalogue.create_event, catalogue.details_of(add_event(database, title="Original"))
    )
    database.write(catalogue.add_question, draft.slug, ROLL)
    database.write(cancel_event, draft.slug)
    assert database.read(catalogue.every_question) == {}


def test_the_files_of_a_person_are_bounded_together(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    questions = [database.write(catalogue.add_question, event.slug, LETTER) for _ in range(6)]
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    content = b"%PDF-".ljust(MAX_FILE, b".")
    for question in questions[:-1]:
        database.write(upload, person, event.slug, (question, seat), "a", content)
    with pytest.raises(Invalid) as refused:
        database.write(upload, person, event.slug, (questions[-1], seat), "a", content)
    assert refused.value.fields == {"file": "Your files are larger than 10 MB together."}
    assert database.report(space_counts)[0][person] == MAX_OF_PERSON
    # Another file in place of one takes no more.
    database.write(upload, person, event.slug, (questions[0], seat), "b", content)
    check(database)


def test_the_check_finds_a_file_that_is_no_answer_and_a_wrong_count(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    letter = database.write(catalogue.add_question, event.slug, LETTER)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    database.write(upload, person, event.slug, (letter, seat), "a", b"%PDF-1.4")
    database.write(lambda connection: connection.run(Statement(delete(answers))))
    assert [finding.rule for finding in database.report(check_answers)] == ["a file is an answer"]
    database.write(lambda connection: connection.run(Statement(delete(files))))
    assert {finding.rule for finding in database.report(check_answers)} == {
        "space of files = bytes of the files"
    }


def test_the_uploads_of_a_person_are_limited(database: OpenDatabase) -> None:
    event = add_event(database, fee=0)
    letter = database.write(catalogue.add_question, event.slug, LETTER)
    person = add_someone(database)
    seat = database.write(hold_seat, person, event.slug, 15)
    for _ in range(MAX_UPLOADS):
        database.write(upload, person, event.slug, (letter, seat), "a", b"%PDF-1.4")
    with pytest.raises(TooMany):
        database.write(upload, person, event.slug, (letter, seat), "a", b"%PDF-1.4")
    check(database)


def test_an_offered_seat_waits_for_the_answers_too(database: OpenDatabase) -> None:
    event = add_event(database, fee=0, capacity=1)
    database.write(
        catalogue.set_waiting_list, event.slug, catalogue.WaitingSettings("open", 60, needs_approval=False)
    )
    first, second = add_someone(database), add_someone(database)
    taken = database.write(hold_seat, first, event.slug, 15)
    roll = database.write(catalogue.add_question, event.slug, ROLL)
    database.write(join, second, event.slug)
    database.write(cancel_seat, first, taken)
    (offered,) = database.read(queries.live_seats, second)
    with pytest.raises(AnswersNeeded):
        database.write(confirm_seat, second, offered.id)
    database.write(save, second, event.slug, {(roll, offered.id): "21CS042"})
    database.write(confirm_seat, second, offered.id)
    check(database)
