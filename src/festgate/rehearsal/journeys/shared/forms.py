"""The forms of an event's page, read as a browser reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_HIDDEN: Final = re.compile(rb'<input type="hidden" name="([\w-]+)" value="([^"]*)"')
_RADIO: Final = re.compile(rb'<input type="radio" name="([\w-]+)" value="(\d+)" required(?! disabled)')
_SELECT: Final = re.compile(rb'<select [^>]*name="([\w-]+)"[^>]*>(.*?)</select>', re.DOTALL)
_OPTION: Final = re.compile(rb'<option value="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Form:
    """A form that a person can send: its hidden fields, and what can be chosen in the others."""

    hidden: Mapping[str, str]
    options: Mapping[str, tuple[str, ...]]
    """The values of each field with a choice, by its name."""


def read_form(page: bytes, action: str) -> Form | None:
    """Return the first form that is sent to `action` and has a button; None if the page has none."""
    form = page.partition(b'method="post" action="' + action.encode() + b'">')[2].partition(b"</form>")[0]
    if b'type="submit"' not in form:
        return None
    options: dict[str, tuple[str, ...]] = {}
    for name, value in _RADIO.findall(form):
        options[name.decode()] = (*options.get(name.decode(), ()), value.decode())
    for name, choices in _SELECT.findall(form):
        options[name.decode()] = tuple(value.decode() for value in _OPTION.findall(choices))
    hidden = {name.decode(): value.decode() for name, value in _HIDDEN.findall(form)}
    return Form(hidden, options)
