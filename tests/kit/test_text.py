"""Normalisation and limits of text that visitors enter."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.text import (
    DECOMPOSED,
    HIDDEN_MARKS,
    JOINERS,
    MAX_MARKS,
    MAX_TEXT,
    caseless,
    normalized,
    searchable,
    tidy,
    tidy_lines,
)


@given(st.text())
def test_what_is_kept_has_no_sign_that_nobody_can_see(text: str) -> None:
    for reading, also in ((tidy, ""), (tidy_lines, "\n\t")):
        try:
            kept = reading(text)
        except ValueError as error:
            said = str(error)
            assert "Control characters" in said or "is invisible" in said
        else:
            assert reading(kept) == kept
            assert not {sign for sign in kept if unicodedata.category(sign) in ("Cc", "Cf", "Cs")} - set(
                JOINERS + also
            )


@pytest.mark.parametrize(
    "sign", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u202e", "\u200b", "\ufeff", "\ud800"]
)
def test_a_sign_that_hides_or_turns_a_name_is_refused(sign: str) -> None:
    for reading in (tidy, tidy_lines):
        with pytest.raises(ValueError, match="Control characters and invisible characters"):
            reading(f"a{sign}b")


def test_words_that_need_a_joiner_are_left_as_they_are_spelled() -> None:
    word = "\u0d28\u0d28\u0d4d\u200d\u0d2e"
    assert tidy(word) == word


def test_lines_end_in_one_way_and_only_where_lines_may_be() -> None:
    assert tidy_lines("a\r\nb\rc\nd") == "a\nb\nc\nd"
    with pytest.raises(ValueError, match="Control characters"):
        tidy("a\nb")


def test_one_spelling_of_each_character_is_kept() -> None:
    assert tidy("e\u0301") == "\u00e9"


@pytest.mark.parametrize(
    "text", ["\u3164", "\u115f\u1160", "\uffa0 \ufe0f", "\u034f", "\u2800\u2800", "\u200d"]
)
def test_text_that_shows_nothing_is_refused(text: str) -> None:
    for reading in (tidy, tidy_lines):
        with pytest.raises(ValueError, match="is invisible"):
            reading(text)


def test_a_picture_in_a_title_keeps_its_selector() -> None:
    assert tidy("Fest \u2764\ufe0f") == "Fest \u2764\ufe0f"


@pytest.mark.parametrize("mark", ["\u0301", *sorted(HIDDEN_MARKS)])
def test_more_marks_than_any_script_needs_are_refused_before_they_are_sorted(mark: str) -> None:
    assert normalized("NFKD", "a" + mark * MAX_MARKS, 100)
    for reading in (tidy, tidy_lines, searchable, lambda text: caseless(text, 100)):
        with pytest.raises(ValueError, match="accents or other marks"):
            reading("a" + mark * (MAX_MARKS + 1))


def test_every_character_that_is_a_mark_once_it_is_decomposed_counts_as_one() -> None:
    signs = (chr(code) for code in range(0x300, 0x110000) if not 0xD800 <= code < 0xE000)
    hidden = {
        sign
        for sign in signs
        if not unicodedata.combining(sign) and unicodedata.combining(unicodedata.normalize("NFKD", sign)[0])
    }
    assert hidden == HIDDEN_MARKS


@pytest.mark.parametrize("character", ["\u0915", "\u1ec7", "\U0001f389", "\u1f82", "\uac01"])
def test_a_text_of_the_allowed_length_is_taken_in_every_script_and_spelling(character: str) -> None:
    whole = character * MAX_TEXT
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, whole)
        assert len(spelled) <= DECOMPOSED * MAX_TEXT
        assert tidy_lines(spelled) == unicodedata.normalize("NFC", whole)
    with pytest.raises(ValueError, match="At most 10000 characters"):
        tidy_lines(whole + character)


def test_line_separators_of_unicode_are_spaces_in_a_line_and_breaks_in_a_text() -> None:
    assert tidy("Main\u2028Hall\u2029East") == "Main Hall East"
    assert tidy("One\u2028two\u2029three", lines=True) == "One\ntwo\nthree"
