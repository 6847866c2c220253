"""Answers of simulated visitors to the questions of organisers: the first choice, or a text of the right kind."""

import html
import re
from collections.abc import Mapping
from typing import Final

_FORM: Final = re.compile(
    rb'<form class="form panel" method="post" action="(?P<action>/my-events/[^"]+/questions)">'
)
_SELECT: Final = re.compile(
    rb'<select [^>]*name="(?P<name>a-[0-9-]+)"[^>]*>(?P<options>.*?)</select>', re.DOTALL
)
_OPTION: Final = re.compile(rb'<option value="(?P<value>[^"]+)"')
_INPUT: Final = re.compile(rb'<input (?P<attributes>[^>]*name="(?P<name>a-[0-9.-]+)"[^>]*)>')
_VALUE: Final = re.compile(rb'\bvalue="(?P<value>[^"]*)"')
TEXTS: Final[Mapping[bytes, str]] = {
    b'type="date"': "2004-12-31",
    b'type="tel"': "+91 98765 43210",
    b'inputmode="decimal"': "3",
}
"""The answer for each kind of field, by the attribute that shows the kind; other fields are texts."""
TEXT: Final = "Load test"


def fill_in(page: bytes) -> dict[str, str] | None:
    """Return the fields of the page's form of questions, filled in; None if the page has no such form."""
    begin = _FORM.search(page)
    if begin is None:
        return None
    form = page[begin.end() :].partition(b"</form>")[0]
    fields: dict[str, str] = {}
    for select in _SELECT.finditer(form):
        options = _OPTION.findall(select["options"])
        fields[select["name"].decode()] = _text(options[0]) if options else ""
    for entry in _INPUT.finditer(form):
        attributes, value = entry["attributes"], _VALUE.search(entry["attributes"])
        if b'type="checkbox"' in attributes:
            answer = _text(value["value"]) if value else ""
        else:
            answer = next((text for kind, text in TEXTS.items() if kind in attributes), TEXT)
        fields[entry["name"].decode()] = answer
    return fields


def _text(value: bytes) -> str:
    return html.unescape(value.decode())
