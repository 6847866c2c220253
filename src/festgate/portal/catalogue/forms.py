"""The shapes of input: what the list of events can be asked for."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from festgate.kit.text import tidy
from festgate.portal.catalogue.entries import MAX_LENGTHS, YEARS
from festgate.portal.catalogue.listing import Filters

MAX_SEARCH_LENGTH = 100
LAST_PAGE = 100_000
"""Beyond any list; a page up to here that does not exist is a page not found, anything else no number of a page."""


def _read_day(value: object) -> object:
    """`2026-03-14`, or nothing for any day."""
    if value in ("", None):
        return None
    text = str(value)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is not None and day.year in YEARS:
            return day
    msg = "This is not a day; write it like 2026-03-14."
    raise ValueError(msg)


def _read_page(value: object) -> object:
    """A page's number from 1; nothing for the first."""
    if value in ("", None):
        return 1
    text = str(value)
    if re.fullmatch(r"[0-9]{1,6}", text) and 1 <= int(text) <= LAST_PAGE:
        return int(text)
    msg = "This is not the number of a page; the first one is 1."
    raise ValueError(msg)


class ListForm(BaseModel):
    """The filters of the list, as they stand in an address."""

    q: Annotated[str, Field(max_length=MAX_SEARCH_LENGTH), AfterValidator(tidy)] = ""
    category: Annotated[str, Field(max_length=MAX_LENGTHS["category"]), AfterValidator(tidy)] = ""
    day: Annotated[date | None, BeforeValidator(_read_day)] = None
    page: Annotated[int, BeforeValidator(_read_page)] = 1

    def filters(self) -> Filters:
        """The same for the queries."""
        return Filters(" ".join(self.q.split()), self.category, self.day, self.page)
