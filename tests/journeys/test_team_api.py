"""Schemathesis on the calls of the JSON API for the team, with the owner's token and a fest with data of every kind."""

from collections import Counter
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from tests.journeys.api_examples import calls_of, in_each_mode, needs_role, run_examples
from tests.journeys.gallery import Gallery
from tests.journeys.stage import check_data, query_file
from tests.rig.lengths import torture

pytestmark = torture

SECOND_FACTOR = "/settings/second-factor"
"""Its calls are about the rule that the team needs a second factor. The rule would refuse the owner's token."""
REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


@pytest.fixture(scope="module")
def document(shown_fest: Gallery) -> schemathesis.BaseSchema:
    """Return the server's OpenAPI document. Its examples leave out the token, which is sent with each."""
    loaded = schemathesis.openapi.from_url(f"{shown_fest.server.url}/openapi.json")
    loaded.config.generation.update(with_security_parameters=False)
    return loaded


def values_of(fest: Gallery, path: str) -> dict[str, Any]:
    """Return values that exist in the data for the parameters of the path."""
    names = fest.names

    def first(sql: str) -> int:
        number: int = query_file(fest.server.data, f"SELECT coalesce(({sql}), {2**53})")[0][0]
        return number

    values: dict[str, Any] = {
        "slug": names["types"],
        "ref": names["order_changed"],
        "code": names["valid"],
        "registration_id": names["seat"],
        "exchange_id": names["difference"],
        "team_id": names["team"],
        "person": names["person"],
        "type_id": names["type"],
        "room_id": names["room"],
        "code_id": names["promo_code"],
        "question_id": names["fest_question"],
        "shift_id": names["shift"],
        "quota_id": first("SELECT min(id) FROM catalogue_quotas"),
        "invitation": first("SELECT max(id) FROM accounts_invitations"),
        "email": first("SELECT max(id) FROM kit_mail WHERE sent_at IS NULL"),
        "file": first("SELECT max(id) FROM registrations_files"),
    }
    if "/events/{slug}/questions/" in path:
        values |= {"slug": names["asks"], "question_id": names["question"]}
    elif "/waiting-list" in path:
        values |= {"slug": names["soldout"]}
    elif "/places/" in path:
        values |= {"registration": names["place"]}
    elif path.startswith("/transfers"):
        values |= {"ref": names["transfer_usha"]}
    elif path.startswith("/box-office"):
        values |= {"ref": names["sale"]}
    elif path.startswith("/team"):
        values |= {"person": names["member"]}
    elif path.startswith("/people"):
        values |= {"person": str(fest.guests["leaver"].id)}
    return values


def order_of_calls(call: Any) -> tuple[bool, bool]:  # noqa: ANN401  (schemathesis's own class)
    """Return a key that puts calls that read first, and those that end something or change settings last."""
    ends = call.method == "delete" or call.path.endswith(("/cancel", "/deletion", "/settings"))
    return (call.method != "get", ends)


@in_each_mode
def test_every_call_of_the_team_responds_as_the_openapi_document_describes(
    document: schemathesis.BaseSchema,
    shown_fest: Gallery,
    session: requests.Session,
    mode: GenerationMode,
    uses_existing: bool,
) -> None:
    token = shown_fest.guests["organiser"].bearer
    calls = [call for call in calls_of(document) if needs_role(call) and call.path != SECOND_FACTOR]
    assert len(calls) > 100
    counts: Counter[int] = Counter()
    tried = succeeded = 0
    for call in sorted(calls, key=order_of_calls):
        names = {parameter.name for parameter in call.path_parameters}
        if uses_existing and not names:
            continue  # its examples are those of the valid values
        fixed = None
        if uses_existing:
            values = values_of(shown_fest, call.path)
            fixed = {name: values[name] for name in names}
        cases = call.as_strategy(generation_mode=mode, path_parameters=fixed)
        try:
            answers = run_examples(cases, token, session)
        except Unsatisfiable:
            # A call without parameters, or with free text only, has no invalid values.
            assert mode == GenerationMode.NEGATIVE
            assert not call.body
            continue
        counts += answers
        tried += 1
        succeeded += any(status < httpx.codes.MULTIPLE_CHOICES for status in answers)
    assert not counts.keys() & REFUSED, counts
    if uses_existing:
        assert succeeded > tried * 2 / 3, counts


def test_the_data_is_correct_after_all_calls(shown_fest: Gallery) -> None:
    assert "unhandled exception" not in shown_fest.server.log()
    check_data(shown_fest.server.data)
