"""Examples of schemathesis for the calls of the JSON API."""

from collections import Counter
from http import HTTPStatus
from typing import Any, TypeAlias, cast

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

TOO_LARGE = {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
Case: TypeAlias = "schemathesis.Case[Any]"


def calls_of(document: schemathesis.BaseSchema) -> list[Any]:
    """Return every call that the document describes."""
    return [cast("Any", operation).ok() for operation in document.get_all_operations()]


def needs_role(call: Any) -> bool:  # noqa: ANN401  (schemathesis's own class)
    """Return whether the call is for the team: others never answer 403, but for the team's own second factor."""
    return "403" in call.definition.raw["responses"] and "/people/me/" not in call.path


def run_examples(
    cases: st.SearchStrategy[Case],
    headers: dict[str, str],
    session: requests.Session,
    *,
    count: int,
    counts: Counter[int] | None = None,
) -> None:
    """Send `count` examples with these headers, and check each answer; count the answers by status."""

    @given(cases)
    @settings(max_examples=count, derandomize=True, suppress_health_check=list(HealthCheck))
    def run_example(case: Case) -> None:
        answer = case.call(headers=headers, session=session)
        if counts is not None:
            counts[answer.status_code] += 1
        # Too long an address or body is refused before it is read, for every call.
        if answer.status_code not in TOO_LARGE:
            case.validate_response(answer, excluded_checks=[ignored_auth, positive_data_acceptance])

    run_example()
