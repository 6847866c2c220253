"""Paths on this site, forms, and responses to errors."""

import asyncio
import json
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.types import Message

from festgate.kit.errors import Invalid, Malformed, NotFound, TooMany
from festgate.kit.web.forms import MAX_FIELD_NAME, MAX_FIELDS, Line, Lines, checked, read_fields, sentences
from festgate.kit.web.portal import PROBLEM, local_path, problem, see_other

SITE = "https://fest.example"
encodable_text = st.text(st.characters(exclude_categories=["Cs"]))
"""Text without surrogates, which UTF-8 can encode."""
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/events",
        "/events/robo-race",
        "/events?q=robo&page=2",
        "/my-events#held",
        "/a//b",
        "/events/%C3%BC",
        "/ü",
    ],
)
def test_a_path_on_this_site_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "events",
        "?q=1",
        "#top",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/a\\b",
        "https://evil.example",
        "http:/evil.example",
        "javascript:alert(1)",
        "/\tevil",
        "/\nevil",
        "/\r\nset-cookie: a=b",
        "/ evil",
        " /evil",
        "/\x00",
        "/\x7f",
        "/\u2028",
        "/\u202eevil",
        "/\u00a0evil",
        "/" + "x" * 2000,
    ],
)
def test_a_path_that_a_browser_could_resolve_to_another_site_is_replaced(text: str | None) -> None:
    assert local_path(text, "/home") == "/home"


def origin_in_a_browser(location: str) -> str:
    """Return the origin that a browser opens; it drops tabs and line ends, trims, and treats a backslash as a slash."""
    text = location.translate(dict.fromkeys(map(ord, "\t\r\n")))
    text = text.strip("".join(map(chr, range(33)))).replace("\\", "/")
    parts = urlsplit(urljoin(f"{SITE}/login", text))
    return f"{parts.scheme}://{parts.netloc}"


slashes = st.text(st.sampled_from("/\\:@?#.%[]\t\r\n \x00aeé"), max_size=12)


@given(st.one_of(slashes, st.text(max_size=30), slashes.map("/".__add__), st.text().map("/".__add__)))
@example("/\\evil.example")
@example("//[")
def test_a_redirect_never_leaves_this_site(text: str) -> None:
    path = local_path(text)
    assert path.startswith("/")
    assert origin_in_a_browser(path) == SITE


def read_form(body: bytes, kind: str = FORM) -> dict[str, str]:
    """Return the fields of a request with this body."""
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(read_fields(Request(scope, receive)))


@given(
    st.dictionaries(
        encodable_text.map(lambda name: name[:MAX_FIELD_NAME]), encodable_text, max_size=MAX_FIELDS
    )
)
def test_a_form_is_read_as_it_was_filled_in(fields: dict[str, str]) -> None:
    assert read_form(urlencode(fields).encode()) == fields


@given(st.lists(st.sampled_from(["%", "%4", "%41", "%c3%A9", "+", "=", "&", "a", "é", "\x00"]), max_size=30))
def test_escapes_in_a_form_are_read_as_the_standard_library_reads_them(parts: list[str]) -> None:
    form = "".join(["a=", *parts])
    assume(form.count("&") < MAX_FIELDS)
    assert read_form(form.encode()) == dict(parse_qsl(form, keep_blank_values=True))


def test_a_form_has_at_most_fifty_fields() -> None:
    fields = {str(number): "" for number in range(MAX_FIELDS)}
    assert read_form(urlencode(fields).encode()) == fields
    with pytest.raises(Malformed, match="more than 50 fields"):
        read_form(urlencode(fields | {"one more": ""}).encode())


def test_the_last_of_repeated_fields_counts_and_empty_fields_are_kept() -> None:
    assert read_form(b"a=1&a=2&b=&c") == {"a": "2", "b": "", "c": ""}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data; boundary=x"])
def test_another_content_type_is_malformed_and_an_empty_body_is_an_empty_form(kind: str) -> None:
    with pytest.raises(Malformed, match="Send the form as"):
        read_form(b"a=1", kind)
    assert read_form(b"", kind) == {}


@pytest.mark.parametrize("kind", [FORM.upper(), f"{FORM}; charset=UTF-8", f"  {FORM} ;x"])
def test_the_content_type_is_read_in_any_case_and_with_parameters(kind: str) -> None:
    assert read_form(b"a=1", kind) == {"a": "1"}


@given(st.binary())
def test_bytes_that_are_not_utf_8_are_malformed(raw: bytes) -> None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        for body in (b"a=" + raw, b"a=" + quote(raw).encode()):
            with pytest.raises(Malformed):
                read_form(body)
    else:
        assert read_form(b"a=" + quote(text, safe="").encode()) == {"a": text}


class Person(BaseModel):
    name: Line = Field(min_length=2, max_length=5)
    about: Lines = ""


def test_fields_are_validated_and_unknown_ones_are_ignored() -> None:
    person = checked(Person, {"name": " ash ", "about": "a\r\nb\rc", "role": "organiser"})
    assert (person.name, person.about) == ("ash", "a\nb\nc")


@pytest.mark.parametrize(
    "fields, messages",
    [
        ({}, {"name": "This field is required."}),
        ({"name": "a"}, {"name": "At least 2 characters."}),
        ({"name": "abcdef"}, {"name": "At most 5 characters."}),
        ({"name": "a\x00b"}, {"name": "Control characters and invisible characters are not allowed here."}),
        ({"name": "a\nb"}, {"name": "Control characters and invisible characters are not allowed here."}),
        ({"name": "\u202eab", "about": "\x1b"}, None),
    ],
)
def test_every_invalid_field_has_its_own_message(
    fields: dict[str, str], messages: dict[str, str] | None
) -> None:
    with pytest.raises(Invalid) as refusal:
        checked(Person, fields)
    assert refusal.value.fields.keys() <= {"name", "about"}
    assert all(sentence.endswith(".") for sentence in refusal.value.fields.values())
    if messages is not None:
        assert refusal.value.fields == messages
    else:
        assert len(refusal.value.fields) == 2


def test_an_error_becomes_a_problem_response_with_its_headers() -> None:
    response = problem(TooMany("Too many sign-ins.", 30))
    assert (response.status_code, response.media_type) == (429, PROBLEM)
    assert response.headers["retry-after"] == "30"
    body = json.loads(bytes(response.body))
    assert (body["code"], body["type"], body["detail"]) == (
        "too-many",
        "/docs/problems/too-many",
        "Too many sign-ins.",
    )
    assert "fields" not in body
    assert json.loads(bytes(problem(Invalid({"name": "No."})).body))["fields"] == {"name": "No."}
    assert json.loads(bytes(problem(NotFound()).body))["status"] == 404


def test_the_redirect_after_a_form_is_not_cached() -> None:
    response = see_other("/my-events")
    assert (response.status_code, response.headers["location"]) == (303, "/my-events")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "kind, sentence",
    [
        ("extra_forbidden", "This name is not known."),
        ("int_parsing", "This is not a whole number."),
        ("string_type", "This is not text."),
    ],
)
def test_validation_errors_have_messages_of_the_portal(kind: str, sentence: str) -> None:
    assert sentences([{"type": kind, "loc": ("body", "code"), "msg": "Input is bad"}]) == {"code": sentence}
