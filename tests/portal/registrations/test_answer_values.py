"""Answers as text: checked by the kind of their question, and the same when they are read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.portal.catalogue.facade import QuestionDetails, QuestionKind
from festgate.portal.registrations.answer_values import read_answer, shown_answer

CHOICES = ("Arduino", "ROS", "Soldering")
KINDS: tuple[QuestionKind, ...] = ("text", "number", "choice", "choices", "date", "phone", "consent")


def question(kind: QuestionKind) -> QuestionDetails:
    return QuestionDetails(kind, "A question", choices=CHOICES)


@given(
    st.sampled_from(KINDS),
    st.text(max_size=60)
    | st.sampled_from(("yes", "ROS", "+91 98765-43210", "2004-12-31"))
    | st.decimals().map(str),
)
def test_a_stored_answer_is_read_as_itself(kind: QuestionKind, entered: str) -> None:
    try:
        stored = read_answer(question(kind), entered)
    except ValueError:
        return
    assert read_answer(question(kind), stored.split("\n") if kind == "choices" else stored) == stored
    assert shown_answer(kind, stored) or not stored


@given(st.lists(st.sampled_from(CHOICES), max_size=6))
def test_several_choices_are_stored_once_and_in_their_order(ticked: list[str]) -> None:
    stored = read_answer(question("choices"), ticked)
    assert stored.split("\n") == [choice for choice in CHOICES if choice in ticked] or not ticked


@pytest.mark.parametrize(
    "kind, entered, stored",
    [
        ("number", "  007,50 ", "7.5"),
        ("number", "-0", "0"),
        ("number", "100", "100"),
        ("phone", "+91  98765 43210", "+91 98765 43210"),
        ("date", "2004-12-31", "2004-12-31"),
        ("text", "   ", ""),
        ("consent", "", ""),
    ],
)
def test_answers_are_normalised(kind: QuestionKind, entered: str, stored: str) -> None:
    assert read_answer(question(kind), entered) == stored


@pytest.mark.parametrize(
    "kind, entered",
    [
        ("number", "many"),
        ("number", "1e9"),
        ("number", "1" * 21),
        ("choice", "PHP"),
        ("choices", "PHP"),
        ("date", "31/12/2004"),
        ("date", "2004-02-30"),
        ("phone", "123"),
        ("phone", "call me"),
        ("consent", "maybe"),
        ("text", "x" * 501),
        ("text", "a\u202eb"),
        ("file", "letter.pdf"),
    ],
)
def test_a_wrong_answer_is_refused(kind: QuestionKind, entered: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_answer(question(kind), entered)
