"""Events as CSV files that spreadsheets can open."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.cells import guard
from festgate.portal.catalogue.details import FIELDS, details_of, written
from festgate.portal.catalogue.queries import Event

COLUMNS: Final = (*FIELDS, "slug", "room")


def write_sheet(events: Iterable[Event], zone: ZoneInfo) -> str:
    """Return a header and a line for each event, with times in `zone` and line ends as in RFC 4180."""
    return write_rows(
        {
            **written(details_of(event), zone),
            "slug": event.slug,
            "room": event.room.name if event.room else "",
        }
        for event in events
    )


def write_rows(rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """Return the rows as CSV; a field that a row lacks is an empty cell."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(columns)
    for fields in rows:
        writer.writerow([guard(fields.get(name, "")) for name in columns])
    return target.getvalue()
