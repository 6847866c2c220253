"""Form fields: reading, limits and validation, with a sentence for each invalid field."""

import re
from binascii import unhexlify
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.requests import Request

from festgate.kit.errors import Invalid, Malformed
from festgate.kit.text import MAX_LINE, tidy, tidy_lines
from festgate.kit.translation import N_, gettext
from festgate.kit.web.parameters import MAX_NAME, read_header

B = TypeVar("B", bound=BaseModel)


MAX_FIELDS = 50
MAX_FIELD = 4 * MAX_LINE
"""Characters of a field before validation; a form with longer fields passes a higher limit."""
MAX_FIELD_NAME = 100
MAX_NAMED = 20
"""Fields with a sentence in one answer; a body of 64 KB may have thousands of invalid fields."""


async def read_fields(
    request: Request,
    max_length: int = MAX_FIELD,
    shown: Mapping[str, int] = MappingProxyType({}),
    max_fields: int = MAX_FIELDS,
) -> dict[str, str]:
    """Read the fields of a urlencoded form in UTF-8. Raise Malformed or, for a field that is too long, Invalid.

    The sentence gives the limit in `shown`, which is that of the field after normalisation, if it is there.
    """
    kind = read_header(request, "content-type", MAX_NAME).partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        return {}
    if kind != "application/x-www-form-urlencoded":
        msg = gettext("Send the form as application/x-www-form-urlencoded.")
        raise Malformed(msg)
    if body.count(b"&") >= max_fields:
        msg = gettext("The form has more than {count} fields.").format(count=max_fields)
        raise Malformed(msg)
    try:
        pairs = _pairs(body)
    except UnicodeDecodeError:
        msg = gettext("The form is not valid UTF-8 text.")
        raise Malformed(msg) from None
    if any(len(name) > MAX_FIELD_NAME for name, _ in pairs):
        sentence = gettext("The form has a field whose name is longer than {count} characters.")
        raise Malformed(sentence.format(count=MAX_FIELD_NAME))
    sentence = gettext("At most {count} characters.")
    too_long = {
        name: sentence.format(count=shown.get(name, max_length))
        for name, text in pairs
        if len(text) > max_length
    }
    if too_long:
        raise Invalid(too_long)
    return dict(pairs)


_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def _pairs(body: bytes) -> Sequence[tuple[str, str]]:
    """Return the names and values of a form. `parse_qsl` takes 15 ms for 64 KB of percent signs, this at most 4."""
    pairs = (field.partition(b"=") for field in body.replace(b"+", b" ").split(b"&") if field)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in pairs]


def _unescaped(text: bytes) -> str:
    if b"%" in text:
        parts = _ESCAPE.split(text)  # bytes and, at odd positions, the two digits of an escape
        parts[1::2] = map(unhexlify, parts[1::2])
        text = b"".join(parts)
    return text.decode("utf-8")


def checked(form: type[B], fields: Mapping[str, Any]) -> B:
    """Validate the fields as `form`, ignoring unknown ones. Raise Invalid with a sentence for each invalid field."""
    known = {name: value for name, value in fields.items() if name in form.model_fields}
    try:
        return form.model_validate(known)
    except ValidationError as error:
        raise Invalid(sentences(error.errors())) from None


def sentences(details: Any) -> dict[str, str]:  # noqa: ANN401  (pydantic's own list)
    """Return pydantic's errors as one sentence for each field."""
    problems: dict[str, str] = {}
    for detail in details:
        if len(problems) == MAX_NAMED:
            break
        place = [str(part) for part in detail["loc"] if part not in ("body", "query", "path", "header")]
        problems.setdefault(".".join(place)[:MAX_FIELD_NAME] or "body", _sentence(detail))
    return problems


_OTHER_KINDS: Mapping[str, str] = {
    "int_parsing": N_("This is not a whole number."),
    "int_type": N_("This is not a whole number."),
    "type": N_("This is not text."),
    "bool_type": N_("This is neither true nor false."),
    "list_type": N_("This is not a list."),
    "model_attributes_type": N_("This is not an object with named values."),
    "extra_forbidden": N_("This name is not known."),
}
"""Sentences by pydantic's kind of error, without the beginning `string_`."""


def _sentence(detail: Any) -> str:  # noqa: ANN401
    context = detail.get("ctx", {})
    kind: str = detail["type"].removeprefix("string_")
    if kind == "missing" or (kind == "too_short" and context.get("min_length") == 1):
        return gettext("This field is required.")
    if kind == "too_short":
        return gettext("At least {count} characters.").format(count=context.get("min_length"))
    if kind == "too_long":
        return gettext("At most {count} characters.").format(count=context.get("max_length"))
    if kind in _OTHER_KINDS:
        return gettext(_OTHER_KINDS[kind])
    text: str = detail["msg"].removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."


Line = Annotated[str, AfterValidator(tidy)]
"""A line of text, normalised, without control characters, of at most MAX_LINE characters. A lower limit is added with
`Annotated[Line, Field(max_length=30)]`."""

Lines = Annotated[str, AfterValidator(tidy_lines)]
"""Text that may contain line breaks, of at most MAX_TEXT characters."""
