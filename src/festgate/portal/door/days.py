"""The day of an event, as its door sees it: today, or another one that the staff is warned about."""

from zoneinfo import ZoneInfo

from festgate.kit.clock import HOUR, Milliseconds
from festgate.kit.formats import Formats
from festgate.kit.translation import gettext
from festgate.kit.writing import local_day
from festgate.portal.catalogue.facade import Event

AROUND = 6 * HOUR
"""So long before its start and after its end an event counts as today's: people come early, and nights run late."""


def is_today(event: Event, now: Milliseconds, zone: ZoneInfo) -> bool:
    """Return whether the event starts on this day, or takes place around now."""
    starts_today = local_day(event.starts_at, zone) == local_day(now, zone)
    return starts_today or event.starts_at - AROUND <= now <= event.ends_at + AROUND


def warning_of(event: Event, now: Milliseconds, zone: ZoneInfo, writing: Formats) -> str:
    """Return the sentence about an event of another day; empty for one of today."""
    if is_today(event, now, zone):
        return ""
    if now < event.starts_at:
        return gettext("This event is not today. It starts {time}.").format(
            time=writing.when(event.starts_at)
        )
    return gettext("This event is not today. It ended {time}.").format(time=writing.when(event.ends_at))
