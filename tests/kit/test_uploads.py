"""Forms with a file: read as browsers send them, and refused if they are cut off."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from festgate.kit.errors import Malformed
from festgate.kit.web.uploads import MAX_PARTS, Upload, read_upload

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
KIND = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()


def part(name: str, content: bytes, file: str | None = None) -> bytes:
    named = "" if file is None else f'; filename="{file}"\r\nContent-Type: application/pdf'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def read(body: bytes, kind: str = KIND) -> Upload:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return asyncio.run(read_upload(Request(scope, receive), "file"))


@given(st.binary(max_size=300))
def test_the_content_of_a_file_arrives_unchanged(content: bytes) -> None:
    body = part("other", b"text") + part("file", content, "letter.pdf") + END
    assert read(body) == Upload("letter.pdf", content)


def test_a_name_is_decoded_and_a_missing_file_is_empty() -> None:
    assert read(part("file", b"x", "a%22b é.pdf") + END).name == 'a"b é.pdf'
    assert read(part("other", b"text") + END) == Upload("", b"")


@pytest.mark.parametrize(
    "body, kind",
    [
        (part("file", b"x", "a.pdf"), KIND),
        (part("file", b"x", "a.pdf") + END, "application/x-www-form-urlencoded"),
        (f"--{BOUNDARY}\r\nno end of the head\r\n".encode() + END, KIND),
        (part("other", b"") * (MAX_PARTS + 1) + END, KIND),
        (b"", KIND),
    ],
)
def test_a_form_that_is_cut_off_or_of_another_type_is_malformed(body: bytes, kind: str) -> None:
    with pytest.raises(Malformed):
        read(body, kind)
