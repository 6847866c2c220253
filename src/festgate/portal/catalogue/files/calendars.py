"""Events of iCalendar files (RFC 5545) as rows."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from festgate.portal.catalogue.calendars import OWN
from festgate.portal.catalogue.details import MAX_LENGTHS, YEARS
from festgate.portal.catalogue.files.calendar_times import Calendar, When, in_utc
from festgate.portal.catalogue.files.components import (
    Component,
    Property,
    read_components,
    split_texts,
)
from festgate.portal.catalogue.files.encodings import as_utf_8
from festgate.portal.catalogue.files.markup import MAX_MARKUP, is_markup, plain_text
from festgate.portal.catalogue.files.recurrences import (
    MAX_DAYS,
    MAX_OCCURRENCES,
    MAX_SERIES,
    Rule,
    occurrences,
    read_rule,
)
from festgate.portal.catalogue.files.rows import (
    Conventions,
    LineError,
    Notice,
    Origin,
    Row,
    Sheet,
    Unreadable,
    check_rows,
    check_size,
)
from festgate.portal.catalogue.files.texts import TEXTS, clean, fit
from festgate.portal.catalogue.files.times import length
from festgate.portal.catalogue.files.versions import Entry, latest_versions, uid_of, version_of

NEEDED: Final = {
    "capacity": "X-FESTGATE-CAPACITY is missing: add it, or give --capacity for all events that lack it.",
    "fee": "X-FESTGATE-FEE is missing: add it, or give --fee for all events that lack it (0: free).",
}
"""Fields that every event needs and other programs' calendars lack, with the sentence for an event without it."""
DURATION: Final = timedelta(hours=1)
"""The length of an event without an end, unless another is given; calendar programs suggest an hour too."""
DAY: Final = timedelta(days=1)
ANSWERS: Final = frozenset({"REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"})
"""The methods by which attendees answer an invitation (RFC 5546)."""
_DURATION: Final = re.compile(
    r"([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII
)


def read_calendar(data: bytes, conventions: Conventions) -> Sheet:
    """Read the events of an iCalendar file as rows, and each date of a repeating event as one. Raises Unreadable."""
    check_size(data)
    check_rows(data.upper().count(b"BEGIN:VEVENT"))  # before each event becomes several objects
    calendars, notices = read_components(as_utf_8(data))
    if any(component.text("METHOD").strip().upper() in ANSWERS for component in calendars):
        msg = "This is an answer to an invitation, not a programme. Festgate does not read answers."
        raise Unreadable(msg)
    reading = _Reading(notices)
    reading.read(
        [
            (part, calendar)
            for component in calendars
            for calendar in [Calendar(component, conventions)]
            for part in component.parts
            if part.name == "VEVENT"
        ]
    )
    reading.rows.sort(key=lambda row: row.line)
    return Sheet(
        reading.rows,
        sorted(reading.errors, key=lambda error: error.line),
        NEEDED,
        reading.cancelled,
        sorted(reading.notices, key=lambda notice: notice.line),
    )


class _Reading:
    """The rows, errors and notices of a file so far."""

    def __init__(self, notices: list[Notice]) -> None:
        self.rows: list[Row] = []
        self.cancelled: list[Row] = []
        self.errors: list[LineError] = []
        self.notices = notices

    def read(self, events: list[Entry]) -> None:
        """Read the latest version of each event of a file."""
        if sum(_repeats(event) for event, _ in events) > MAX_SERIES:
            msg = f"The file has more than {MAX_SERIES} repeating events. Import it in parts."
            raise Unreadable(msg)
        latest, notices = latest_versions(events)
        self.notices += notices
        moved: defaultdict[str, list[Entry]] = defaultdict(list)
        for event, calendar in latest:
            if "RECURRENCE-ID" in event.properties:
                moved[uid_of(event)].append((event, calendar))
        for event, calendar in latest:
            if "RECURRENCE-ID" not in event.properties:
                changes = moved.pop(uid_of(event), []) if _repeats(event) else []
                self._read_event(event, changes, calendar)
        for event, calendar in (entry for changes in moved.values() for entry in changes):
            self._read_event(event, [], calendar)

    def _read_event(self, event: Component, changes: list[Entry], calendar: Calendar) -> None:
        notes: list[tuple[int, str]] = []
        try:
            if _is_cancelled(event):
                # All dates of a cancelled series are cancelled, the changed ones too.
                self.cancelled.append(_cancelled(event, calendar))
            elif _repeats(event):
                self._read_series(event, changes, calendar, notes)
            else:
                self.rows.append(_row(event, calendar, notes))
        except ValueError as error:
            self.errors.append(LineError(event.line, str(error), _name(event)))
            self.errors += [
                LineError(
                    change.line, f"the repeating event in line {event.line} has an error.", _name(change)
                )
                for change, _ in changes
            ]
            return
        self.notices += [Notice(line, sentence) for line, sentence in notes]
        check_rows(len(self.rows) + len(self.cancelled) + len(self.errors))

    def _read_series(
        self, event: Component, changes: list[Entry], calendar: Calendar, notes: list[tuple[int, str]]
    ) -> None:
        """Read a repeating event: a row for each of its dates, and for each changed date the row of the change."""
        starts = calendar.when(event, "DTSTART")
        if starts is None:
            msg = "DTSTART: a repeating event needs a start."
            raise ValueError(msg)
        dates = _dates(event, starts, calendar)
        changed = _by_date(changes)
        row = _row(event, calendar, notes)
        lasts = _end(event, starts, calendar, []).key - starts.key
        before = len(self.rows)
        self.rows += [
            _at_date(row, when, lasts, starts)
            for when in dates
            if when.key not in changed and when.local.date() not in changed
        ]
        for change, own_calendar in changes:
            self._read_event(change, [], own_calendar)
        notes.append((event.line, f"the repeating event became {len(self.rows) - before} events."))


def _repeats(event: Component) -> bool:
    return "RRULE" in event.properties or "RDATE" in event.properties


def _name(event: Component) -> str:
    return " ".join(event.text("SUMMARY")[: MAX_LENGTHS["title"]].split())


def _is_cancelled(event: Component) -> bool:
    return event.text("STATUS").strip().upper() == "CANCELLED"


def _by_date(changes: Iterable[Entry]) -> set[object]:
    """Return the dates that other events of the file replace: times in UTC, or days."""
    dates: set[object] = set()
    for change, calendar in changes:
        when = calendar.when(change, "RECURRENCE-ID")
        prop = change.first("RECURRENCE-ID")
        if when is None or (prop and prop.parameter("RANGE")):
            msg = "RECURRENCE-ID: a change of all later dates cannot be imported; write each date as a separate event."
            raise ValueError(msg)
        dates.add(when.local.date() if when.is_day else when.key)
    return dates


def _dates(event: Component, starts: When, calendar: Calendar) -> list[When]:
    """Return the dates of a repeating event without its exceptions. Raises ValueError if they are too many."""
    dates = {starts.key: starts}
    for prop in event.properties.get("RRULE", []):
        for when in _dates_of_rule(prop.value, starts, calendar):
            dates.setdefault(when.key, when)
    for prop in event.properties.get("RDATE", []):
        if prop.parameter("VALUE").upper() == "PERIOD":
            msg = "RDATE: periods cannot be imported; write each date as a separate event."
            raise ValueError(msg)
        for when in calendar.whens(prop, "RDATE"):
            at = When(when.local, starts.zone if starts.is_day else when.zone, starts.is_day)
            dates.setdefault(at.key, at)
    for prop in event.properties.get("EXDATE", []):
        for when in calendar.whens(prop, "EXDATE"):
            dates.pop(when.key, None)
            if when.is_day:
                dates = {key: at for key, at in dates.items() if at.local.date() != when.local.date()}
    if len(dates) > MAX_OCCURRENCES:
        raise ValueError(_TOO_MANY)
    return [dates[key] for key in sorted(dates)]


_TOO_MANY: Final = (
    f"RRULE: this event has more than {MAX_OCCURRENCES} dates, or dates more than ten years after the first: end it "
    "earlier, or import it in parts."
)


def _dates_of_rule(text: str, starts: When, calendar: Calendar) -> Iterator[When]:
    try:
        rule = read_rule(text)
    except ValueError as error:
        msg = f"RRULE: {error}; write each date as a separate event."
        raise ValueError(msg) from None
    if rule.is_endless:
        msg = "RRULE: this event repeats without an end: give the rule an end, or write each date as a separate event."
        raise ValueError(msg)
    if any(int(starts.local.strftime(form)) != number for form, number in rule.times):
        msg = "RRULE: another time of day than that of the start is not supported; write each date as a separate event."
        raise ValueError(msg)
    ends = _is_after(rule, calendar) if rule.until else None
    number = 0
    for local in occurrences(rule, starts.local):
        when = replace(starts, local=local)
        if number == 0 and local != starts.local:
            number = 1  # the start is the first date, even if the rule does not name it
        number += 1
        if (rule.count is not None and number > rule.count) or (ends and ends(when)):
            return
        if number > MAX_OCCURRENCES or local.year not in YEARS:
            raise ValueError(_TOO_MANY)
        yield when
    horizon = replace(starts, local=starts.local + timedelta(days=MAX_DAYS))
    if (rule.count is not None and number < rule.count) or (ends and not ends(horizon)):
        raise ValueError(_TOO_MANY)


def _is_after(rule: Rule, calendar: Calendar) -> Callable[[When], bool]:
    """Return a function that returns whether a date is after the last one of the rule."""
    last = calendar.whens(Property(0, "", rule.until), "RRULE, UNTIL")[0]
    if last.is_day:
        return lambda when: when.local.date() > last.local.date()
    if rule.until.endswith("Z"):
        return lambda when: (when.local.date() > last.local.date()) if when.is_day else when.key > last.key
    return lambda when: when.local > last.local


def _at_date(row: Row, when: When, lasts: timedelta, first: When) -> Row:
    """Return the row of a repeating event for one of its dates."""
    days = max(1, round(lasts / DAY)) * DAY
    ends = replace(when, local=when.local + days).at if when.is_day else when.key + lasts
    fields = {**row.fields, "starts_at": _iso(when.at), "ends_at": _iso(ends)}
    if first.key != when.key:
        fields.pop("sales_open_at", None)
        fields.pop("sales_close_at", None)
    return replace(row, fields=fields, origin=replace(row.origin, recurrence=_iso(when.key)))


def _row(event: Component, calendar: Calendar, notes: list[tuple[int, str]]) -> Row:
    """Return the row of an event. Raises ValueError with a sentence about its times."""

    def note(sentence: str) -> None:
        notes.append((event.line, sentence))

    fields = {
        "title": event.text("SUMMARY"),
        "description": event.text("DESCRIPTION"),
        "place": event.text("LOCATION"),
        "category": _category(event, note),
    }
    for own, field in OWN.items():
        if own in event.properties:
            fields[field] = event.text(own)
    is_own = "slug" in fields
    if not is_own and is_markup(fields["description"]):
        if len(fields["description"]) > MAX_MARKUP:
            note("description: it is too long, and was cut.")
        fields["description"] = plain_text(fields["description"])
        note("description: HTML was changed into plain text.")
    for name in TEXTS:
        if name in fields:
            fields[name] = clean(name, fields[name], note)
    if not is_own:
        fit(fields, note)
    starts = calendar.when(event, "DTSTART")
    fields["starts_at"] = fields["ends_at"] = ""
    if starts is not None:
        _note_gap(starts, "DTSTART", note)
        fields["starts_at"] = _iso(starts.at)
        ends = _end(event, starts, calendar, notes)
        fields["ends_at"] = _iso(ends.at)
    return Row(event.line, fields, _origin(event, calendar), _name(event))


def _cancelled(event: Component, calendar: Calendar) -> Row:
    """Return the row of a cancelled event, whose details do not matter."""
    fields = {"slug": event.text("X-FESTGATE-SLUG")} if "X-FESTGATE-SLUG" in event.properties else {}
    return Row(event.line, fields, _origin(event, calendar), _name(event))


def _origin(event: Component, calendar: Calendar) -> Origin:
    changed = calendar.when(event, "RECURRENCE-ID")
    sequence, modified_at = version_of(event, calendar)
    return Origin(uid_of(event), sequence, _iso(changed.key) if changed else "", modified_at)


def _category(event: Component, note: Callable[[str], None]) -> str:
    """Return the first category, because an event of the fest has one."""
    categories = [text for prop in event.properties.get("CATEGORIES", []) for text in split_texts(prop.value)]
    if len(categories) > 1:
        note(f"category: the first was taken, and not {', '.join(categories[1:])[:200]}.")
    return categories[0] if categories else ""


def _end(event: Component, starts: When, calendar: Calendar, notes: list[tuple[int, str]]) -> When:
    """Return the end of an event; if it has none or is of no length, the start and the default length."""
    ends = calendar.when(event, "DTEND")
    if ends is None and "DURATION" in event.properties:
        ends = _after(starts, event.text("DURATION"))
    if ends is not None and ends.key != starts.key:
        return ends
    if starts.is_day:
        if ends is not None:
            notes.append((event.line, "ends_at: it is the start, so the event lasts the whole day."))
        return replace(starts, local=starts.local + DAY)
    lasts = calendar.duration or DURATION
    missing = "is missing" if ends is None else "is the start"
    notes.append(
        (
            event.line,
            f"ends_at: it {missing}, so the event lasts {length(lasts)} (--default-duration sets another).",
        )
    )
    return When((starts.key + lasts).replace(tzinfo=None), in_utc)


def _after(starts: When, text: str) -> When:
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None:
        msg = f"DURATION: {text[:40]!r} is not a length of time."
        raise ValueError(msg)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    lasts = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if match[1] == "-" or lasts > len(YEARS) * 366 * DAY:
        msg = f"DURATION: {text[:40]!r} is not the length of an event."
        raise ValueError(msg)
    if starts.is_day:
        return replace(starts, local=starts.local + lasts)
    # Exact time, because durations of RFC 5545 are in hours: the clocks may go back in between.
    return When((starts.key + lasts).replace(tzinfo=None), in_utc)


def _note_gap(when: When, name: str, note: Callable[[str], None]) -> None:
    """Note a local time that the clocks skip; it is counted on from before the change (RFC 5545, section 3.3.5)."""
    at = when.at
    shown = at.astimezone(UTC).astimezone(at.tzinfo)
    if shown.replace(tzinfo=None) != when.local:
        note(
            f"{name}: {when.local:%H:%M} does not exist that day (the clocks go forward); it became {shown:%H:%M}."
        )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).astimezone(at.tzinfo).isoformat(timespec="seconds")
