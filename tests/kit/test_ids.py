"""Codes that people read aloud, random tokens, and slugs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.ids import ALPHABET, keyed_hash, new_code, new_token, read_code, slug_of


@given(st.integers(1, 30))
def test_a_code_is_read_in_any_case_and_with_any_separators(length: int) -> None:
    code = new_code(length)
    assert len(code) == length
    assert set(code) <= set(ALPHABET)
    assert read_code(code) == code
    assert read_code(code.lower()) == code
    assert read_code(" - ".join(code)) == code


def test_letters_that_look_like_digits_are_read_as_the_digits() -> None:
    assert not set("ILOU") & set(ALPHABET)
    assert read_code("iLoL 0-1") == "110101"


@given(st.text())
def test_reading_a_code_twice_changes_nothing(text: str) -> None:
    assert read_code(read_code(text)) == read_code(text)


def test_no_two_codes_or_tokens_are_the_same() -> None:
    assert len({new_code(16) for _ in range(1000)}) == 1000
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@given(st.binary(min_size=1), st.text(), st.text())
def test_keyed_hashes_differ_by_secret_and_purpose(secret: bytes, purpose: str, text: str) -> None:
    assert keyed_hash(secret, purpose, text) == keyed_hash(secret, purpose, text)
    assert keyed_hash(secret, purpose, text) != keyed_hash(secret, purpose + "x", text)
    assert keyed_hash(secret, purpose, text) != keyed_hash(secret + b"x", purpose, text)


@pytest.mark.parametrize(
    "title, slug",
    [
        ("Robo Race!", "robo-race"),
        ("  Stand-up   Comedy ", "stand-up-comedy"),
        ("Café Ω 2026", "cafe-2026"),
        ("../../etc", "etc"),
        ("A" * 100, "a" * 60),
    ],
)
def test_a_title_becomes_a_slug(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@given(st.text())
def test_the_slug_of_any_title_is_valid_in_a_url(title: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug_of(title))
    assert len(slug_of(title)) <= 60
