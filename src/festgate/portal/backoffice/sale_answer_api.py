"""JSON routes of the answers that a customer of the box office gives."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, Invalid, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.box_office import find_sale, sheet_of_sale
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets

MAX_ANSWERS = 100
Id = Annotated[int, Field(ge=1, le=2**53)]
Text = Annotated[str, Field(max_length=4 * registrations.MAX_ANSWER)]


class SaleAnswerOutput(BaseModel):
    """A question about the tickets of a sale, with the answer."""

    question: int
    registration: int | None = Field(
        description="The ticket that it is about; null for all of the sale together."
    )
    label: str
    kind: catalogue.QuestionKind
    choices: list[str] = Field(description="For the kinds choice and choices.")
    required: bool = Field(
        description="Whether attendees have to answer; at the box office it may be skipped."
    )
    answer: str = Field(description="Empty without one; one choice on each line; the name of a file.")

    @classmethod
    def of(cls, place: registrations.AnswerField) -> "SaleAnswerOutput":
        """Return the question for JSON."""
        details = place.question.details
        return cls(
            question=place.question.id,
            registration=None if place.seat is None else place.seat.id,
            label=details.label,
            kind=details.kind,
            choices=list(details.choices),
            required=details.is_required,
            answer=place.value,
        )


class SaleAnswerInput(BaseModel, extra="forbid"):
    """An answer about the tickets of a sale."""

    question: Id
    registration: Id | None = Field(default=None, description="As in the list of the questions.")
    answer: Text | Annotated[list[Text], Field(max_length=100)] = Field(
        description="A list for the kind choices, `yes` for a consent."
    )


class SaleAnswersInput(BaseModel, extra="forbid"):
    """Answers about the tickets of a sale; others stay as they are."""

    answers: Annotated[list[SaleAnswerInput], Field(min_length=1, max_length=MAX_ANSWERS)]


class SaleAnswerApi:
    """JSON routes below `/box-office/sales/{ref}/answers`."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        database = self._portal.database
        router = module_router(self._portal, "backoffice", "box office")
        Seller = Annotated[Visitor, Depends(Bearer(self._portal, "box-office"))]  # noqa: N806  (a type)
        answers = problems(SignInNeeded, Forbidden, NotFound, checkout.SaleNotHere)

        @router.get("/box-office/sales/{ref}/answers", responses=answers)
        async def list_answers(ref: Name, seller: Seller) -> list[SaleAnswerOutput]:
            """List the organisers' questions about the tickets of a sale, with the answers."""
            return [SaleAnswerOutput.of(place) for place in await database.report(_places, seller, ref)]

        @router.put("/box-office/sales/{ref}/answers", responses=answers)
        async def save_answers(ref: Name, body: SaleAnswersInput, seller: Seller) -> list[SaleAnswerOutput]:
            """Store answers that the customer gave. Idempotent."""

            def write(connection: Connection) -> Sequence[registrations.AnswerField]:
                _save(connection, seller, ref, body.answers)
                return _places(connection, seller, ref)

            return [SaleAnswerOutput.of(place) for place in await database.write(write)]

        return router


def _places(connection: Connection, seller: Visitor, ref: str) -> Sequence[registrations.AnswerField]:
    return sheet_of_sale(connection, find_sale(connection, seller, ref)).fields


def _save(connection: Connection, seller: Visitor, ref: str, answers: Sequence[SaleAnswerInput]) -> None:
    """Store the answers. Raises Invalid with a sentence for the `question-` of each that is wrong."""
    sheet = sheet_of_sale(connection, find_sale(connection, seller, ref))
    asked = {
        (place.question.id, None if place.seat is None else place.seat.id): place.key
        for place in sheet.open_fields
    }
    if any((given.question, given.registration) not in asked for given in answers):
        raise NotFound
    keys = {asked[given.question, given.registration]: given for given in answers}
    entered = {key: given.answer for key, given in keys.items()}
    try:
        registrations.save_answers(
            connection, sheet.person_id, sheet.event.slug, entered, tickets.is_used, is_complete=False
        )
    except Invalid as refusal:
        names = {registrations.field_name(key): f"question-{given.question}" for key, given in keys.items()}
        raise Invalid({names.get(name, name): text for name, text in refusal.fields.items()}) from None
