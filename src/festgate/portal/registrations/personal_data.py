"""A person's own registrations: for the download, and when the account is deleted."""

from functools import partial

from festgate.kit.db.statements import Connection
from festgate.kit.translation import gettext, ngettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import answers, line, queries
from festgate.portal.registrations.cancellations import release_seat
from festgate.portal.registrations.endings import HOLDER
from festgate.portal.registrations.files import forget_answers
from festgate.portal.registrations.holders import forget_holders
from festgate.portal.registrations.queries import IsUsed
from festgate.portal.registrations.seat_moves import forget_guest, move_seats
from festgate.portal.registrations.team_queries import team_by_id
from festgate.portal.registrations.teams import ReplaceCode, leave_all
from festgate.portal.registrations.waiting_list import leave_all as leave_lists


def personal_records(is_used: IsUsed, replace_code: ReplaceCode) -> accounts.PersonalRecords:
    """Return the functions for a person's registrations; `is_used` and `replace_code` are functions of tickets."""
    return accounts.PersonalRecords(
        export_registrations,
        partial(foresee_registrations, is_used=is_used),
        partial(end_registrations, is_used=is_used, replace_code=replace_code),
        move_seats,
    )


def export_registrations(connection: Connection, person_id: int) -> accounts.Values:
    """Return every seat that the person has or had."""
    places = queries.places_of(connection, person_id)
    return {
        "registrations": [
            {
                "id": seat.id,
                "event": seat.slug,
                "title": seat.title,
                "place": seat.place,
                "starts_at": accounts.export_time(seat.starts_at),
                "ends_at": accounts.export_time(seat.ends_at),
                "fee": accounts.export_amount(seat.fee),
                "tax": accounts.export_amount(seat.tax),
                "promo_code": seat.code,
                "state": seat.state,
                "held_until": accounts.export_time(seat.held_until) if seat.state == "held" else None,
                "ended_by": seat.ended_by,
                "holder_name": seat.attendee_name,
                "holder_email": seat.attendee_email,
                "admits_to": [place.slug for place in places if place.pass_seat_id == seat.id],
            }
            for seat in queries.seats_of(connection, person_id)
        ],
        "answers": _export_answers(connection, person_id),
        "teams": [
            {
                "name": seat.team_name,
                "event": seat.slug,
                "captain": seat.person_id == person_id,
                "registration": seat.id,
                "shown_name": seat.attendee_name or None,
                "shown_email": seat.attendee_email or None,
            }
            for seat in queries.seats_of_member(connection, person_id)
        ],
        "waiting": [
            {
                "id": entry.id,
                "event": entry.slug,
                "title": entry.title,
                "quantity": entry.quantity,
                "state": entry.shown_state,
                "message": entry.message,
                "answer": entry.answer,
                "joined_at": accounts.export_time(entry.joined_at),
            }
            for entry in line.entries_of(connection, person_id)
        ],
    }


def _export_answers(connection: Connection, person_id: int) -> list[accounts.Values]:
    questions = catalogue.every_question(connection)
    return [
        {
            "question": questions[answer.question_id].details.label,
            "event": catalogue.event_by_id(connection, answer.event_id).slug,
            "registration": answer.seat_id,
            "answer": answer.value,
            "file": answer.file_id,
        }
        for answer in answers.answers_of_person(connection, person_id)
    ]


def foresee_registrations(connection: Connection, person_id: int, is_used: IsUsed) -> accounts.Forecast:
    """Return what would become of the person's seats. A paid seat at an event that is not over is an obstacle."""
    obstacles, ended, kept = [], [], 0
    for seat in queries.seats_of(connection, person_id):
        if _ends(connection, seat, is_used):
            sentence = gettext("The registration for {event} ends, and its seat is free for somebody else.")
            ended.append(sentence.format(event=seat.title))
        elif seat.state == "confirmed" and seat.fee.minor > 0 and seat.ends_at > connection.now:
            sentence = gettext(
                "There is a paid ticket for {event}. The organisers can cancel and refund it; "
                "otherwise the account can be deleted after the event."
            )
            obstacles.append(sentence.format(event=seat.title))
        else:
            kept += 1
    ended += [
        gettext("You leave the team {team} for {event}.").format(team=seat.team_name, event=seat.title)
        for seat in queries.seats_of_member(connection, person_id)
        if seat.person_id != person_id and seat.state == "confirmed" and not is_used(connection, seat.id)
    ]
    sentences = []
    if kept:
        sentence = ngettext(
            "{count} past registration, with its ticket and check-in.",
            "{count} past registrations, with their tickets and check-ins.",
            kept,
        )
        sentences.append(sentence.format(count=kept))
    return accounts.Forecast(tuple(obstacles), tuple(ended), tuple(sentences))


def end_registrations(
    connection: Connection, person_id: int, is_used: IsUsed, replace_code: ReplaceCode
) -> None:
    """Release the person's seats that are held or free, except at past events and where they were checked in.

    The seats of their teams end too, unless a member was checked in; and they leave the teams of others.
    """
    leave_all(connection, person_id, replace_code)
    leave_lists(connection, person_id)
    # In order of event id, as everywhere where several counts are locked.
    for listed in sorted(queries.seats_of(connection, person_id), key=lambda seat: (seat.event_id, seat.id)):
        seat = queries.lock_seat(connection, listed.id)
        if seat is not None and _ends(connection, seat, is_used):
            release_seat(connection, seat, HOLDER)
    forget_holders(connection, person_id)
    forget_guest(connection, person_id)
    forget_answers(connection, person_id)


def _ends(connection: Connection, seat: queries.Seat, is_used: IsUsed) -> bool:
    """Return whether the seat ends with the account."""
    if seat.state == "held":
        return True
    if seat.team_id is not None:
        team = team_by_id(connection, seat.team_id)
        if any(is_used(connection, place.seat_id) for place in team.places):
            return False
    return (
        seat.state == "confirmed"
        and seat.fee.minor == 0
        and seat.ends_at > connection.now
        and not is_used(connection, seat.id)
    )
