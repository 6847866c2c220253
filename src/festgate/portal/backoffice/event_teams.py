"""The teams of an event for organisers: their members, and changes of them."""

from dataclasses import dataclass

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.masking import masked_address, masked_name
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.facade import Team
from festgate.portal.tickets import facade as tickets
from festgate.settings import Settings


@dataclass(frozen=True, slots=True)
class PlaceOfTeam:
    """A place of a team, as an address names it."""

    slug: str
    team_id: int
    seat_id: int


def read_teams(connection: Connection, slug: str) -> tuple[Event, list[Team]]:
    """Return the event and its live teams, by name. Raises NotFound. It is for `Database.report`."""
    event = catalogue.any_event_by_slug(connection, slug)
    return event, registrations.teams_at(connection, event.id)


def team_at(connection: Connection, slug: str, team_id: int) -> Team:
    """Return a team of the event. Raises NotFound, also for a team of another event."""
    team = registrations.team_by_id(connection, team_id)
    if team.slug != slug:
        raise NotFound
    return team


def order_of(connection: Connection, team: Team) -> str:
    """Return the reference of the order of the team; empty without one."""
    order_id = team.places[0].order_id if team.places else None
    return "" if order_id is None else checkout.ref_of(connection, order_id)


def rename_team(connection: Connection, actor: Actor, slug: str, team_id: int, name: str) -> None:
    """Rename a team of the event. Idempotent. Raises NotFound, TeamNameTaken, or ValueError with a sentence."""
    before = team_at(connection, slug, team_id)
    registrations.rename_team(connection, actor.person or 0, team_id, name, organises=True)
    team = team_at(connection, slug, team_id)
    if team.name != before.name:
        subject = checkout.subject_of_person(team.captain_id)
        about = {"before": before.name, "after": team.name}
        audit.record(connection, actor, "team.renamed", subject, event_id=team.event_id, **about)


def cancel_team(connection: Connection, actor: Actor, slug: str, team_id: int) -> None:
    """End all seats of a team that are not paid. Idempotent. Raises the errors of registrations' `cancel_team`."""
    team_at(connection, slug, team_id)
    team = registrations.cancel_team(connection, actor.person or 0, team_id, tickets.is_used, organises=True)
    if team.places:
        subject = checkout.subject_of_person(team.captain_id)
        about: dict[str, str | int] = {"team": team.name, "tickets": len(team.places)}
        audit.record(connection, actor, "registration.cancelled", subject, event_id=team.event_id, **about)


def replace_member(
    connection: Connection,
    actor: Actor,
    place: PlaceOfTeam,
    recipient: str,
    seen: str,
    settings: Settings,
    key: str = "",
) -> None:
    """Free a place as the organiser was shown it, and invite another person to it. The same key again does nothing.

    Raises the errors of registrations' `replace_member`, KeyReused for another address, or LimitReached.
    """
    team = team_at(connection, place.slug, place.team_id)
    invited = registrations.invited_with(connection, team.id, place.seat_id, key) if key else None
    if invited is not None:
        if invited not in ("", recipient):
            raise checkout.KeyReused
        return
    if actor.person is not None:
        accounts.allow_use(connection, actor.person, "resend")
    before = registrations.replace_member(
        connection, team.id, place.seat_id, recipient, seen, tickets.replace_code, settings, key
    )
    about = {"before": masked_name(before), "after": masked_address(recipient), "team": team.name}
    subject = checkout.subject_of_person(team.captain_id)
    audit.record(connection, actor, "ticket.transferred", subject, event_id=team.event_id, **about)
