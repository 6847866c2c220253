"""Operations of organisers on promo codes, and the reading of a code's form."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, func, select, update

from festgate.kit.amounts import read_amount
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.ids import new_code
from festgate.kit.money import Money
from festgate.kit.text import check_length
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue.details import (
    MAX_CAPACITY,
    MAX_VALUE,
    read_moment,
    read_number,
    written_time,
)
from festgate.portal.catalogue.prices import WHOLE, CodeKind, written_rate
from festgate.portal.catalogue.promo_codes import (
    MAX_CODE,
    CodeTerms,
    PromoCode,
    canonical,
    read_code,
    select_codes,
)
from festgate.portal.catalogue.queries import all_events, event_by_id
from festgate.portal.catalogue.tables import promo_code_uses, promo_codes
from festgate.portal.catalogue.ticket_types import types_of
from festgate.portal.catalogue.type_changes import read_rate

T = TypeVar("T")
Scope: TypeAlias = tuple[int | None, int | None, str]
"""What a code is for: the event, the ticket type, and the currency of amounts."""

MIN_CODE = 3
RANDOM_LENGTH = 8
"""Characters of 5 bits of a random code: with the limit on guesses nobody finds one by trying."""
MAX_PREFIX = MAX_CODE - RANDOM_LENGTH - 1
MAX_AT_ONCE = 1000
"""Codes that are created at once, so that the writer is not blocked for long."""
CODES_PER_PAGE = 50
CODE_FIELDS = (
    "code",
    "prefix",
    "count",
    "kind",
    "value",
    "scope",
    "unlocks",
    "opens_at",
    "closes_at",
    "max_uses",
    "max_per_person",
)
"""The fields of a code's form."""
NO_CODE = N_("There is no such promo code.")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]*")
_SCOPE = re.compile(r"[et][0-9]{1,15}")

_one = promo_codes.c.id == bindparam("code")
_by_id = Statement(select_codes.where(_one))
_lock = Statement(select_codes.where(_one).with_for_update())
_from_to = Statement(
    select_codes.where(promo_codes.c.id.between(bindparam("first"), bindparam("last"))).order_by(
        promo_codes.c.id
    )
)
_like = promo_codes.c.code.like(bindparam("beginning"))
_page = Statement(
    select_codes.where(_like)
    .order_by(promo_codes.c.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)
_count = Statement(select(func.count()).select_from(promo_codes).where(_like))
_insert = inserting(promo_codes, returning="id")
_TERMS = (
    "kind",
    "value",
    "currency",
    "unlocks",
    "event_id",
    "type_id",
    "opens_at",
    "closes_at",
    "max_uses",
    "max_per_person",
)
_edit = Statement(
    update(promo_codes)
    .where(_one, func.coalesce(bindparam("new_max_uses"), promo_codes.c.used) >= promo_codes.c.used)
    .values({name: bindparam(f"new_{name}") for name in _TERMS})
)
_most_of_person = Statement(
    select(func.max(promo_code_uses.c.used)).where(promo_code_uses.c.code_id == bindparam("code"))
)
_is_used = Statement(
    select(promo_code_uses.c.code_id).where(promo_code_uses.c.code_id == bindparam("code")).limit(1)
)
_end = Statement(update(promo_codes).where(_one).values(ended_at=bindparam("at")))
_drop = Statement(delete(promo_codes).where(_one))


@dataclass(frozen=True, slots=True)
class CodeList:
    """One page of the promo codes of a fest, newest first."""

    codes: tuple[PromoCode, ...]
    total: int
    """The number of codes on all pages."""
    pages: int


def code_by_id(connection: Connection, code_id: int) -> PromoCode:
    """Return the code. Raises NotFound."""
    return _read(connection, _by_id, code_id)


def list_codes(connection: Connection, beginning: str, page: int) -> CodeList:
    """Return a page of the codes that begin with that text. Raises NotFound for a page after the last."""
    begins = f"{canonical(beginning)}%"
    total = int(connection.value(_count, beginning=begins))
    pages = max(1, -(-total // CODES_PER_PAGE))
    if not 1 <= page <= pages:
        raise NotFound
    rows = connection.all(_page, beginning=begins, limit=CODES_PER_PAGE, skipped=(page - 1) * CODES_PER_PAGE)
    return CodeList(tuple(read_code(row) for row in rows), total, pages)


def codes_beginning(connection: Connection, beginning: str, limit: int) -> list[PromoCode]:
    """Return at most `limit` codes that begin with that text, newest first, for a file."""
    rows = connection.all(_page, beginning=f"{canonical(beginning)}%", limit=limit, skipped=0)
    return [read_code(row) for row in rows]


def codes_with_ids(connection: Connection, ids: Collection[int]) -> list[PromoCode]:
    """Return the codes of those ids that exist, oldest first. They were created together, so that few lie between."""
    wanted = set(ids)
    rows = connection.all(_from_to, first=min(wanted), last=max(wanted)) if wanted else []
    return [code for code in map(read_code, rows) if code.id in wanted]


def is_code_used(connection: Connection, code_id: int) -> bool:
    """Return whether a seat has or had the code."""
    return connection.first(_is_used, code=code_id) is not None


def create_code(
    connection: Connection, text: str, terms: CodeTerms, *, actor: Actor | None = None
) -> PromoCode:
    """Create a promo code; `actor` is for the audit log. Raises Invalid if there is one with that text."""
    try:
        code = _add(connection, text, terms)
    except UniqueViolation:
        raise Invalid({"code": gettext("There is a promo code with this text already.")}) from None
    _record(connection, actor, "promo-code.added", code)
    return code


def create_codes(
    connection: Connection, prefix: str, count: int, terms: CodeTerms, *, actor: Actor | None = None
) -> list[PromoCode]:
    """Create that many random promo codes that begin with the prefix; `actor` is for the audit log."""
    beginning = f"{prefix}-" if prefix else ""
    try:
        codes = [_add(connection, f"{beginning}{new_code(RANDOM_LENGTH)}", terms) for _ in range(count)]
    except UniqueViolation:
        raise TryAgain from None
    if actor is not None:
        audit.record(connection, actor, "promo-codes.added", beginning, event_id=terms.event_id, count=count)
    return codes


def edit_code(connection: Connection, code_id: int, terms: CodeTerms, *, actor: Actor | None = None) -> None:
    """Give a promo code other terms; seats that have it keep their price. `actor` is for the audit log.

    Raises NotFound, or Invalid if more tickets have it than it would allow.
    """
    code = _read(connection, _lock, code_id)
    values = {f"new_{name}": value for name, value in _columns(terms).items()}
    if not connection.run(_edit, code=code_id, **values):
        sentence = gettext("{count} tickets have this code already, so the maximum cannot be lower.")
        raise Invalid({"max_uses": sentence.format(count=code.used)})
    most = connection.value(_most_of_person, code=code_id) or 0
    if terms.max_per_person is not None and most > terms.max_per_person:
        sentence = gettext("One person has {count} tickets with this code already.")
        raise Invalid({"max_per_person": sentence.format(count=most)})
    if terms != code.terms:
        changed = audit.differences(_entered(connection, code.terms), _entered(connection, terms))
        _record(connection, actor, "promo-code.edited", code, **changed)


def end_code(connection: Connection, code_id: int, *, actor: Actor | None = None) -> None:
    """End a promo code: nobody can use it any more, and tickets that have it keep their price. Idempotent.

    `actor` is for the audit log. Raises NotFound.
    """
    code = _read(connection, _lock, code_id)
    if not code.ended_at:
        connection.run(_end, code=code_id, at=connection.now)
        _record(connection, actor, "promo-code.ended", code)


def resume_code(connection: Connection, code_id: int, *, actor: Actor | None = None) -> None:
    """Let an ended promo code be used again. Idempotent; `actor` is for the audit log. Raises NotFound."""
    code = _read(connection, _lock, code_id)
    if code.ended_at:
        connection.run(_end, code=code_id, at=0)
        _record(connection, actor, "promo-code.resumed", code)


def drop_code(connection: Connection, code_id: int, *, actor: Actor | None = None) -> None:
    """Delete a promo code that nobody has ever used; `actor` is for the audit log. Raises NotFound or Invalid."""
    code = _read(connection, _lock, code_id)
    if is_code_used(connection, code_id):
        raise Invalid({"code": gettext("Somebody has used this promo code. End it instead.")})
    connection.run(_drop, code=code_id)
    _record(connection, actor, "promo-code.deleted", code)


def read_code_text(fields: Mapping[str, str]) -> str:
    """Return the text of a code that was entered. Raises Invalid."""
    text = canonical(fields.get("code", ""))
    if not _CODE.fullmatch(text) or not MIN_CODE <= len(text) <= MAX_CODE:
        sentence = gettext("Use {min} to {max} letters A to Z, digits and hyphens, such as CAMPUS20.")
        raise Invalid({"code": sentence.format(min=MIN_CODE, max=MAX_CODE)})
    return text


def read_series(fields: Mapping[str, str]) -> tuple[str, int]:
    """Return the prefix and the number of random codes that were entered. Raises Invalid."""
    errors: dict[str, str] = {}
    prefix, count = canonical(fields.get("prefix", "")).strip("-"), 0
    if prefix and (not _CODE.fullmatch(prefix) or len(prefix) > MAX_PREFIX):
        sentence = gettext("Use at most {max} letters A to Z, digits and hyphens.")
        errors["prefix"] = sentence.format(max=MAX_PREFIX)
    try:
        count = read_number(fields.get("count", ""), least=1, most=MAX_AT_ONCE, empty=0) or 0
    except ValueError as error:
        errors["count"] = str(error)
    if not count:
        errors.setdefault("count", gettext("This field is required."))
    if errors:
        raise Invalid(errors)
    return prefix, count


def read_terms(connection: Connection, fields: Mapping[str, str], zone: ZoneInfo, currency: str) -> CodeTerms:
    """Read the terms of a code that were entered as text. Raises Invalid with a sentence for every wrong field."""
    return read_terms_for(partial(_read_scope, connection, currency=currency), fields, zone, currency)


def read_terms_for(
    find_scope: Callable[[str], Scope], fields: Mapping[str, str], zone: ZoneInfo, currency: str
) -> CodeTerms:
    """Read the terms as `read_terms` does; `find_scope` reads what the code is for, and raises ValueError."""
    errors: dict[str, str] = {}

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(fields.get(name, ""))
        except ValueError as error:
            errors[name] = str(error)
            return default

    kinds: Mapping[str, CodeKind] = {kind: kind for kind in get_args(CodeKind)}
    kind = kinds.get(fields.get("kind", ""), "percentage")
    everywhere: Scope = None, None, currency
    event_id, type_id, event_currency = read("scope", find_scope, everywhere)
    value = 0
    if kind == "percentage":
        value = read("value", partial(read_rate, most=WHOLE), 0)
    elif kind == "amount":
        value = read("value", lambda text: _read_amount(text, event_currency), Money(0, event_currency)).minor
    if kind in ("percentage", "amount") and not value:
        errors.setdefault("value", gettext("Enter how much less a ticket costs."))
    number = partial(read_number, least=1, most=MAX_CAPACITY, empty=None)
    terms = CodeTerms(
        kind,
        value,
        event_currency if kind == "amount" else "",
        unlocks=kind == "unlock" or fields.get("unlocks") == "yes",
        event_id=event_id,
        type_id=type_id,
        opens_at=read("opens_at", partial(read_moment, zone), 0),
        closes_at=read("closes_at", partial(read_moment, zone), 0),
        max_uses=read("max_uses", number, None),
        max_per_person=read("max_per_person", number, None),
    )
    if terms.closes_at and terms.opens_at >= terms.closes_at:
        errors.setdefault("closes_at", gettext("The end must be after the start."))
    if errors:
        raise Invalid(errors)
    return terms


def written_terms(terms: CodeTerms, zone: ZoneInfo) -> dict[str, str]:
    """Return the terms as text, from which `read_terms` reads the same terms."""
    if terms.kind == "percentage":
        value = written_rate(terms.value)
    else:
        value = Money(terms.value, terms.currency).plain() if terms.kind == "amount" else ""
    return {
        "kind": terms.kind,
        "value": value,
        "scope": scope_of(terms),
        "unlocks": "yes" if terms.unlocks else "",
        "opens_at": written_time(terms.opens_at, zone),
        "closes_at": written_time(terms.closes_at, zone),
        "max_uses": "" if terms.max_uses is None else str(terms.max_uses),
        "max_per_person": "" if terms.max_per_person is None else str(terms.max_per_person),
    }


def scope_of(terms: CodeTerms) -> str:
    """Return what the code is for as the form names it: empty, `e7` for an event, or `t9` for a ticket type."""
    if terms.type_id is not None:
        return f"t{terms.type_id}"
    return "" if terms.event_id is None else f"e{terms.event_id}"


def scopes(connection: Connection) -> list[tuple[str, str]]:
    """Return what a code can be for, as pairs of its name in the form and its title."""
    listed = [("", gettext("All events"))]
    for event in all_events(connection):
        if event.state == "cancelled":
            continue
        listed.append((f"e{event.id}", event.title))
        listed += [
            (f"t{kind.id}", f"{event.title}: {kind.name}")
            for kind in types_of(connection, event.id)
            if kind.name
        ]
    return listed


def _read_scope(connection: Connection, text: str, *, currency: str) -> Scope:
    """Return the scope that the form names. Raises ValueError with a sentence."""
    if not text:
        return None, None, currency
    if _SCOPE.fullmatch(text):
        number = int(text[1:])
        for event in all_events(connection):
            if text[0] == "e" and event.id == number:
                return event.id, None, event.fee.currency
            if text[0] == "t" and any(kind.id == number for kind in types_of(connection, event.id)):
                return event.id, number, event.fee.currency
    raise ValueError(gettext("Choose one of the list."))


def _read_amount(text: str, currency: str) -> Money:
    check_length(text, MAX_VALUE)
    return read_amount(text, currency) if text.strip() else Money(0, currency)


def _add(connection: Connection, text: str, terms: CodeTerms) -> PromoCode:
    code_id: int = connection.value(
        _insert, code=text, used=0, created_at=connection.now, ended_at=0, **_columns(terms)
    )
    return PromoCode(code_id, text, terms, 0, 0)


def _columns(terms: CodeTerms) -> dict[str, object]:
    return {name: getattr(terms, name) for name in _TERMS} | {"unlocks": int(terms.unlocks)}


def _record(
    connection: Connection, actor: Actor | None, action: audit.Action, code: PromoCode, **details: str
) -> None:
    if actor is not None:
        audit.record(connection, actor, action, code.code, event_id=code.terms.event_id, **details)


def _entered(connection: Connection, terms: CodeTerms) -> dict[str, object]:
    """Return the terms for the audit log, with the slug of the event and the name of the ticket type."""
    scope = ""
    if terms.event_id is not None:
        scope = event_by_id(connection, terms.event_id).slug
        types = {kind.id: kind.name for kind in types_of(connection, terms.event_id)}
        scope += f": {types.get(terms.type_id, '')}" if terms.type_id is not None else ""
    value: object = written_rate(terms.value) if terms.kind == "percentage" else terms.value
    if terms.kind == "amount":
        value = Money(terms.value, terms.currency)
    return {
        "kind": terms.kind,
        "value": value,
        "scope": scope,
        "unlocks": terms.unlocks,
        "opens_at": terms.opens_at,
        "closes_at": terms.closes_at,
        "max_uses": terms.max_uses,
        "max_per_person": terms.max_per_person,
    }


def _read(connection: Connection, statement: Statement, code_id: int) -> PromoCode:
    row = connection.first(statement, code=code_id)
    if row is None:
        raise NotFound(gettext(NO_CODE))
    return read_code(row)
