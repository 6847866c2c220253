"""The filters and the order of a list of guests, as they stand in an address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import urlencode

from festgate.kit.errors import NotFound
from festgate.kit.text import tidy
from festgate.kit.translation import N_
from festgate.portal.catalogue import facade as catalogue

State: TypeAlias = Literal["confirmed", "held", "waiting", "cancelled", "expired"]
"""The state of a registration: `waiting` is held by an order that waits for its payment."""
StateFilter: TypeAlias = Literal["current", "confirmed", "held", "waiting", "cancelled", "expired", "all"]
Payment: TypeAlias = Literal["", "free", "paid", "pending", "refunding", "refunded"]
CheckedIn: TypeAlias = Literal["", "yes", "no"]
SortKey: TypeAlias = Literal[
    "registered", "name", "email", "event", "ticket", "state", "payment", "checked-in"
]

STATE_NAMES: Final[Mapping[State, str]] = {
    "confirmed": N_("Confirmed"),
    "held": N_("Held"),
    "waiting": N_("Waiting for payment"),
    "cancelled": N_("Cancelled"),
    "expired": N_("Hold expired"),
}
STATE_FILTERS: Final[Mapping[StateFilter, str]] = {
    "current": N_("Held and confirmed"),
    "confirmed": STATE_NAMES["confirmed"],
    "held": STATE_NAMES["held"],
    "waiting": STATE_NAMES["waiting"],
    "cancelled": STATE_NAMES["cancelled"],
    "expired": STATE_NAMES["expired"],
    "all": N_("All, also cancelled"),
}
PAYMENTS: Final[Mapping[Payment, str]] = {
    "": N_("Any"),
    "free": N_("Free"),
    "paid": N_("Paid"),
    "pending": N_("Awaiting payment"),
    "refunding": N_("Refund due"),
    "refunded": N_("Refunded"),
}
CHECKED_IN: Final[Mapping[CheckedIn, str]] = {
    "": N_("Any"),
    "yes": N_("Checked in"),
    "no": N_("Not checked in"),
}
MAX_WORDS_LENGTH: Final = 100
MAX_VALUE: Final = 500
"""Characters of any other value, such as an answer."""
MAX_ANSWERS: Final = 5
"""Filters by an answer at the same time."""
ANSWER: Final = "answer_"
"""The beginning of a parameter for an answer, followed by the id of its question."""
FILTERED_KINDS: Final[frozenset[catalogue.QuestionKind]] = frozenset({"choice", "choices", "consent"})
"""Kinds of questions whose answers can be filtered by."""
METHOD: Final = "method-"
"""The beginning of a payment filter by the method, followed by its name."""


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """A value that the answer to a question has to have, or to contain."""

    question_id: int
    kind: catalogue.QuestionKind
    value: str


@dataclass(frozen=True, slots=True)
class GuestFilters:
    """The filters of a list of guests."""

    words: str = ""
    state: StateFilter = "current"
    type_id: int | None = None
    payment: Payment = ""
    method: str = ""
    """The payment method of the order; empty for any."""
    checked_in: CheckedIn = ""
    answers: tuple[AnswerFilter, ...] = ()
    event: str = ""
    """The slug of an event, in the list of the whole fest; empty for all."""
    sort: SortKey = "registered"
    is_descending: bool = True

    @property
    def narrows(self) -> bool:
        """Return whether it leaves out guests that the list has at first."""
        return replace(self, sort="registered", is_descending=True) != GuestFilters()

    def parameters(self, **changes: str) -> dict[str, str]:
        """Return the parameters of an address with these filters and changes, without those that change nothing."""
        values = {
            "q": self.words,
            "event": self.event,
            "state": "" if self.state == "current" else self.state,
            "type": "" if self.type_id is None else str(self.type_id),
            "payment": self.payment or (f"{METHOD}{self.method}" if self.method else ""),
            "checked_in": self.checked_in,
            **{f"{ANSWER}{answer.question_id}": answer.value for answer in self.answers},
            "sort": "" if self.sort == "registered" else self.sort,
            "desc": "" if self.is_descending == _DESCENDING[self.sort] else str(int(self.is_descending)),
            **changes,
        }
        return {name: value for name, value in values.items() if value}

    def query(self, **changes: str) -> str:
        """Return the parameters as the query of an address, with a question mark; empty without any."""
        parameters = self.parameters(**changes)
        return f"?{urlencode(parameters)}" if parameters else ""

    def query_sorted(self, sort: SortKey) -> str:
        """Return the query that sorts by a column; in the other direction if the list is sorted by it already."""
        descending = not self.is_descending if sort == self.sort else _DESCENDING[sort]
        return replace(self, sort=sort, is_descending=descending).query()

    def answer_to(self, question_id: int) -> str:
        """Return the value that answers to the question must have; empty for any."""
        return next((answer.value for answer in self.answers if answer.question_id == question_id), "")


_DESCENDING: Final[Mapping[SortKey, bool]] = {
    key: key in ("registered", "checked-in", "payment") for key in get_args(SortKey)
}
"""The direction in which a column is sorted at first: the latest and the largest first, names from A."""


def filtered_questions(questions: Sequence[catalogue.Question]) -> list[catalogue.Question]:
    """Return the questions whose answers can be filtered by."""
    return [question for question in questions if question.details.kind in FILTERED_KINDS]


def read_filters(parameters: Mapping[str, str], questions: Sequence[catalogue.Question]) -> GuestFilters:
    """Return the filters of an address or form. A value that is unknown filters nothing; NotFound for an unknown type.

    `questions` are those that the guests of the list are asked.
    """
    values = {name: text if len(text) <= MAX_VALUE else "" for name, text in parameters.items()}
    state, sort = values.get("state", ""), values.get("sort", "")
    payment, checked_in, kind = (values.get(name, "") for name in ("payment", "checked_in", "type"))
    if kind and not (kind.isascii() and kind.isdecimal() and len(kind) <= 15):  # noqa: PLR2004  (as every id)
        raise NotFound
    key: SortKey = next((one for one in get_args(SortKey) if one == sort), "registered")
    return GuestFilters(
        words=_read_words(values.get("q", "")),
        state=next((one for one in STATE_FILTERS if one == state), "current"),
        type_id=int(kind) if kind else None,
        payment=next((one for one in PAYMENTS if one == payment), ""),
        method=payment.removeprefix(METHOD) if payment.startswith(METHOD) else "",
        checked_in=next((one for one in CHECKED_IN if one == checked_in), ""),
        answers=tuple(
            AnswerFilter(question.id, question.details.kind, value)
            for question in filtered_questions(questions)
            if (value := values.get(f"{ANSWER}{question.id}", ""))
        )[:MAX_ANSWERS],
        event=values.get("event", ""),
        sort=key,
        is_descending={"1": True, "0": False}.get(values.get("desc", ""), _DESCENDING[key]),
    )


def _read_words(text: str) -> str:
    """Return the words to search for; none where no name can contain them."""
    try:
        return tidy(text) if len(text) <= MAX_WORDS_LENGTH else ""
    except ValueError:
        return ""
