"""What the last step did, as the list of events says it."""

from collections.abc import Mapping

from festgate.portal.backoffice.queries import Organised

NOTICES = ("saved", "published", "cancelled")
"""Parameters with which a step leads to the list of events: the slug of the event that it changed."""


def notice_of(asked: Mapping[str, str], listed: list[Organised]) -> str:
    """What the last step did, said only where the event bears it out; nothing for anything else in the address."""
    titles = {(organised.event.slug, organised.event.state): organised.event.title for organised in listed}
    for (slug, state), title in titles.items():
        if slug == asked.get("saved"):
            return f"{title} is saved{' as a draft' if state == 'draft' else ''}."
        if slug == asked.get("published") and state == "published":
            return f"{title} is published."
        if slug == asked.get("cancelled") and state == "cancelled":
            return f"{title} is cancelled. Attendees are being told and payments refunded."
    return "The draft has been deleted." if asked.get("cancelled") else ""
