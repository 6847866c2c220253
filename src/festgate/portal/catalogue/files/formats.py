"""The kinds of files that events can be read from, by the ending of the name."""

from collections.abc import Callable, Mapping
from typing import Final

from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Conventions, Sheet, Unreadable
from festgate.portal.catalogue.files.separated import read_sheet
from festgate.portal.catalogue.files.workbooks import read_workbook

READERS: Final[Mapping[str, Callable[[bytes, Conventions], Sheet]]] = {
    ".csv": read_sheet,
    ".ics": read_calendar,
    ".xlsx": read_workbook,
}


def read_events(name: str, data: bytes, conventions: Conventions) -> Sheet:
    """Read the events of a file with that name. Raises Unreadable, and nothing else, whatever the bytes are."""
    ending = name[name.rfind(".") :].casefold()
    reader = READERS.get(ending)
    if reader is None:
        msg = f"the name has to end in {', '.join(READERS)}."
        if ending == ".xls":
            msg = "this is an old workbook. Save it as .xlsx."
        raise Unreadable(msg)
    return reader(data, conventions)
