"""Notices about things that need attention in the office, each with a link to do something about it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from festgate.kit.clock import DAY, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.formats import Formats
from festgate.kit.messaging import mail
from festgate.kit.roles import Permission
from festgate.kit.translation import gettext, ngettext
from festgate.kit.writing import local_day
from festgate.portal.backoffice.queries import Organised
from festgate.portal.checkout import facade as checkout
from festgate.settings import Settings

Tone = Literal["bad", "warn", "info"]
OLD_BACKUP = 2 * DAY
MAX_EVENTS = 6
"""Events of one kind that are named; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs attention, and the page where something can be done about it."""

    tone: Tone
    text: str
    link: str
    """The address; empty where nothing can be done in the browser."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A module that does not answer at present."""

    title: str
    why: str


def of_events(
    organised: Iterable[Organised], now: Milliseconds, zone: ZoneInfo, writing: Formats
) -> list[Notice]:
    """Return the notices about these events: nearly sold out, or with sales that open today."""
    events = list(organised)
    few = [one for one in events if one.badge[0] == "few"]
    today = [
        one
        for one in events
        if one.offer.state == "soon"
        and one.event.state == "published"
        and local_day(one.offer.opens_at, zone) == local_day(now, zone)
    ]
    notices = []
    for one in few[:MAX_EVENTS]:
        sentence = ngettext(
            "{event}: {count} seat is left.", "{event}: {count} seats are left.", one.offer.left
        )
        notices.append(
            Notice(
                "warn",
                sentence.format(event=one.event.title, count=one.offer.left),
                f"/organise/events/{one.event.slug}/capacity",
                gettext("Change the number of seats"),
            )
        )
    for one in today[:MAX_EVENTS]:
        sentence = gettext("{event}: sales open today at {time}.")
        notices.append(
            Notice(
                "info",
                sentence.format(event=one.event.title, time=writing.time(one.offer.opens_at)),
                f"/organise/events/{one.event.slug}",
                gettext("Check it"),
            )
        )
    rest = max(0, len(few) - MAX_EVENTS) + max(0, len(today) - MAX_EVENTS)
    if rest:
        sentence = ngettext(
            "{count} more event is nearly sold out or opens today.",
            "{count} more events are nearly sold out or open today.",
            rest,
        )
        notices.append(
            Notice("info", sentence.format(count=rest), "/organise?state=few", gettext("See them"))
        )
    return notices


def of_fest(
    connection: Connection,
    settings: Settings,
    permissions: Collection[Permission],
    unavailable: Sequence[Unavailable],
    writing: Formats,
) -> list[Notice]:
    """Return the notices about the whole fest, of those that a visitor with these permissions can act on."""
    notices = [
        Notice(
            "bad",
            gettext("{module} is unavailable: {reason}").format(module=module.title, reason=module.why),
            "/readyz",
            gettext("See its state"),
        )
        for module in unavailable
    ]
    if "orders.view" in permissions and (stuck := checkout.count_stuck(connection)):
        sentence = ngettext("{count} payment is stuck.", "{count} payments are stuck.", stuck)
        notices.append(
            Notice("bad", sentence.format(count=stuck), "/organise/payments", gettext("See stuck payments"))
        )
    if "guests.edit" in permissions and (lost := mail.count_given_up(connection)):
        sentence = ngettext("{count} email was not sent.", "{count} emails were not sent.", lost)
        notices.append(
            Notice("bad", sentence.format(count=lost), "/organise/emails", gettext("See failed emails"))
        )
    if "events.manage" in permissions:
        if not settings.smtp_host:
            sentence = gettext(
                "No email reaches anybody yet, because no mail server is set. Until then emails are written to "
                "{folder}."
            )
            may_set = "settings" in permissions
            notices.append(
                Notice(
                    "warn",
                    sentence.format(folder=settings.data_dir / "mail"),
                    "/organise/settings/mail" if may_set else "",
                    gettext("Set a mail server") if may_set else "",
                )
            )
        notices += _of_backups(settings, connection.now, writing, may_make="settings" in permissions)
    return notices


def _of_backups(settings: Settings, now: Milliseconds, writing: Formats, *, may_make: bool) -> list[Notice]:
    """Return the notice about the last backup; none on PostgreSQL, whose own tools make them."""
    if settings.database_url:
        return []
    action = ("/organise/backup", gettext("Back up now")) if may_make else ("", "")
    made = last_backup(settings.data_dir)
    if made is None:
        return [Notice("warn", gettext("No backup has been made yet."), *action)]
    sentence = gettext("The last backup was made {time}.").format(time=writing.when(made))
    return [Notice("warn" if now - made > OLD_BACKUP else "info", sentence, *action)]


def last_backup(folder: Path) -> Milliseconds | None:
    """Return when the newest backup in a data folder was made; None without one."""
    # An unfinished one begins with a dot.
    times = [path.stat().st_mtime for path in (folder / "backups").glob("festgate-*.sqlite3")]
    return round(max(times) * 1000) if times else None
