"""The same journey as JSON, keys that are used twice, errors of one shape, and schemathesis over the whole document."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias, cast

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from festgate.portal.checkout.sandbox import DECLINES
from tests.journeys.stage import Guest, announce, before_opening, holds, invite, quiet
from tests.rig.lengths import length, torture
from tests.rig.server import Server, serving

pytestmark = torture

PASSWORD = "correct horse"
EXAMPLES = length(15, 500)
"""Of each call and kind, by schemathesis."""
NUMBERS = count(1)
Case: TypeAlias = "schemathesis.Case[Any]"
AT_ONCE = 8


@pytest.fixture(scope="module")
def guests() -> list[Guest]:
    """People with tokens; filled when the server is planted, taken by the tests one by one."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guests: list[Guest]) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("api") / "fest"
    with before_opening(data) as database:
        for title, fee in (("Robo Race", 45_000), ("Hackathon", 50_000), ("Opening Ceremony", 0)):
            database.write(announce, title, fee=fee, capacity=1000)
        database.write(announce, "AI Workshop", capacity=1)
        guests += database.write(invite, 20)
    extra = {"FESTGATE_PAYMENT_METHODS": "sandbox,desk", "FESTGATE_ADDRESS_LIMIT": "1000000"}
    with serving(data, extra=extra) as running:
        yield running
        assert "unhandled exception" not in running.log()
        holds(data)


@pytest.fixture
def api(server: Server, guests: list[Guest]) -> Iterator[httpx.Client]:
    """A program of somebody who has no seat yet."""
    with guests.pop().program(server) as client:
        yield client


def error(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a problem, whose shape is RFC 9457's with what we add."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() - {"fields", "registrations"} == {
        "type",
        "title",
        "status",
        "detail",
        "code",
        "request_id",
    }
    assert (body["status"], body["request_id"]) == (answer.status_code, answer.headers["x-request-id"])
    assert body["type"] == f"/docs/problems/{body['code']}"
    assert all(isinstance(body[name], str) and body[name] for name in ("title", "detail", "code"))
    return body["status"], body["code"]


def order_for(api: httpx.Client, **fields: object) -> dict[str, object]:
    """The body that orders everything that is held."""
    held = [each for each in api.get("/registrations").json() if each["state"] == "held"]
    total = {"minor": sum(each["fee"]["minor"] for each in held), "currency": "INR"}
    body = {"payment_method": "sandbox", "registrations": [each["id"] for each in held], "total": total}
    return body | fields


def test_a_program_goes_the_whole_way_from_an_account_to_a_ticket(server: Server) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, verify=False, timeout=30) as api:
        name = f"program{next(NUMBERS)}"
        account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        assert api.post("/people", json=account).status_code == 201
        token = api.post("/tokens", json={"username": name, "password": PASSWORD}).json()["token"]
        api.headers["authorization"] = f"Bearer {token}"
        assert api.get("/people/me").json()["username"] == name
        listed = api.get("/events", params={"q": "robo"}).json()
        assert [event["slug"] for event in listed["events"]] == ["robo-race"]
        held = api.post("/events/robo-race/registrations")
        assert (held.status_code, held.json()["state"]) == (201, "held")
        assert held.json()["held_until"].endswith("Z")
        assert held.json()["fee"] == {"minor": 45_000, "currency": "INR", "text": "450.00"}
        free = api.post("/events/opening-ceremony/registrations")
        assert (free.status_code, free.json()["state"]) == (201, "confirmed")
        order = api.post("/orders", json=order_for(api), headers={"idempotency-key": "one"})
        assert (order.status_code, order.json()["state"]) == (201, "paid")
        assert order.json()["total"]["minor"] == 45_000
        assert api.get(order.headers["location"].removeprefix("/api/v1")).json() == order.json()
        quiet(server)
        tickets = api.get("/tickets").json()
        assert {ticket["event"] for ticket in tickets} == {"robo-race", "opening-ceremony"}
        assert api.get(f"/tickets/{tickets[0]['code']}").json() == tickets[0]
        states = [registration["state"] for registration in api.get("/registrations").json()]
        assert states == ["confirmed", "confirmed"]
        assert api.delete("/tokens/current").status_code == 204
        assert error(api.get("/people/me")) == (401, "sign-in-needed")


def test_the_same_idempotency_key_is_one_order_and_one_charge_one_after_the_other(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body, key = order_for(api), {"idempotency-key": "twice"}
    first, second = (api.post("/orders", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(api.get("/orders").json()) == 1


def test_the_same_idempotency_key_is_one_order_also_when_it_arrives_many_times_at_once(
    api: httpx.Client,
) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body, key = order_for(api), {"idempotency-key": "at once"}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: api.post("/orders", json=body, headers=key), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ref"] for answer in answers}) == 1
    (order,) = api.get("/orders").json()
    assert (order["state"], order["total"]["minor"]) == ("paid", 45_000)


def test_different_keys_at_once_are_one_order_too_since_the_seats_are_there_once(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()

    body = order_for(api)

    def place(number: int) -> httpx.Response:
        return api.post("/orders", json=body, headers={"idempotency-key": f"key {number}"})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(place, range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    assert {error(answer) for answer in answers if answer.status_code == 409} == {(409, "nothing-to-pay")}


def test_an_order_is_for_the_registrations_and_the_total_that_the_caller_names(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    shown, key = order_for(api), {"idempotency-key": "exactly"}
    beside = api.post("/events/hackathon/registrations").json()["id"]
    wrong = api.post("/orders", json=shown | {"total": {"minor": 95_000, "currency": "INR"}}, headers=key)
    assert error(wrong) == (409, "list-changed")
    listed = {line["registration"]: line["fee"]["minor"] for line in wrong.json()["registrations"]}
    assert sorted(listed.values()) == [45_000, 50_000]
    assert listed[beside] == 50_000
    order = api.post("/orders", json=shown, headers=key).json()
    assert (order["total"]["minor"], [line["event"] for line in order["lines"]]) == (45_000, ["robo-race"])
    assert api.get("/registrations").json()[1]["state"] == "held"
    gone = api.post("/orders", json=shown, headers={"idempotency-key": "again"})
    assert error(gone) == (409, "list-changed")
    assert "Robo Race is already in an order" in gone.json()["detail"]


def test_a_key_stands_for_one_content(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body, key = order_for(api), {"idempotency-key": "content"}
    first = api.post("/orders", json=body, headers=key).json()
    others: list[dict[str, object]] = [
        {"payment_method": "desk"},
        {"card_number": DECLINES},
        {"total": {"minor": 1, "currency": "INR"}},
        {"registrations": [2**40]},
    ]
    for other in others:
        refused = api.post("/orders", json=body | other, headers=key)
        assert error(refused) == (422, "idempotency-key-reused"), other
    assert api.post("/orders", json=body, headers=key).json() == first
    twice = body | {"registrations": [first["lines"][0]["registration"]] * 2}
    assert error(api.post("/orders", json=twice, headers={"idempotency-key": "twice"})) == (422, "invalid")
    assert len(api.get("/orders").json()) == 1


def test_one_persons_key_is_nobody_elses(server: Server, guests: list[Guest]) -> None:
    refs = []
    for guest in (guests.pop(), guests.pop()):
        with guest.program(server) as api:
            api.post("/events/robo-race/registrations").raise_for_status()
            order = api.post("/orders", json=order_for(api), headers={"idempotency-key": "shared"})
            refs.append(order.json()["ref"])
    assert refs[0] != refs[1]


def test_a_declined_payment_leaves_the_seat_held_and_another_key_tries_again(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body = order_for(api, card_number=DECLINES)
    declined = api.post("/orders", json=body, headers={"idempotency-key": "first"}).json()
    assert (declined["state"], declined["reason"]) == ("declined", "The card was declined.")
    assert [each["state"] for each in api.get("/registrations").json()] == ["held"]
    again = api.post("/orders", json=order_for(api), headers={"idempotency-key": "second"})
    assert again.json()["state"] == "paid"


def test_an_order_for_the_desk_can_be_given_up_with_its_seats(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    order = api.post(
        "/orders", json=order_for(api, payment_method="desk"), headers={"idempotency-key": "desk"}
    ).json()
    assert order["state"] == "pending"
    assert [api.post(f"/orders/{order['ref']}/cancel").json()["state"] for _ in range(2)] == ["cancelled"] * 2
    assert [each["state"] for each in api.get("/registrations").json()] == ["cancelled"]


def test_every_refusal_is_a_problem_with_a_code(
    api: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    key = {"idempotency-key": "refused"}
    api.post("/events/robo-race/registrations").raise_for_status()
    pay = order_for(api)
    with guests.pop().program(server) as other:
        mine = api.get("/registrations").json()[0]["id"]
        other.post("/events/ai-workshop/registrations").raise_for_status()
        assert error(other.post(f"/registrations/{mine}/cancel")) == (404, "not-found")
        assert error(other.post("/orders", json=order_for(other, payment_method="gold"), headers=key)) == (
            422,
            "invalid",
        )
    assert error(api.post("/events/ai-workshop/registrations")) == (409, "sold-out")
    assert error(api.post("/events/robo-race/registrations")) == (409, "already-registered")
    assert error(api.get("/events/no-such-event")) == (404, "not-found")
    assert error(api.get("/no/such/call")) == (404, "not-found")
    assert error(api.put("/events")) == (405, "method-not-allowed")
    assert error(api.post("/orders", json=pay)) == (422, "invalid")
    for body in (b"{", b"\xff\xfe{}", b"[]", b"null", b""):
        assert error(api.post("/orders", content=body, headers=key)) == (422, "invalid")
    assert error(api.post("/orders", json=pay | {"total": 1}, headers=key)) == (422, "invalid")
    ref = api.post("/orders", json=pay, headers=key).json()["ref"]
    assert error(api.post(f"/orders/{ref}/cancel")) == (409, "order-not-pending")
    assert error(api.post("/orders", json=pay, headers={"idempotency-key": "more"})) == (
        409,
        "nothing-to-pay",
    )
    api.headers.pop("authorization")
    anonymous = api.post("/orders", json=pay, headers=key)
    assert error(anonymous) == (401, "sign-in-needed")
    assert anonymous.headers["www-authenticate"].startswith("Bearer")


def test_what_is_wrong_with_a_body_is_said_field_by_field(api: httpx.Client) -> None:
    answer = api.post("/people", json={"username": "x", "password": "short", "role": "organiser"})
    assert error(answer) == (422, "invalid")
    assert answer.json()["fields"].keys() == {"username", "email", "password", "role"}


def test_a_session_cookie_opens_nothing_at_the_api(server: Server, guests: list[Guest]) -> None:
    with httpx.Client(
        base_url=f"{server.url}/api/v1", trust_env=False, verify=False, headers=guests.pop().cookie
    ) as client:
        assert error(client.get("/people/me")) == (401, "sign-in-needed")
        assert error(client.post("/events/robo-race/registrations")) == (401, "sign-in-needed")


@pytest.fixture(scope="module")
def document(server: Server) -> schemathesis.BaseSchema:
    """The server's own OpenAPI document."""
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def calls_of(document: schemathesis.BaseSchema) -> list[Any]:
    """Every call that the document describes."""
    return [cast("Any", found).ok() for found in document.get_all_operations()]


@dataclass(frozen=True)
class Real:
    """What there really is, which no chance would hit."""

    headers: dict[str, str]
    spare: dict[str, str]
    named: dict[str, Any]
    """Path parameters by name."""


@pytest.fixture(scope="module")
def real(server: Server, guests: list[Guest]) -> Real:
    guest, spare = guests.pop(), guests.pop()
    with guest.program(server) as api:
        ids = [
            api.post(f"/events/{slug}/registrations").json()["id"]
            for slug in ("robo-race", "opening-ceremony")
        ]
        order = api.post(
            "/orders", json=order_for(api, payment_method="desk"), headers={"idempotency-key": "real"}
        ).json()
        quiet(server)
        (ticket,) = api.get("/tickets").json()
    named = {"slug": "hackathon", "registration_id": ids[0], "ref": order["ref"], "code": ticket["code"]}
    return Real(guest.bearer, spare.bearer, named)


@pytest.mark.parametrize(
    "mode, known",
    [(GenerationMode.POSITIVE, True), (GenerationMode.POSITIVE, False), (GenerationMode.NEGATIVE, False)],
    ids=["what is there", "what may be there", "what breaks the rules"],
)
def test_every_call_answers_as_the_document_says_whatever_it_is_sent(
    document: schemathesis.BaseSchema, real: Real, mode: GenerationMode, known: bool
) -> None:
    calls = calls_of(document)
    assert len(calls) > 10
    for call in calls:
        names = {parameter.name for parameter in call.path_parameters}
        fixed = {name: real.named[name] for name in names} if known else None
        # Whoever ends their token can call nothing else with it.
        headers = real.spare if call.method == "delete" else real.headers
        try:
            ask_often(call.as_strategy(generation_mode=mode, path_parameters=fixed), headers)
        except Unsatisfiable:
            # A call that takes nothing, or any text, has no rule that could be broken.
            assert mode == GenerationMode.NEGATIVE
            assert call.method == "get"


def test_every_call_that_needs_a_token_is_refused_without_one(
    document: schemathesis.BaseSchema, server: Server, real: Real
) -> None:
    needing = [call for call in calls_of(document) if call.definition.raw.get("security")]
    assert len(needing) > 5
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, verify=False) as api:
        for call in needing:
            path = call.path.format(**real.named)
            for headers in ({}, {"authorization": "Bearer nobodys"}, {"authorization": "Basic eDp5"}):
                answer = api.request(call.method, path, headers=headers)
                assert error(answer) == (401, "sign-in-needed"), f"{call.method} {path} {headers}"


def ask_often(cases: st.SearchStrategy[Case], headers: dict[str, str]) -> None:
    @given(cases)
    @settings(max_examples=EXAMPLES, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Case) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[ignored_auth, positive_data_acceptance])

    ask()
