"""Log lines mask secrets and keep other text."""

import json
import logging
import secrets
from typing import Literal

import pytest
import structlog
from pydantic import BaseModel, Field, ValidationError

from festgate.kit.ids import keyed_hash, new_code, new_token
from festgate.kit.logging import configure, request_id
from festgate.kit.scrubbing import MASK, scrub

KEY = secrets.token_bytes(32)


def in_fours(code: str, separator: str) -> str:
    return separator.join(code[at : at + 4] for at in range(0, 16, 4))


def secret_texts() -> list[str]:
    code = "7" + new_code(15)  # a lower-case run of letters alone could be a word
    signature = keyed_hash(KEY, "test", code)[:32]
    return [
        code,
        code.lower(),
        in_fours(code, "-"),
        in_fours(code.lower(), "-"),
        in_fours(code, " "),
        new_token(),
        f"17-1790000000-{signature}",
        f"17-1790000000-{secrets.token_hex(8)}-{signature}",
        keyed_hash(KEY, "test", code),
        "4000 0000 0000 0002",
        "4242424242424242",
        "asha@example.org",
    ]


@pytest.mark.parametrize(
    "template", ["%s", "refused: '%s'.", "/tickets/%s.svg", "FESTGATE1:%s:x", "(%s)", "<%s>"]
)
def test_secrets_are_masked_anywhere_in_a_text(template: str) -> None:
    for _ in range(50):
        for text in secret_texts():
            if not (template.startswith("/") and len(text) == 43):  # an address contains no session token
                assert text not in scrub(template % text), template % text


@pytest.mark.parametrize(
    "text, value",
    [
        ("/reset?token=abc", "abc"),
        ("cookie: festgate_session=abc; x", "abc"),
        ("{'password': 'correct horse'}", "correct"),
        ("authorization: Bearer abc", "abc"),
        ("DETAIL:  Key (username)=(asha) already exists.", "asha"),
        ("DETAIL:  Failing row contains (1, asha, x).", "asha"),
    ],
)
def test_a_value_after_the_name_of_a_secret_is_masked(text: str, value: str) -> None:
    assert value in text
    assert value not in scrub(text)
    assert MASK in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "circuit opened",
        "/events/robo-race-2026",
        "/events/{slug}/register",
        "AB12CD34EF",
        "festgate.portal.registrations.confirm_registration_2",
        '  File "/srv/Festgate1/lib/python3.11/site-packages/sqlalchemy/engine/default.py", line 952, in do_execute',
        "    token = secrets.token_urlsafe(32)",
        "451 4.3.0 Try again later",
        "1790000000123",
        "2026-11-29 07:43:32",
        "UNIQUE constraint failed: accounts_people.username",
    ],
)
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert scrub(text) == text


class Form(BaseModel):
    name: str = Field(max_length=3)


@pytest.fixture
def _restore_logging() -> object:
    config = structlog.get_config()
    handlers = logging.getLogger().handlers[:]
    yield
    structlog.configure(**config)
    logging.getLogger().handlers[:] = handlers


@pytest.mark.usefixtures("_restore_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_and_lines_of_libraries_are_scrubbed_in_both_formats(
    log_format: Literal["json", "console"], capfd: pytest.CaptureFixture[str]
) -> None:
    token, word = new_token(), "horse"
    configure(log_format, "debug")
    id_token = request_id.set(secrets.token_hex(8))
    log = structlog.get_logger()
    try:
        try:
            Form(name=f"correct {word}")
        except ValidationError as error:
            raise LookupError(token) from error
    except LookupError:
        log.exception("unhandled exception", typed=[token])
        logging.getLogger("library").exception("refused %s", token)
    output = capfd.readouterr().err
    assert output.count("LookupError: ***") == 2
    assert output.count(request_id.get()) == 2
    assert token not in output
    assert f"correct {word}" not in output.replace('f"correct {word}"', "")
    if log_format == "json":
        assert all(json.loads(line)["exception"] for line in output.splitlines())
    request_id.reset(id_token)
