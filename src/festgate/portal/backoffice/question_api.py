"""The questions to attendees as JSON, of an event or of the whole fest, as their organisers edit them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.roles import Permission
from festgate.kit.shown import Changed
from festgate.kit.text import DECOMPOSED
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, Name, actor_of, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.guest_action_api import IdempotencyKey
from festgate.portal.backoffice.question_pages import NEW_QUESTION, Row, find_question, read_questions
from festgate.portal.backoffice.request_keys import Id, Whole, content_of, create_once, entered_fields
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.checkout.facade import KeyReused
from festgate.portal.registrations import facade as registrations

OF_FEST, OF_EVENT = "/programme/questions", "/programme/events/{slug}/questions"
MAX_ORDER = 1000
MAX_CHOICES = 100
Label = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_QUESTION)]
Hint = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_QUESTION_HELP)]
Choice = Annotated[str, Field(max_length=DECOMPOSED * catalogue.MAX_CHOICE)]
Choices = Annotated[list[Choice], Field(max_length=MAX_CHOICES)]
Order = Annotated[list[Id], Field(max_length=MAX_ORDER)]
KnownAnswers = Annotated[
    Whole,
    Query(description="The number of answers that you know of: refused with 409 if it is another by now."),
]


class AskedQuestion(BaseModel):
    """A question as an organiser enters it."""

    kind: catalogue.QuestionKind
    label: str
    help: str
    choices: list[str]
    required: bool
    per: catalogue.QuestionPer = Field(description="`order`: once for all tickets of one person at an event.")
    at_door: bool = Field(description="Whether the answer is shown at check-in.")
    in_export: bool

    @classmethod
    def values(cls, details: QuestionDetails) -> dict[str, Any]:
        """Return the values of the question by the names of JSON."""
        return {
            "kind": details.kind,
            "label": details.label,
            "help": details.help,
            "choices": list(details.choices),
            "required": details.is_required,
            "per": details.per,
            "at_door": details.is_at_door,
            "in_export": details.is_in_export,
        }


class StoredQuestion(AskedQuestion):
    """A question with the number of its answers."""

    id: int
    ticket_type: int | None = Field(
        description="The id of the ticket type whose holders are asked; null: all."
    )
    is_withdrawn: bool = Field(description="Whether it is not asked any more; its answers are kept.")
    answers: int

    @classmethod
    def of(cls, row: Row) -> "StoredQuestion":
        """Return the question for JSON."""
        return cls(
            id=row.question.id,
            ticket_type=row.question.type_id,
            is_withdrawn=row.question.is_withdrawn,
            answers=row.answers,
            **cls.values(row.question.details),
        )


class Preset(AskedQuestion):
    """A usual question, to be sent as a new one."""

    name: str


class QuestionChange(BaseModel, extra="forbid", strict=True):
    """Values to change; the others stay as they are. Kind, ticket type and `per` never change."""

    label: Label = ""
    help: Hint | None = None
    choices: Choices = Field(default=[], description="For the kinds `choice` and `choices`: 2 to 40.")
    required: bool = False
    at_door: bool = Field(default=False, description="Show the answer at check-in.")
    in_export: bool = True

    def fields(self) -> dict[str, str]:
        """Return what was sent as the fields of the form."""
        fields = entered_fields(self, "choices", "ticket_type")
        if "choices" in self.model_fields_set:
            fields["choices"] = "\n".join(" ".join(choice.split()) for choice in self.choices)
        return fields


class FestQuestion(QuestionChange):
    """A question to ask."""

    kind: catalogue.QuestionKind
    per: catalogue.QuestionPer = "ticket"


class EventQuestion(FestQuestion):
    """A question to ask at an event."""

    ticket_type: Id | None = Field(default=None, description="Ask only the holders of this ticket type.")


class QuestionOrder(BaseModel, extra="forbid", strict=True):
    """The order of questions."""

    order: Order = Field(description="The id of every question of the list, also of withdrawn ones.")


class QuestionApi:
    """JSON routes of the questions of an event, or of the whole fest."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes."""
        router = module_router(self._portal, "backoffice", "programme")
        self._add_presets(router)
        self._add_fest(router)
        self._add_event(router)
        return router

    def _add_presets(self, router: APIRouter) -> None:
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "office"))]  # noqa: N806  (a type)

        @router.get("/programme/question-presets", responses=problems(SignInNeeded, Forbidden))
        async def list_presets(_caller: Caller) -> list[Preset]:
            """List the usual questions, such as the T-shirt size, with the values to send for each."""
            usual = {name: catalogue.question_preset(name) for name in catalogue.PRESETS}
            return [Preset(name=name, **Preset.values(details)) for name, details in usual.items() if details]

    def _add_fest(self, router: APIRouter) -> None:
        needs: Permission = "events.manage"
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, needs))]  # noqa: N806  (a type)
        refusals = (SignInNeeded, Forbidden, NotFound)
        one = f"{OF_FEST}/{{question_id}}"

        @router.get(OF_FEST, responses=problems(SignInNeeded, Forbidden))
        async def list_questions(_caller: Caller) -> list[StoredQuestion]:
            """List the questions of the whole fest, which every event asks, also withdrawn ones."""
            return await self._list(None)

        @router.post(OF_FEST, status_code=201, responses=problems(*refusals, KeyReused))
        async def add(
            body: FestQuestion,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> StoredQuestion:
            """Ask a question at every event."""
            return await self._add(None, body, None, caller, request, response, idempotency_key)

        @router.put(f"{OF_FEST}/order", responses=problems(SignInNeeded, Forbidden))
        async def order(body: QuestionOrder, caller: Caller, request: Request) -> list[StoredQuestion]:
            """Put the questions of the fest into another order. Idempotent."""
            return await self._order(None, body, caller, request)

        @router.get(one, responses=problems(*refusals))
        async def read_question(question_id: Id, _caller: Caller) -> StoredQuestion:
            """Read a question of the fest."""
            return await self._read(None, question_id)

        @router.patch(one, responses=problems(*refusals))
        async def change(
            question_id: Id, body: QuestionChange, caller: Caller, request: Request
        ) -> StoredQuestion:
            """Change a question of the fest. Idempotent."""
            return await self._change(None, question_id, body, caller, request)

        @router.post(f"{one}/stop", responses=problems(*refusals))
        async def stop(question_id: Id, caller: Caller, request: Request) -> StoredQuestion:
            """Stop asking a question of the fest, and keep its answers. Idempotent."""
            return await self._withdraw(None, question_id, caller, request, is_withdrawn=True)

        @router.post(f"{one}/again", responses=problems(*refusals))
        async def again(question_id: Id, caller: Caller, request: Request) -> StoredQuestion:
            """Ask a withdrawn question of the fest again. Idempotent."""
            return await self._withdraw(None, question_id, caller, request, is_withdrawn=False)

        @router.delete(one, status_code=204, responses=problems(*refusals, Changed))
        async def delete(question_id: Id, caller: Caller, request: Request, answers: KnownAnswers) -> None:
            """Delete a question of the fest with its answers."""
            await self._delete(None, question_id, answers, caller, request)

    def _add_event(self, router: APIRouter) -> None:
        needs: Permission = "events.edit"
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, needs))]  # noqa: N806  (a type)
        reads = (SignInNeeded, Forbidden, NotFound)
        refusals = (*reads, catalogue.EventWasCancelled)
        one = f"{OF_EVENT}/{{question_id}}"

        @router.get(OF_EVENT, responses=problems(*reads))
        async def list_questions_of_event(slug: Name, _caller: Caller) -> list[StoredQuestion]:
            """List the questions of an event, also withdrawn ones, without those of the whole fest."""
            return await self._list(slug)

        @router.post(OF_EVENT, status_code=201, responses=problems(*refusals, KeyReused))
        async def add_to_event(
            slug: Name,
            body: EventQuestion,
            caller: Caller,
            request: Request,
            response: Response,
            idempotency_key: IdempotencyKey,
        ) -> StoredQuestion:
            """Ask a question at an event, or of the holders of one of its ticket types."""
            kind = body.ticket_type
            return await self._add(slug, body, kind, caller, request, response, idempotency_key)

        @router.put(f"{OF_EVENT}/order", responses=problems(*refusals))
        async def order_of_event(
            slug: Name, body: QuestionOrder, caller: Caller, request: Request
        ) -> list[StoredQuestion]:
            """Put the questions of an event into another order. Idempotent."""
            return await self._order(slug, body, caller, request)

        @router.get(one, responses=problems(*reads))
        async def read_question_of_event(slug: Name, question_id: Id, _caller: Caller) -> StoredQuestion:
            """Read a question of an event."""
            return await self._read(slug, question_id)

        @router.patch(one, responses=problems(*refusals))
        async def change_of_event(
            slug: Name, question_id: Id, body: QuestionChange, caller: Caller, request: Request
        ) -> StoredQuestion:
            """Change a question of an event. Idempotent."""
            return await self._change(slug, question_id, body, caller, request)

        @router.post(f"{one}/stop", responses=problems(*refusals))
        async def stop_at_event(
            slug: Name, question_id: Id, caller: Caller, request: Request
        ) -> StoredQuestion:
            """Stop asking a question of an event, and keep its answers. Idempotent."""
            return await self._withdraw(slug, question_id, caller, request, is_withdrawn=True)

        @router.post(f"{one}/again", responses=problems(*refusals))
        async def again_at_event(
            slug: Name, question_id: Id, caller: Caller, request: Request
        ) -> StoredQuestion:
            """Ask a withdrawn question of an event again. Idempotent."""
            return await self._withdraw(slug, question_id, caller, request, is_withdrawn=False)

        @router.delete(one, status_code=204, responses=problems(*refusals, Changed))
        async def delete_of_event(
            slug: Name, question_id: Id, caller: Caller, request: Request, answers: KnownAnswers
        ) -> None:
            """Delete a question of an event with its answers."""
            await self._delete(slug, question_id, answers, caller, request)

    async def _list(self, slug: str | None) -> list[StoredQuestion]:
        shown = await self._portal.database.report(read_questions, slug)
        return [StoredQuestion.of(row) for row in shown.rows]

    async def _read(self, slug: str | None, question_id: int) -> StoredQuestion:
        for question in await self._list(slug):
            if question.id == question_id:
                return question
        raise NotFound

    async def _add(
        self,
        slug: str | None,
        body: FestQuestion,
        type_id: int | None,
        caller: Visitor,
        request: Request,
        response: Response,
        key: str,
    ) -> StoredQuestion:
        actor = actor_of(caller, request)

        def operation(connection: Connection) -> int:
            def make() -> list[int]:
                details = catalogue.read_question({**NEW_QUESTION, **body.fields()})
                return [catalogue.add_question(connection, slug, details, type_id, actor=actor)]

            content = content_of(request.url.path, body)
            return create_once(connection, caller.person, key, content, make)[0]

        question_id = await self._portal.database.write(operation)
        response.headers["location"] = f"{request.url.path}/{question_id}"
        return await self._read(slug, question_id)

    async def _order(
        self, slug: str | None, body: QuestionOrder, caller: Visitor, request: Request
    ) -> list[StoredQuestion]:
        actor = actor_of(caller, request)
        await self._portal.database.write(catalogue.order_questions, slug, body.order, actor=actor)
        return await self._list(slug)

    async def _change(
        self, slug: str | None, question_id: int, body: QuestionChange, caller: Visitor, request: Request
    ) -> StoredQuestion:
        actor = actor_of(caller, request)

        def operation(connection: Connection) -> None:
            known = find_question(connection, slug, question_id)
            written = catalogue.written_question(known.details)
            details = catalogue.read_question({**written, **body.fields()}, known)
            catalogue.edit_question(connection, slug, question_id, details, actor=actor)

        await self._portal.database.write(operation)
        return await self._read(slug, question_id)

    async def _withdraw(
        self, slug: str | None, question_id: int, caller: Visitor, request: Request, *, is_withdrawn: bool
    ) -> StoredQuestion:
        await self._portal.database.write(
            catalogue.withdraw_question,
            slug,
            question_id,
            is_withdrawn=is_withdrawn,
            actor=actor_of(caller, request),
        )
        return await self._read(slug, question_id)

    async def _delete(
        self, slug: str | None, question_id: int, answers: int, caller: Visitor, request: Request
    ) -> None:
        actor = actor_of(caller, request)

        def operation(connection: Connection) -> None:
            find_question(connection, slug, question_id)
            if registrations.count_answers(connection, question_id) != answers:
                raise Changed
            catalogue.drop_question(connection, slug, question_id, registrations.delete_answers, actor=actor)

        await self._portal.database.write(operation)
