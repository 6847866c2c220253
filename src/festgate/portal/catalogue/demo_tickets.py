"""Tickets of the demo besides one plain ticket for each event: an early bird, teams, a pass, a promo code, questions.

Each ticket type is added in such a way that a form without a choice still takes one single ticket, and no question
needs an answer. So the programs of the course, which know neither, work with the demo.
"""

from dataclasses import replace
from typing import Final

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.code_changes import create_code
from festgate.portal.catalogue.demo import price, round_up
from festgate.portal.catalogue.events import OFFER_MINUTES
from festgate.portal.catalogue.prices import PERCENT
from festgate.portal.catalogue.promo_codes import CodeTerms
from festgate.portal.catalogue.queries import event_by_slug
from festgate.portal.catalogue.question_changes import add_question, question_preset
from festgate.portal.catalogue.questions import QuestionDetails
from festgate.portal.catalogue.ticket_types import TicketType, TypeDetails, types_of
from festgate.portal.catalogue.type_changes import add_ticket_type, edit_ticket_type
from festgate.portal.catalogue.waiting_settings import WaitingSettings, set_waiting_list

PROMO_CODE: Final = "DEMO20"
PROMO_EVENT: Final = "AI Workshop"
FULL_EVENT: Final = "pottery-corner"
"""The slug of the event that has a waiting list."""
ASKING_EVENT: Final = "gaming-tournament"
"""The slug of the event with questions."""
STAGE_EVENT: Final = "stage-pass"
"""The slug of the event whose page sells the pass."""
ADMITTED: Final = ("dance-battle", "music-night", "stand-up-comedy")
"""The slugs of the other events that the pass admits to."""
EARLY_BIRD: Final = 45 * MINUTE
"""How long the early bird is on sale after the demo was made, so that its end can be watched."""


def plant_tickets(connection: Connection, currency: str) -> None:
    """Add ticket types, a promo code, questions and a waiting list to the demo, before anybody has a ticket."""
    _add_early_bird(connection, currency)
    _add_teams(connection, currency)
    _add_pass(connection)
    _add_promo_code(connection)
    _add_questions(connection)
    set_waiting_list(connection, FULL_EVENT, WaitingSettings("open", OFFER_MINUTES, needs_approval=False))


def _add_early_bird(connection: Connection, currency: str) -> None:
    """Sell the Music Night at its price for a while, and for more afterwards."""
    slug = "music-night"
    first = _first_type(connection, slug)
    early = replace(
        first.details,
        name="Early bird",
        description="Cheaper if you are quick.",
        sales_close_at=round_up(connection.now + EARLY_BIRD),
    )
    edit_ticket_type(connection, slug, first.id, early, _count_no_seats)
    add_ticket_type(connection, slug, TypeDetails("Standard", price(300, currency), follows_id=first.id))


def _add_teams(connection: Connection, currency: str) -> None:
    """Sell the Treasure Hunt also to teams, which pay less together than alone."""
    slug = "treasure-hunt"
    first = _first_type(connection, slug)
    alone = replace(first.details, name="On your own", description="We find a team for you at the start.")
    edit_ticket_type(connection, slug, first.id, alone, _count_no_seats)
    team = TypeDetails("Team", price(400, currency), team_min=2, team_max=3, team_price="team")
    add_ticket_type(connection, slug, team)


def _add_pass(connection: Connection) -> None:
    """Let the ticket of the Stage Pass admit to the three evenings on stage, for less than their single tickets."""
    first = _first_type(connection, STAGE_EVENT)
    details = replace(first.details, description="Three evenings on stage with one ticket.")
    admitted = [event_by_slug(connection, slug).id for slug in ADMITTED]
    edit_ticket_type(connection, STAGE_EVENT, first.id, details, _count_no_seats, admits=admitted)


def _add_promo_code(connection: Connection) -> None:
    event = event_by_slug(connection, "ai-workshop")
    terms = CodeTerms("percentage", 20 * PERCENT, event_id=event.id, max_uses=20, max_per_person=1)
    create_code(connection, PROMO_CODE, terms)


def _add_questions(connection: Connection) -> None:
    """Ask for a T-shirt size and a roll number; both can be left empty."""
    size = question_preset("size")
    if size is not None:
        add_question(connection, ASKING_EVENT, replace(size, is_required=False))
    roll = QuestionDetails(
        "text", "Roll number", "Leave it empty if you are from another college.", is_at_door=True
    )
    add_question(connection, ASKING_EVENT, roll)


def _first_type(connection: Connection, slug: str) -> TicketType:
    return types_of(connection, event_by_slug(connection, slug).id)[0]


def _count_no_seats(_connection: Connection, _event_id: int, _type_id: int) -> tuple[int, int]:
    return 0, 0
