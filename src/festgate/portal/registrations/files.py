"""Files as answers: accepted only for a seat that the person has, by their content, and within limits.

They are stored in the database, so that they are part of its backups and the same on every host, and an answer never
refers to a file that is missing. A count with a limit, of each person and of all together, keeps them small.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sqlalchemy import bindparam, delete, exists, func, select, update

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.registrations.answers import AnswerSheet, Key, answer_sheet, write_answer
from festgate.portal.registrations.errors import AnswersFixed
from festgate.portal.registrations.queries import IsUsed
from festgate.portal.registrations.tables import LIVE, answers, file_space, files, seats

MEGABYTE: Final = 2**20
MAX_FILE: Final = 2 * MEGABYTE
MAX_OF_PERSON: Final = 10 * MEGABYTE
MAX_OF_ALL: Final = 2048 * MEGABYTE
ALL: Final = 0
"""Stands for all people together in the counts."""
MAX_UPLOADS: Final = 60
"""Uploads of one person in an hour: each is a write of up to two megabytes."""
MAX_FILE_NAME: Final = 100
FORGOTTEN_AT_ONCE: Final = 50
_KINDS: Final = (
    (b"%PDF-", "application/pdf", ".pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
)
"""The first bytes of each kind of file, its media type and the end of its name."""
_SEVERAL_ENDS: Final = {".jpg": (".jpg", ".jpeg")}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that somebody uploaded."""

    id: int
    person_id: int
    name: str
    content_type: str
    size: int
    content: bytes


_insert = inserting(files, returning="id")
_file = Statement(
    select(*files.c["id", "person_id", "name", "content_type", "size", "content"]).where(
        files.c.id == bindparam("file")
    )
)
_answers_event = Statement(
    select(answers.c.id).where(
        answers.c.file_id == bindparam("file"), answers.c.event_id == bindparam("event")
    )
)
_size = Statement(select(files.c.person_id, files.c.size).where(files.c.id == bindparam("file")))
_drop = Statement(delete(files).where(files.c.id == bindparam("file")))
_forget_answer = Statement(delete(answers).where(answers.c.file_id == bindparam("file")))
_take = Statement(
    update(file_space)
    .where(
        file_space.c.person_id == bindparam("owner"),
        file_space.c.used + bindparam("size") <= bindparam("most"),
    )
    .values(used=file_space.c.used + bindparam("size"))
)
_give_back = Statement(
    update(file_space)
    .where(file_space.c.person_id == bindparam("owner"))
    .values(used=file_space.c.used - bindparam("size"))
)
_has_count = Statement(select(file_space.c.used).where(file_space.c.person_id == bindparam("owner")))
_add_count = inserting(file_space)
_counts = Statement(select(file_space.c.person_id, file_space.c.used))
_sizes = Statement(select(files.c.person_id, files.c.size))
_without_answer = Statement(
    select(files.c.id).where(~exists().where(answers.c.file_id == files.c.id)).order_by(files.c.id)
)
_of_question = answers.c.question_id == bindparam("question")
_of_seat = answers.c.seat_id == bindparam("seat")
_of_person = answers.c.person_id == bindparam("person")
_with_file = select(answers.c.file_id).where(answers.c.file_id.is_not(None))
_files_of_question = Statement(_with_file.where(_of_question))
_files_of_seat = Statement(_with_file.where(_of_seat))
_files_of_person = Statement(_with_file.where(_of_person))
_drop_of_question = Statement(delete(answers).where(_of_question))
_drop_of_seat = Statement(delete(answers).where(_of_seat))
_drop_of_person = Statement(delete(answers).where(_of_person))
_own = answers.alias("own")
_of_guest = answers.c.person_id == bindparam("guest")
_given_twice = (
    _of_guest
    & answers.c.seat_id.is_(None)
    & exists().where(
        _own.c.person_id == bindparam("owner"),
        _own.c.seat_id.is_(None),
        _own.c.event_id == answers.c.event_id,
        _own.c.question_id == answers.c.question_id,
    )
)
_files_given_twice = Statement(_with_file.where(_given_twice))
_drop_given_twice = Statement(delete(answers).where(_given_twice))
_move = Statement(update(answers).where(_of_guest).values(person_id=bindparam("owner")))
_move_files = Statement(
    update(files).where(files.c.person_id == bindparam("guest")).values(person_id=bindparam("owner"))
)
_bytes_of_person = Statement(
    select(func.coalesce(func.sum(files.c.size), 0)).where(files.c.person_id == bindparam("person"))
)
_is_over = seats.c.state.in_(("cancelled", "lapsed")) & (
    (seats.c.state == "cancelled") | (seats.c.changed_at < bindparam("before"))
)
_of_ended_seats = Statement(
    select(answers.c.file_id)
    .join_from(answers, seats, seats.c.id == answers.c.seat_id)
    .where(answers.c.file_id.is_not(None), _is_over)
    .limit(FORGOTTEN_AT_ONCE)
)
_of_ended_orders = Statement(
    select(answers.c.file_id)
    .where(
        answers.c.file_id.is_not(None),
        answers.c.seat_id.is_(None),
        ~exists().where(
            seats.c.person_id == answers.c.person_id,
            seats.c.event_id == answers.c.event_id,
            LIVE | (seats.c.changed_at >= bindparam("before")),
        ),
    )
    .limit(FORGOTTEN_AT_ONCE)
)


def file_kind(content: bytes) -> tuple[str, str] | None:
    """Return the media type and the end of the name of a file, by its first bytes; None for other kinds."""
    return next(((kind, end) for first, kind, end in _KINDS if content.startswith(first)), None)


def upload_file(
    connection: Connection,
    person_id: int,
    slug: str,
    key: Key,
    name: str,
    content: bytes,
    is_used: IsUsed,
) -> AnswerSheet:
    """Store a file as the person's answer, in place of an earlier one, and return the sheet.

    Raises NotFound without a live seat, AnswersFixed, TooMany, or Invalid for a file that is empty, too large, of
    another kind, or above the limits.
    """
    sheet = _sheet_for(connection, person_id, slug, key, is_used)
    kind = file_kind(content)
    if kind is None:
        raise Invalid({"file": gettext("Choose a PDF, PNG or JPEG file.")})
    if len(content) > MAX_FILE:
        sentence = gettext("The file is larger than {count} MB.")
        raise Invalid({"file": sentence.format(count=MAX_FILE // MEGABYTE)})
    sentence = gettext("You have uploaded {count} files in an hour.")
    accounts.count_attempt(
        connection,
        accounts.Limit(f"files:{person_id}", MAX_UPLOADS, sentence.format(count=MAX_UPLOADS), HOUR),
    )
    remove_answer_file(connection, sheet, key)
    _take_space(connection, person_id, len(content), MAX_OF_PERSON)
    _take_space(connection, ALL, len(content), MAX_OF_ALL)
    content_type, end = kind
    shown = file_name(name, end)
    file_id: int = connection.value(
        _insert,
        person_id=person_id,
        name=shown,
        content_type=content_type,
        size=len(content),
        content=content,
    )
    write_answer(connection, sheet, key, shown, file_id)
    return answer_sheet(connection, person_id, slug, is_used)


def remove_file(connection: Connection, person_id: int, slug: str, key: Key, is_used: IsUsed) -> AnswerSheet:
    """Delete the file of an answer. Idempotent. Raises NotFound, AnswersFixed, or Invalid if it is required."""
    sheet = _sheet_for(connection, person_id, slug, key, is_used)
    place = next(place for place in sheet.fields if place.key == key)
    if place.question.details.is_required and not place.is_held:
        raise Invalid({"file": gettext("This file is required. Upload another one in its place.")})
    remove_answer_file(connection, sheet, key)
    return answer_sheet(connection, person_id, slug, is_used)


def remove_answer_file(connection: Connection, sheet: AnswerSheet, key: Key) -> None:
    """Delete the file of an answer, and the answer."""
    answer = next((place.answer for place in sheet.fields if place.key == key), None)
    if answer is not None and answer.file_id is not None:
        drop_file(connection, answer.file_id)


def drop_file(connection: Connection, file_id: int) -> None:
    """Delete a file and the answer that it is."""
    row = connection.first(_size, file=file_id)
    connection.run(_forget_answer, file=file_id)
    if row is not None and connection.run(_drop, file=file_id):
        for owner in (row[0], ALL):
            connection.run(_give_back, owner=owner, size=row[1])


def delete_answers(connection: Connection, question_id: int) -> None:
    """Delete every answer to a question, with its files."""
    for (file_id,) in connection.all(_files_of_question, question=question_id):
        drop_file(connection, file_id)
    connection.run(_drop_of_question, question=question_id)


def delete_answers_about(connection: Connection, seat_id: int) -> None:
    """Delete the answers about one ticket, with their files: the person that gave them has left it."""
    for (file_id,) in connection.all(_files_of_seat, seat=seat_id):
        drop_file(connection, file_id)
    connection.run(_drop_of_seat, seat=seat_id)


def forget_answers(connection: Connection, person_id: int) -> None:
    """Delete every answer and file of a person."""
    for (file_id,) in connection.all(_files_of_person, person=person_id):
        drop_file(connection, file_id)
    connection.run(_drop_of_person, person=person_id)


def move_answers(connection: Connection, guest_id: int, person_id: int) -> None:
    """Give the answers and files of a guest to the person that claims their seats.

    The person's own answer about all their tickets for an event stays. Their files may be larger then than the limit.
    """
    for (file_id,) in connection.all(_files_given_twice, guest=guest_id, owner=person_id):
        drop_file(connection, file_id)
    connection.run(_drop_given_twice, guest=guest_id, owner=person_id)
    connection.run(_move, guest=guest_id, owner=person_id)
    size: int = connection.value(_bytes_of_person, person=guest_id)
    if size:
        connection.run(_give_back, owner=guest_id, size=size)
        if not connection.run(_give_back, owner=person_id, size=-size):
            _add_space(connection, person_id, size)
        connection.run(_move_files, guest=guest_id, owner=person_id)


def forget_ended_files(connection: Connection) -> int:
    """Delete some files about seats that have ended, and return how many.

    A hold that ran out may be paid a little later, so its files are kept for a day.
    """
    before = connection.now - DAY
    rows = connection.all(_of_ended_seats, before=before) + connection.all(_of_ended_orders, before=before)
    for (file_id,) in rows:
        drop_file(connection, file_id)
    return len(rows)


def own_file(connection: Connection, person_id: int, file_id: int) -> StoredFile:
    """Return a file of the person. Raises NotFound."""
    stored = any_file(connection, file_id)
    if stored.person_id != person_id:
        raise NotFound
    return stored


def any_file(connection: Connection, file_id: int) -> StoredFile:
    """Return a file. Raises NotFound."""
    row = connection.first(_file, file=file_id)
    if row is None:
        raise NotFound
    number, person_id, name, content_type, size, content = row
    return StoredFile(number, person_id, name, content_type, size, bytes(content))


def file_of_event(connection: Connection, event_id: int, file_id: int) -> StoredFile:
    """Return a file that answers a question at the event, for its organisers. Raises NotFound."""
    if connection.first(_answers_event, file=file_id, event=event_id) is None:
        raise NotFound
    return any_file(connection, file_id)


def file_name(name: str, end: str) -> str:
    """Return the name under which a file is stored and sent: without folders, with the end of its kind."""
    last = PurePosixPath(name.replace("\\", "/")).name
    try:
        last = tidy("".join(sign if sign.isprintable() else "_" for sign in last)[:MAX_FILE_NAME])
    except ValueError:
        last = ""
    stem = last
    for known in _SEVERAL_ENDS.get(end, (end,)):
        if last.lower().endswith(known):
            stem = last[: -len(known)]
    stem = stem.strip(". ")[: MAX_FILE_NAME - len(end)]
    return f"{stem or 'file'}{end}"


def space_counts(connection: Connection) -> tuple[dict[int, int], dict[int, int]]:
    """Return the stored and the real bytes of the files of each person, and of ALL."""
    stored = {owner: used for owner, used in connection.all(_counts) if used}
    real: dict[int, int] = {}
    for owner, size in connection.all(_sizes):
        for key in (owner, ALL):
            real[key] = real.get(key, 0) + size
    return stored, real


def files_without_answer(connection: Connection) -> list[int]:
    """Return the ids of files that are no answer."""
    return [file_id for (file_id,) in connection.all(_without_answer)]


def _sheet_for(connection: Connection, person_id: int, slug: str, key: Key, is_used: IsUsed) -> AnswerSheet:
    """Return the sheet on which the file is an answer that can be changed. Raises NotFound or AnswersFixed."""
    sheet = answer_sheet(connection, person_id, slug, is_used)
    place = next((place for place in sheet.fields if place.key == key), None)
    if place is None or place.question.details.kind != "file":
        raise NotFound
    if place not in sheet.open_fields:
        raise AnswersFixed
    return sheet


def _take_space(connection: Connection, owner: int, size: int, most: int) -> None:
    """Count the bytes of a file. Raises Invalid above the limit."""
    if connection.run(_take, owner=owner, size=size, most=most):
        return
    if connection.first(_has_count, owner=owner) is not None:
        sentence = (
            gettext("There is no room for more files. Ask the organisers.")
            if owner == ALL
            else gettext("Your files are larger than {count} MB together.").format(count=most // MEGABYTE)
        )
        raise Invalid({"file": sentence})
    _add_space(connection, owner, size)


def _add_space(connection: Connection, owner: int, size: int) -> None:
    """Add the count of somebody without one."""
    try:
        connection.run(_add_count, person_id=owner, used=size)
    except UniqueViolation:
        raise TryAgain from None
