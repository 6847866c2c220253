"""Documents as JSON: what each key holds, and how it becomes the text of a form."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from festgate.portal.catalogue.details import MAX_VALUE
from festgate.portal.catalogue.files.rows import Unreadable, check_size

FORMAT: Final = "festgate-programme-1"

Convert = Callable[[Any], str]
"""Returns the text of a form for a value. Raises ValueError with a sentence."""


def text(value: Any) -> str:  # noqa: ANN401  (any value of JSON)
    """Return a text; null is an empty one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    msg = "write it as text in quotation marks."
    raise ValueError(msg)


def number(value: Any) -> str:  # noqa: ANN401
    """Return a whole number as text; null is empty."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    msg = "write it as a whole number without quotation marks."
    raise ValueError(msg)


def amount(value: Any) -> str:  # noqa: ANN401
    """Return an amount or a percentage, which is a number or a text."""
    return text(value) if isinstance(value, str) or value is None else number(value)


def flag(value: Any) -> str:  # noqa: ANN401
    """Return `yes`, or an empty text for false."""
    if isinstance(value, bool):
        return "yes" if value else ""
    msg = "write true or false."
    raise ValueError(msg)


def lines(value: Any) -> str:  # noqa: ANN401
    """Return a list of texts as lines; null is an empty list."""
    listed = [] if value is None else value
    if not isinstance(listed, list) or not all(isinstance(line, str) for line in listed):
        msg = "write a list of texts in square brackets."
        raise ValueError(msg)
    if any("\n" in line or "\r" in line for line in listed):
        msg = "write each of them without a line break."
        raise ValueError(msg)
    return "\n".join(listed)


def one_of(*choices: str) -> Convert:
    """Return a conversion of texts that refuses others."""

    def choose(value: Any) -> str:  # noqa: ANN401
        if value in choices:
            return str(value)
        msg = f"write one of {', '.join(choices)}."
        raise ValueError(msg)

    return choose


def parse(data: bytes) -> dict[str, Any]:
    """Return the object that a JSON file holds. Raises Unreadable."""
    check_size(data)
    try:
        loaded = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_float=str,
            parse_int=_whole,
            parse_constant=_refuse_constant,
        )
    except (UnicodeDecodeError, RecursionError):
        msg = "This is not JSON in UTF-8. Export a document to see how one looks."
        raise Unreadable(msg) from None
    except json.JSONDecodeError as error:
        msg = f"line {error.lineno}: this is not JSON ({error.msg})."
        raise Unreadable(msg) from None
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        msg = f'This is not a programme of Festgate. Its "format" has to be "{FORMAT}".'
        raise Unreadable(msg)
    return loaded


def texts_of(
    entry: Mapping[str, Any], converts: Mapping[str, Convert], note: Callable[[str], None]
) -> dict[str, str]:
    """Return the entered texts of an object; `note` is called with a sentence for each value that cannot be one."""
    fields = {}
    for key, value in entry.items():
        if key not in converts:
            listed = ", ".join(converts)
            note(f"{key[:MAX_VALUE]}: there is no such key. The keys are: {listed}.")
            continue
        try:
            fields[key] = converts[key](value)
        except ValueError as error:
            note(f"{key}: {error}")
    return fields


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        msg = f"the key {twice[:MAX_VALUE]!r} appears twice in one object."
        raise Unreadable(msg)
    return made


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_VALUE else digits


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not a value of JSON."
    raise Unreadable(msg)
