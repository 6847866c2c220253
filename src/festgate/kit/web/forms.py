"""The fields of a form: read, bounded and checked, with a sentence for each that is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.requests import Request

from festgate.kit.errors import (
    Invalid,
    Malformed,
)
from festgate.kit.text import MAX_LINE, tidy, tidy_lines
from festgate.kit.web.parameters import MAX_NAME, read_header

B = TypeVar("B", bound=BaseModel)


MAX_FIELDS = 50


MAX_FIELD = 4 * MAX_LINE
"""Characters of one field of a form, before anything else is done with it; a form with longer ones says so."""


MAX_FIELD_NAME = 100


MAX_NAMED = 20
"""Fields of which an answer says what is wrong: a body of 64 KB may have thousands."""


async def read_fields(request: Request, max_length: int = MAX_FIELD) -> dict[str, str]:
    """The fields of a form, urlencoded, in UTF-8. Malformed says what cannot be read, Invalid what is too long."""
    kind = read_header(request, "content-type", MAX_NAME).partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        return {}
    if kind != "application/x-www-form-urlencoded":
        msg = "Forms are sent as application/x-www-form-urlencoded."
        raise Malformed(msg)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        msg = "The form is not valid UTF-8 text."
        raise Malformed(msg) from None
    except ValueError:
        msg = f"The form has more than {MAX_FIELDS} fields."
        raise Malformed(msg) from None
    if any(len(name) > MAX_FIELD_NAME for name, _ in pairs):
        msg = f"The form has a field whose name is longer than {MAX_FIELD_NAME} characters."
        raise Malformed(msg)
    too_long = {name: f"At most {max_length} characters." for name, text in pairs if len(text) > max_length}
    if too_long:
        raise Invalid(too_long)
    return dict(pairs)


def checked(form: type[B], fields: Mapping[str, Any]) -> B:
    """The fields as `form`; Invalid names each one that is wrong. Fields it does not know are left aside."""
    known = {name: value for name, value in fields.items() if name in form.model_fields}
    try:
        return form.model_validate(known)
    except ValidationError as error:
        raise Invalid(sentences(error.errors())) from None


def sentences(details: Any) -> dict[str, str]:  # noqa: ANN401  (pydantic's own list)
    """Pydantic's findings as one sentence for each field."""
    found: dict[str, str] = {}
    for detail in details:
        if len(found) == MAX_NAMED:
            break
        place = [str(part) for part in detail["loc"] if part not in ("body", "query", "path", "header")]
        found.setdefault(".".join(place)[:MAX_FIELD_NAME] or "body", _sentence(detail))
    return found


def _sentence(detail: Any) -> str:  # noqa: ANN401
    context = detail.get("ctx", {})
    kind: str = detail["type"].removeprefix("string_")
    if kind == "missing" or (kind == "too_short" and context.get("min_length") == 1):
        return "This field is required."
    if kind == "too_short":
        return f"At least {context.get('min_length')} characters."
    if kind == "too_long":
        return f"At most {context.get('max_length')} characters."
    text: str = detail["msg"].removeprefix("Value error, ")
    return text if text.endswith(".") else f"{text}."


Line = Annotated[str, AfterValidator(tidy)]
"""One line of text, normalised, without control characters, at most MAX_LINE characters (`tidy` looks at that first). A
closer limit goes beside it: `Annotated[Line, Field(max_length=30)]`."""


Lines = Annotated[str, AfterValidator(tidy_lines)]
"""Text that may have line breaks, at most MAX_TEXT characters."""
