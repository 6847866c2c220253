"""Codes that people read aloud, random tokens, and slugs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.ids import ALPHABET, keyed_hash, new_code, new_token, read_code, slug_of


@given(st.integers(1, 30))
def test_a_code_is_read_however_it_is_typed(length: int) -> None:
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
def test_a_code_that_was_read_is_read_as_itself(text: str) -> None:
    assert read_code(read_code(text)) == read_code(text)


def test_no_two_codes_or_tokens_are_the_same() -> None:
    assert len({new_code(16) for _ in range(1000)}) == 1000
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@given(st.binary(min_size=1), st.text(), st.text())
def test_one_use_of_a_secret_says_nothing_of_another(secret: bytes, purpose: str, text: str) -> None:
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
def test_a_title_becomes_a_name_in_addresses(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@given(st.text())
def test_whatever_a_title_is_its_name_can_stand_in_an_address(title: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug_of(title))
    assert len(slug_of(title)) <= 60
