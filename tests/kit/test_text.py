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
    search_words,
    searchable,
    tidy,
    tidy_lines,
)


@given(st.text())
def test_cleaned_text_has_no_invisible_characters(text: str) -> None:
    for clean, allowed in ((tidy, ""), (tidy_lines, "\n\t")):
        try:
            cleaned = clean(text)
        except ValueError as error:
            message = str(error)
            assert "Control characters" in message or "is invisible" in message
        else:
            assert clean(cleaned) == cleaned
            assert not {
                character for character in cleaned if unicodedata.category(character) in ("Cc", "Cf", "Cs")
            } - set(JOINERS + allowed)


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u202e", "\u200b", "\ufeff", "\ud800"]
)
def test_control_and_invisible_characters_are_refused(character: str) -> None:
    for clean in (tidy, tidy_lines):
        with pytest.raises(ValueError, match="Control characters and invisible characters"):
            clean(f"a{character}b")


def test_words_that_need_a_joiner_keep_it() -> None:
    word = "\u0d28\u0d28\u0d4d\u200d\u0d2e"
    assert tidy(word) == word


def test_line_ends_are_normalised_and_refused_in_a_single_line() -> None:
    assert tidy_lines("a\r\nb\rc\nd") == "a\nb\nc\nd"
    with pytest.raises(ValueError, match="Control characters"):
        tidy("a\nb")


def test_characters_are_composed() -> None:
    assert tidy("e\u0301") == "\u00e9"


@pytest.mark.parametrize(
    "text", ["\u3164", "\u115f\u1160", "\uffa0 \ufe0f", "\u034f", "\u2800\u2800", "\u200d"]
)
def test_invisible_text_is_refused(text: str) -> None:
    for clean in (tidy, tidy_lines):
        with pytest.raises(ValueError, match="is invisible"):
            clean(text)


def test_an_emoji_keeps_its_variation_selector() -> None:
    assert tidy("Fest \u2764\ufe0f") == "Fest \u2764\ufe0f"


@pytest.mark.parametrize("mark", ["\u0301", *sorted(HIDDEN_MARKS)])
def test_too_many_combining_marks_are_refused_before_normalisation(mark: str) -> None:
    assert normalized("NFKD", "a" + mark * MAX_MARKS, 100)
    for clean in (tidy, tidy_lines, searchable, lambda text: caseless(text, 100)):
        with pytest.raises(ValueError, match="accents or other marks"):
            clean("a" + mark * (MAX_MARKS + 1))


def test_characters_that_decompose_to_a_mark_are_counted_as_marks() -> None:
    signs = (chr(code) for code in range(0x300, 0x110000) if not 0xD800 <= code < 0xE000)
    hidden = {
        character
        for character in signs
        if not unicodedata.combining(character)
        and unicodedata.combining(unicodedata.normalize("NFKD", character)[0])
    }
    assert hidden == HIDDEN_MARKS


@pytest.mark.parametrize("character", ["\u0915", "\u1ec7", "\U0001f389", "\u1f82", "\uac01"])
def test_a_text_of_the_maximum_length_is_accepted_in_every_script_and_normal_form(character: str) -> None:
    whole = character * MAX_TEXT
    for form in ("NFC", "NFD"):
        spelled = unicodedata.normalize(form, whole)
        assert len(spelled) <= DECOMPOSED * MAX_TEXT
        assert tidy_lines(spelled) == unicodedata.normalize("NFC", whole)
    with pytest.raises(ValueError, match="At most 10000 characters"):
        tidy_lines(whole + character)


def test_unicode_line_separators_become_spaces_in_a_line_and_line_breaks_in_a_text() -> None:
    assert tidy("Main\u2028Hall\u2029East") == "Main Hall East"
    assert tidy("One\u2028two\u2029three", lines=True) == "One\ntwo\nthree"


@pytest.mark.parametrize(
    "text, folded",
    [
        ("“Café” \u2013 Gómez\u2019s C++", "cafe gomezs c++"),
        ("lopez.maria+fest@example.org", "lopez maria+fest example org"),
        ("Asha\u200d\u00adRao", "asharao"),
        ("İstanbul, \u0131spanak", "istanbul ispanak"),
        ("Ærø, Đorđe, Þór, cœur", "aero dorde thor coeur"),
        ("שָׁלוֹם", "שלום"),
        ("مَرْحَبًا", "مرحبا"),
        ("हिन्दी, தமிழ்", "हिन्दी தமிழ்"),
        ("ガ", "ガ"),
        ("#1 & 2", "#1 2"),
        ("…", ""),
    ],
)
def test_a_text_is_folded_for_searching(text: str, folded: str) -> None:
    assert searchable(text) == searchable(unicodedata.normalize("NFD", text)) == folded
    assert searchable(folded) == folded


def test_words_that_cannot_be_folded_find_nothing() -> None:
    assert search_words("Café MÜLLER") == ["cafe", "muller"]
    (word,) = search_words("a" + "\u0301" * 90)
    assert word not in searchable("a\u0301")
