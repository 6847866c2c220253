"""The tokens of links in emails."""

import pytest

from festgate.kit.clock import Milliseconds
from festgate.portal.accounts import confirmation, recovery
from festgate.portal.accounts.queries import Candidate, Person
from festgate.portal.accounts.signed_links import make_token, parse_token

SECRET = b"s" * 32
EXPIRES_AT: Milliseconds = 1_800_000_000_000
ASHA = Person(7, "Asha", "Asha@example.org", "attendee")


def test_the_format_of_links_in_sent_emails_does_not_change() -> None:
    assert (
        confirmation.write_token(SECRET, ASHA, EXPIRES_AT)
        == "7-1800000000000-e71de71ccbf2a0071ac9c61c7f4f6c0f"
    )
    assert (
        recovery.write_token(SECRET, Candidate(ASHA, "hash"), EXPIRES_AT)
        == "7-1800000000000-41bfb7b1e14d66373589c80574142225"
    )


@pytest.mark.parametrize(
    "text", ["", "7", "7-1800000000000", "07-1-" + "0" * 32, "7-1-" + "0" * 31, "7-1-" + "G" * 32]
)
def test_text_that_is_not_a_token_is_refused(text: str) -> None:
    assert parse_token(text) is None


def test_a_token_is_valid_for_its_purpose_and_value_until_it_expires() -> None:
    token = parse_token(make_token(SECRET, "purpose", 7, EXPIRES_AT, "value"))
    assert token is not None
    assert token.is_valid(SECRET, "purpose", "value", EXPIRES_AT - 1)
    assert not token.is_valid(SECRET, "purpose", "value", EXPIRES_AT)
    assert not token.is_valid(SECRET, "another purpose", "value", 0)
    assert not token.is_valid(SECRET, "purpose", "another value", 0)
    assert not token.is_valid(b"another secret", "purpose", "value", 0)
