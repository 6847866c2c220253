"""The organisers' pages of questions to attendees, of an event or of the whole fest."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.roles import Permission
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import read_id, read_path, read_query
from festgate.kit.web.portal import Portal, see_other
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Question, QuestionDetails
from festgate.portal.registrations import facade as registrations

KINDS: Mapping[catalogue.QuestionKind, str] = {
    "text": N_("Text"),
    "number": N_("Number"),
    "choice": N_("One choice"),
    "choices": N_("Several choices"),
    "date": N_("Date"),
    "phone": N_("Phone number"),
    "file": N_("File (PDF, PNG or JPEG)"),
    "consent": N_("Consent (a box to tick)"),
}
PRESETS: tuple[tuple[str, str], ...] = (
    ("size", N_("T-shirt size")),
    ("college", N_("College")),
    ("roll", N_("Roll number")),
    ("diet", N_("Food")),
)
"""The buttons for usual questions, as (name, label)."""
MAX_PRESET = 20
"""Characters of the name of a usual question."""
MAX_FORM_FIELD = 4 * 1000 + catalogue.MAX_CHOICE * 50
NEW_QUESTION = {**catalogue.written_question(QuestionDetails("text", "")), "in_export": "yes"}
"""The form of a new question."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question in the organisers' list."""

    question: Question
    type_name: str
    answers: int

    @property
    def notes(self) -> str:
        """The properties of the question, in a few words."""
        details = self.question.details
        words = [
            gettext(KINDS[details.kind]),
            self.type_name,
            gettext("once per order") if details.per == "order" else "",
            gettext("at the door") if details.is_at_door else "",
            "" if details.is_in_export else gettext("not in the export"),
        ]
        return ", ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class QuestionsPage:
    """The view model of the list."""

    event: catalogue.Event | None
    """None: the questions of the whole fest."""
    rows: tuple[Row, ...]
    of_fest: tuple[Question, ...]
    """The questions of the whole fest, on the page of an event."""

    @property
    def base(self) -> str:
        """The address of the list."""
        return _base(self.event.slug if self.event else None)


def read_questions(connection: Connection, slug: str | None) -> QuestionsPage:
    """Return the questions of an event, or of the whole fest for None. Raises NotFound."""
    of_fest = tuple(catalogue.fest_questions(connection))
    if slug is None:
        return QuestionsPage(None, tuple(_row(connection, question, {}) for question in of_fest), ())
    event = catalogue.any_event_by_slug(connection, slug)
    names = {kind.id: kind.details.name for kind in catalogue.types_of(connection, event.id)}
    own = [
        question
        for question in catalogue.all_questions(connection, event.id)
        if question.event_id is not None
    ]
    asked = tuple(question for question in of_fest if not question.is_withdrawn)
    return QuestionsPage(event, tuple(_row(connection, question, names) for question in own), asked)


def _row(connection: Connection, question: Question, names: Mapping[int, str]) -> Row:
    name = names.get(question.type_id, "") if question.type_id is not None else ""
    return Row(question, name, registrations.count_answers(connection, question.id))


class QuestionPages:
    """Pages for organisers about the questions of an event, or of the whole fest."""

    def __init__(self, portal: Portal, *, of_fest: bool = False) -> None:
        """`portal` as every module's pages get it."""
        self._portal = portal
        self._zone = portal.settings.zone
        self._of_fest = of_fest

    def routes(self) -> list[Route]:
        """Return the routes."""
        guard = self._portal.guard
        needs: Permission = "events.manage" if self._of_fest else "events.edit"
        base = "/organise/questions" if self._of_fest else "/organise/events/{slug}/questions"
        routes: list[Route] = [
            guard(needs, base, self.show),
            guard(needs, f"{base}/new", self.show_new),
            guard(needs, f"{base}/new", self.add, methods=["POST"]),
            guard(needs, f"{base}/{{question}}", self.show_one),
            guard(needs, f"{base}/{{question}}", self.edit, methods=["POST"]),
            guard(needs, f"{base}/{{question}}/remove", self.ask_to_remove),
            guard(needs, f"{base}/{{question}}/{{step}}", self.change, methods=["POST"]),
        ]
        return routes if self._of_fest else [*routes, guard(needs, base, self.set_until, methods=["POST"])]

    def _slug(self, request: Request) -> str | None:
        """Return the slug of the event; None for the questions of the whole fest."""
        return None if self._of_fest else read_path(request, "slug")

    async def show(self, request: Request) -> Response:
        """Show the list."""
        return await self._list(request)

    async def set_until(self, request: Request) -> Response:
        """Save until when answers can be changed."""
        slug = read_path(request, "slug")
        fields = await read_fields(request)
        try:
            until = catalogue.read_answers_until(fields.get("answers_until", ""), self._zone)
            await self._portal.database.write(
                catalogue.set_answers_until, slug, until, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._list(request, fields, refusal)
        return see_other(_base(slug))

    async def _list(
        self, request: Request, entered: Mapping[str, str] | None = None, refusal: Invalid | None = None
    ) -> Response:
        shown = await self._portal.database.read(read_questions, self._slug(request))
        until = catalogue.written_time(shown.event.answers_until, self._zone) if shown.event else ""
        return await self._portal.page(
            request,
            "backoffice/questions.html",
            status=refusal.status if refusal else 200,
            section="organise",
            shown=shown,
            event=shown.event,
            presets=[(name, gettext(label)) for name, label in PRESETS],
            until=until if entered is None else entered.get("answers_until", ""),
            errors=refusal.fields if refusal else {},
            zone=self._zone.key,
        )

    async def show_new(self, request: Request) -> Response:
        """Show the form of a new question, perhaps filled in from a usual one."""
        usual = catalogue.question_preset(read_query(request, "preset", MAX_PRESET))
        return await self._form(request, catalogue.written_question(usual) if usual else NEW_QUESTION)

    async def show_one(self, request: Request) -> Response:
        """Show the form of a question."""
        question = await self._read(request)
        return await self._form(request, catalogue.written_question(question.details), question)

    async def add(self, request: Request) -> Response:
        """Add a question."""
        slug, fields = self._slug(request), await read_fields(request, MAX_FORM_FIELD)
        try:
            details = catalogue.read_question(fields)
            await self._portal.database.write(
                catalogue.add_question, slug, details, _type_id(fields), actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            return await self._form(request, fields, refusal=refusal)
        return see_other(_base(slug))

    async def edit(self, request: Request) -> Response:
        """Change a question."""
        slug, fields = self._slug(request), await read_fields(request, MAX_FORM_FIELD)
        question = await self._read(request)
        try:
            details = catalogue.read_question(fields, question)
            await self._portal.database.write(
                catalogue.edit_question, slug, question.id, details, actor=self._portal.actor(request)
            )
        except Invalid as refusal:
            kept = {**catalogue.written_question(question.details), **fields}
            return await self._form(request, kept, question, refusal)
        return see_other(_base(slug))

    async def _read(self, request: Request) -> Question:
        number = read_id(request, "question")
        return await self._portal.database.read(find_question, self._slug(request), number)

    async def _form(
        self,
        request: Request,
        values: Mapping[str, str],
        question: Question | None = None,
        refusal: Invalid | None = None,
    ) -> Response:
        slug = self._slug(request)
        read = self._portal.database.read
        event = await read(catalogue.any_event_by_slug, slug) if slug is not None else None
        types = await read(catalogue.types_of, event.id) if event else ()
        return await self._portal.page(
            request,
            "backoffice/question.html",
            status=refusal.status if refusal else 200,
            section="organise",
            question=question,
            event=event,
            base=_base(slug),
            kinds=[(kind, gettext(label)) for kind, label in KINDS.items()],
            types=[(kind.id, kind.details.name) for kind in types if not kind.is_withdrawn],
            values={**dict.fromkeys(NEW_QUESTION, ""), **values},
            errors=refusal.fields if refusal else {},
            with_choices=catalogue.WITH_CHOICES,
            max_label=catalogue.MAX_QUESTION,
            max_help=catalogue.MAX_QUESTION_HELP,
        )

    async def ask_to_remove(self, request: Request) -> Response:
        """Show what becomes of the answers, with the buttons that stop asking or delete."""
        slug, number = self._slug(request), read_id(request, "question")
        question = await self._portal.database.read(find_question, slug, number)
        count = await self._portal.database.read(registrations.count_answers, number)
        return await self._portal.page(
            request,
            "backoffice/remove_question.html",
            section="organise",
            question=question,
            base=_base(slug),
            answers=count,
        )

    async def change(self, request: Request) -> Response:
        """Move a question, stop asking it, ask it again, or delete it with its answers."""
        slug, number = self._slug(request), read_id(request, "question")
        step = read_path(request, "step")
        write, actor = self._portal.database.write, self._portal.actor(request)
        if step in ("up", "down"):
            await write(catalogue.move_question, slug, number, -1 if step == "up" else 1, actor=actor)
        elif step in ("stop", "again"):
            is_withdrawn = step == "stop"
            await write(catalogue.withdraw_question, slug, number, is_withdrawn=is_withdrawn, actor=actor)
        elif step == "delete":
            await write(catalogue.drop_question, slug, number, registrations.delete_answers, actor=actor)
        else:
            raise NotFound
        return see_other(_base(slug))


def _base(slug: str | None) -> str:
    return "/organise/questions" if slug is None else f"/organise/events/{slug}/questions"


def find_question(connection: Connection, slug: str | None, question_id: int) -> Question:
    """Return a question of the event, or of the whole fest for None. Raises NotFound."""
    question = catalogue.question_by_id(connection, question_id)
    event_id = None if slug is None else catalogue.any_event_by_slug(connection, slug).id
    if question.event_id != event_id:
        raise NotFound
    return question


def _type_id(fields: Mapping[str, str]) -> int | None:
    text = fields.get("type", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(2**53)) else None
