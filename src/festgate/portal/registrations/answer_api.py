"""JSON routes of questions and answers."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound, SignInNeeded
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, problems
from festgate.kit.web.portal import Portal
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.answer_values import MAX_ANSWER
from festgate.portal.registrations.answers import (
    AnswerField,
    answer_sheet,
    field_name,
    save_answers,
)
from festgate.portal.registrations.errors import AnswersFixed
from festgate.portal.registrations.queries import IsUsed

Id = Annotated[int, Field(ge=1, le=2**53)]
Text = Annotated[str, Field(max_length=4 * MAX_ANSWER)]


class QuestionOutput(BaseModel):
    """A question to the attendees of an event."""

    id: int
    label: str
    help: str
    kind: catalogue.QuestionKind
    choices: list[str] = Field(description="For the kinds choice and choices.")
    required: bool = Field(description="A registration is held until the answer is there.")
    per: catalogue.QuestionPer = Field(
        description="ticket: an answer for each; order: one for all tickets of a person at the event."
    )
    ticket: int | None = Field(description="The id of the ticket type that it is about; null for all.")

    @classmethod
    def of(cls, question: catalogue.Question) -> "QuestionOutput":
        """Return the JSON of a question."""
        details = question.details
        return cls(
            id=question.id,
            label=details.label,
            help=details.help,
            kind=details.kind,
            choices=list(details.choices),
            required=details.is_required,
            per=details.per,
            ticket=question.type_id,
        )


class AnswerOutput(BaseModel):
    """A question about a registration, with the answer."""

    question: QuestionOutput
    answer: str | list[str] | None = Field(
        description="A list for the kind choices, `yes` for a consent, the name of a file; null without an answer."
    )

    @classmethod
    def of(cls, place: AnswerField) -> "AnswerOutput":
        """Return the JSON of an answer."""
        answer: str | list[str] | None = place.value or None
        if place.question.details.kind == "choices" and answer is not None:
            answer = place.value.split("\n")
        return cls(question=QuestionOutput.of(place.question), answer=answer)


class AnswerInput(BaseModel, extra="forbid"):
    """The answer to one question."""

    question: Id = Field(description="The id of the question.")
    answer: Text | Annotated[list[Text], Field(max_length=100)] = Field(
        description="As the answers are listed; an empty text deletes it. Files are uploaded on the page."
    )


class AnswersInput(BaseModel, extra="forbid"):
    """Answers about a registration; others stay as they are."""

    answers: Annotated[list[AnswerInput], Field(max_length=catalogue.MAX_QUESTIONS)]


def add_answer_routes(router: APIRouter, portal: Portal, is_used: IsUsed) -> None:
    """Add the routes of questions and answers to the module's router."""
    Caller = Annotated[Visitor, Depends(Bearer(portal))]  # noqa: N806  (a type)

    @router.get("/events/{slug}/questions", responses=problems(NotFound))
    async def list_questions(slug: Name) -> list[QuestionOutput]:
        """List the questions to the attendees of an event."""
        return [QuestionOutput.of(question) for question in await portal.database.read(_questions_of, slug)]

    @router.get("/registrations/{registration_id}/answers", responses=problems(SignInNeeded, NotFound))
    async def list_answers(registration_id: Id, person: Caller) -> list[AnswerOutput]:
        """List the questions about a held or confirmed registration of yours, with the answers."""
        places = await portal.database.read(_answers_about, person.person, registration_id, is_used)
        return [AnswerOutput.of(place) for place in places]

    @router.put(
        "/registrations/{registration_id}/answers", responses=problems(SignInNeeded, NotFound, AnswersFixed)
    )
    async def answer(registration_id: Id, body: AnswersInput, person: Caller) -> list[AnswerOutput]:
        """Answer questions about a registration, until the organisers' time for that is over. Idempotent."""

        def operation(connection: Connection) -> list[AnswerField]:
            return _answer(connection, person.person, registration_id, body, is_used)

        return [AnswerOutput.of(place) for place in await portal.database.write(operation)]


def _questions_of(connection: Connection, slug: str) -> list[catalogue.Question]:
    event = catalogue.event_by_slug(connection, slug)
    return catalogue.questions_of(connection, event.id) if event.asks else []


def _answers_about(
    connection: Connection, person_id: int, seat_id: int, is_used: IsUsed
) -> list[AnswerField]:
    """Return the questions about a seat that the person answers for. Raises NotFound."""
    seat = queries.seat(connection, seat_id)
    if seat.emailed_id != person_id:
        raise NotFound
    sheet = answer_sheet(connection, person_id, seat.slug, is_used)
    if all(own.id != seat_id for own in sheet.seats):
        raise NotFound
    return [
        place
        for place in sheet.fields
        if place.question.is_asked_of(seat.type_id) and (place.seat is None or place.seat.id == seat_id)
    ]


def _answer(
    connection: Connection, person_id: int, seat_id: int, body: AnswersInput, is_used: IsUsed
) -> list[AnswerField]:
    asked = {place.question.id: place for place in _answers_about(connection, person_id, seat_id, is_used)}
    unknown = [item.question for item in body.answers if item.question not in asked]
    if unknown:
        raise NotFound
    keys = {item.question: asked[item.question].key for item in body.answers}
    entered = {keys[item.question]: item.answer for item in body.answers}
    slug = queries.seat(connection, seat_id).slug
    try:
        save_answers(connection, person_id, slug, entered, is_used, is_complete=False)
    except Invalid as refusal:
        names = {field_name(key): f"question-{question}" for question, key in keys.items()}
        raise Invalid({names.get(name, name): text for name, text in refusal.fields.items()}) from None
    return _answers_about(connection, person_id, seat_id, is_used)
