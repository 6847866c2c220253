"""Actions on many guests: the plan names what is left out, each guest is done whole, and a form does each once."""

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, select

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import Refused, TooMany
from festgate.kit.messaging.mail import messages
from festgate.kit.visitors import Actor
from festgate.portal.accounts.facade import allow_use
from festgate.portal.audit.tables import entries
from festgate.portal.backoffice.bulk_actions import (
    Action,
    Plan,
    cancel_free,
    guests_after,
    plan_action,
    resend_ticket,
)
from festgate.portal.backoffice.guest_list import open_list
from festgate.portal.backoffice.guest_queries import Guest
from festgate.portal.registrations import queries
from festgate.portal.tickets import facade as tickets
from festgate.portal.tickets.emails import TicketEmails
from festgate.portal.tickets.facade import Ticket
from festgate.settings import Settings
from tests.portal.backoffice.guest_fest import GuestFest, check_in, fill_fest
from tests.rig.database import OpenDatabase

_emails = Statement(select(func.count()).select_from(messages))
_logged = Statement(select(*entries.c["action", "subject"]).order_by(entries.c.id))


@pytest.fixture
def fest(database: OpenDatabase) -> GuestFest:
    return fill_fest(database)


@pytest.fixture
def post(fest: GuestFest) -> tickets.PostCopy:
    return TicketEmails(Settings(), b"secret").post_copy


def plan(fest: GuestFest, action: Action, *selected: int, **parameters: str) -> Plan:
    def read(connection: Connection) -> Plan:
        return plan_action(connection, action, open_list(connection, None, None, parameters), selected)

    return fest.database.report(read)


def guest(fest: GuestFest, name: str) -> Guest:
    (one,) = (
        one
        for part in (plan(fest, "cancel", fest.seats[name]),)
        for one in (*part.ready, *(g for g, _ in part.refused))
    )
    return one


def actor(fest: GuestFest) -> Actor:
    return Actor(fest.people["sam"], "session", "192.0.2.1")


def sent(fest: GuestFest) -> int:
    return int(fest.database.read(lambda connection: connection.value(_emails)))


def logged(fest: GuestFest) -> list[tuple[str, str]]:
    return [(action, subject) for action, subject in fest.database.read(lambda one: one.all(_logged))]


def test_a_plan_names_the_guests_that_are_left_out_and_why(fest: GuestFest) -> None:
    fest.database.write(check_in, fest.seats["zoe"])
    cancelling = plan(fest, "cancel", state="all")
    assert {one.email for one in cancelling.ready} == {"asha@example.org", "sam@example.org"}
    assert {(one.email.partition("@")[0], reason) for one, reason in cancelling.refused} == {
        ("zoe", "The guest was checked in."),
        ("ravi", "It was paid: cancel it in its order, so that it is refunded."),
        ("meena", "Its order waits for payment: cancel it in the order."),
        ("olga", "The registration has ended already."),
    }
    resending = plan(fest, "resend")
    assert {one.email.partition("@")[0] for one in resending.ready} == {"asha", "zoe", "ravi"}
    assert resending.reasons == [("There is no valid ticket.", 2)]
    fest.database.clock.move(2 * DAY)
    assert plan(fest, "resend").reasons[0] == ("The event is over or cancelled.", 3)


def test_selected_guests_are_planned_whatever_the_filter(fest: GuestFest) -> None:
    selected = plan(fest, "cancel", fest.seats["olga"], fest.seats["asha"], 999_999, state="held")
    assert (selected.count, len(selected.refused), selected.last) == (1, 1, fest.seats["olga"])


def test_a_ticket_is_sent_again_once_for_a_form(fest: GuestFest, post: tickets.PostCopy) -> None:
    before = sent(fest)
    asha = guest(fest, "asha")
    fest.database.write(resend_ticket, actor(fest), asha, "FORM", post)
    with pytest.raises(Refused, match="done already"):
        fest.database.write(resend_ticket, actor(fest), asha, "FORM", post)
    assert sent(fest) == before + 1
    fest.database.write(resend_ticket, actor(fest), asha, "OTHER", post)
    assert sent(fest) == before + 2
    assert logged(fest) == [("ticket.resent", str(asha.seat_id))] * 2


def test_a_guest_whose_email_failed_is_not_marked_as_done(fest: GuestFest, post: tickets.PostCopy) -> None:
    asha = guest(fest, "asha")

    def crash(_connection: Connection, _ticket: Ticket, _topic: str) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fest.database.write(resend_ticket, actor(fest), asha, "FORM", crash)
    assert logged(fest) == []
    fest.database.write(resend_ticket, actor(fest), asha, "FORM", post)
    assert len(logged(fest)) == 1


def test_an_email_that_is_not_queued_is_reported(fest: GuestFest) -> None:
    with pytest.raises(Refused, match="not confirmed"):
        fest.database.write(resend_ticket, actor(fest), guest(fest, "asha"), "FORM", lambda *_: None)
    assert logged(fest) == []


def test_a_free_registration_is_cancelled_once_and_a_paid_one_never(fest: GuestFest) -> None:
    cancel = partial(cancel_free, is_used=tickets.is_used)
    asha, ravi, meena = (guest(fest, name) for name in ("asha", "ravi", "meena"))
    fest.database.write(cancel, actor(fest), asha, "FORM")
    assert fest.database.read(queries.seat, asha.seat_id).state == "cancelled"
    assert fest.database.read(queries.seat, asha.seat_id).ended_by == "organiser"
    with pytest.raises(Refused, match="done already"):
        fest.database.write(cancel, actor(fest), asha, "FORM")
    with pytest.raises(Refused, match="ended already"):
        fest.database.write(cancel, actor(fest), asha, "OTHER")
    for other in (ravi, meena):
        with pytest.raises(Refused, match="order"):
            fest.database.write(cancel, actor(fest), other, "FORM")
        assert fest.database.read(queries.seat, other.seat_id).state != "cancelled"
    assert logged(fest) == [("registration.cancelled", str(asha.seat_id))]


def test_a_guest_that_was_checked_in_after_the_plan_keeps_the_seat(fest: GuestFest) -> None:
    zoe = guest(fest, "zoe")
    fest.database.write(check_in, zoe.seat_id)
    with pytest.raises(Refused, match="checked in"):
        fest.database.write(cancel_free, actor(fest), zoe, "FORM", tickets.is_used)
    assert fest.database.read(queries.seat, zoe.seat_id).state == "confirmed"


def test_the_rest_of_an_action_is_behind_the_last_guest_and_has_nobody_new(fest: GuestFest) -> None:
    whole = plan(fest, "cancel", state="all")

    def rest(after: int, last: int) -> list[int]:
        def read(connection: Connection) -> list[Guest]:
            return guests_after(
                connection, open_list(connection, None, None, {"state": "all"}), (), after, last
            )

        return [one.seat_id for one in fest.database.report(read)]

    assert rest(0, whole.last) == list(whole.ids)
    assert rest(whole.ids[2], whole.last) == list(whole.ids[3:])
    assert rest(0, whole.ids[1]) == list(whole.ids[:2])
    assert rest(whole.last, whole.last) == []


def test_the_actions_of_one_person_are_limited(fest: GuestFest) -> None:
    for _ in range(60):
        fest.database.write(allow_use, 1, "bulk")
    with pytest.raises(TooMany):
        fest.database.write(allow_use, 1, "bulk")
    fest.database.write(allow_use, 1, "export")
    fest.database.write(allow_use, 2, "bulk")
    fest.database.clock.move(HOUR)
    fest.database.write(allow_use, 1, "bulk")


def test_an_ended_seat_has_no_ticket_to_send(fest: GuestFest, post: tickets.PostCopy) -> None:
    asha = replace(guest(fest, "asha"), seat_id=fest.seats["sam"])
    with pytest.raises(Refused, match="no valid ticket"):
        fest.database.write(resend_ticket, actor(fest), asha, "FORM", post)
