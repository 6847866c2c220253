"""Input shapes: the filters of the list of events."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.catalogue.details import MAX_LENGTHS, YEARS
from festgate.portal.catalogue.queries import Filters

MAX_SEARCH_LENGTH = 100
LAST_PAGE = 100_000
"""Longer than any list. A page up to this number that does not exist is not found; other input is invalid."""


def _read_day(value: object) -> object:
    """Return the day that is written like `2026-03-14`; None for no text."""
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
    msg = gettext("This is not a day; write it like 2026-03-14.")
    raise ValueError(msg)


def _read_page(value: object) -> object:
    """Return the number of a page, from 1; 1 for no text."""
    if value in ("", None):
        return 1
    text = str(value)
    if re.fullmatch(r"[0-9]{1,6}", text) and 1 <= int(text) <= LAST_PAGE:
        return int(text)
    msg = gettext("This is not the number of a page; the first one is 1.")
    raise ValueError(msg)


class ListForm(BaseModel):
    """The filters of the list, as an address has them."""

    q: Annotated[str, Field(max_length=MAX_SEARCH_LENGTH), AfterValidator(tidy)] = ""
    category: Annotated[str, Field(max_length=MAX_LENGTHS["category"]), AfterValidator(tidy)] = ""
    day: Annotated[date | None, BeforeValidator(_read_day)] = None
    page: Annotated[int, BeforeValidator(_read_page)] = 1

    def filters(self) -> Filters:
        """Return the filters for the queries."""
        return Filters(" ".join(self.q.split()), self.category, self.day, self.page)
