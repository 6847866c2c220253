"""Examples of schemathesis for the calls of the JSON API."""

from collections import Counter
from http import HTTPStatus
from typing import Any, TypeAlias, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.rig.lengths import length

TOO_LARGE = {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
EXAMPLES = length(15, 500)
"""Examples that schemathesis generates for each call and mode."""
Case: TypeAlias = "schemathesis.Case[Any]"

in_each_mode = pytest.mark.parametrize(
    "mode, uses_existing",
    [(GenerationMode.POSITIVE, True), (GenerationMode.POSITIVE, False), (GenerationMode.NEGATIVE, False)],
    ids=["existing values", "valid values", "invalid values"],
)


def calls_of(document: schemathesis.BaseSchema) -> list[Any]:
    """Return every call that the document describes."""
    return [cast("Any", operation).ok() for operation in document.get_all_operations()]


def needs_role(call: Any) -> bool:  # noqa: ANN401  (schemathesis's own class)
    """Return whether the call is for the team. Others never answer 403, except those about an own second factor."""
    return "403" in call.definition.raw["responses"] and "/people/me/" not in call.path


def run_examples(
    cases: st.SearchStrategy[Case], headers: dict[str, str], session: requests.Session
) -> Counter[int]:
    """Send the examples, or an only one twice, since its second answer may differ. Count the answers by status."""
    counts: Counter[int] = Counter()

    @given(cases)
    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck))
    def run_example(case: Case) -> None:
        answer = case.call(headers=headers, session=session)
        counts[answer.status_code] += 1
        # Too long an address or body is refused before it is read, for every call.
        if answer.status_code not in TOO_LARGE:
            case.validate_response(answer, excluded_checks=[ignored_auth, positive_data_acceptance])

    run_example()
    if counts.total() == 1:
        run_example()
    return counts
