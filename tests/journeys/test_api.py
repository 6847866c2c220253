"""The JSON API: a whole journey, idempotency keys, problem responses, and schemathesis on every call."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.sandbox import DECLINES
from festgate.portal.registrations import facade as registrations
from tests.journeys.api_examples import calls_of, in_each_mode, needs_role, run_examples
from tests.journeys.stage import Guest, announce, await_idle, before_opening, check_data, invite
from tests.rig.lengths import torture
from tests.rig.server import Server, serving

pytestmark = torture

PASSWORD = "correct horse"
NUMBERS = count(1)
AT_ONCE = 8


@pytest.fixture(scope="module")
def guests() -> list[Guest]:
    """People with tokens, created by `server`. Each test removes those that it uses."""
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guests: list[Guest]) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("api") / "fest"
    with before_opening(data) as database:
        for title, fee in (("Robo Race", 45_000), ("Hackathon", 50_000), ("Opening Ceremony", 0)):
            database.write(announce, title, fee=fee, capacity=1000)
        database.write(announce, "AI Workshop", capacity=1)
        relay = database.write(announce, "Relay", fee=90_000, capacity=1000)
        (kind,) = database.read(catalogue.types_of, relay.id)
        for_teams = replace(kind.details, team_min=2, team_max=4)
        database.write(
            catalogue.edit_ticket_type, relay.slug, kind.id, for_teams, registrations.count_of_type
        )
        for details in (
            catalogue.QuestionDetails("choices", "Workshops", choices=("Arduino", "ROS")),
            catalogue.QuestionDetails("number", "Year of study", per="order"),
        ):
            database.write(catalogue.add_question, "robo-race", details)
        chosen = database.write(announce, "Masterclass")
        applications = catalogue.WaitingSettings("open", 60, needs_approval=True)
        database.write(catalogue.set_waiting_list, chosen.slug, applications)
        guests += database.write(invite, 20)
    extra = {"FESTGATE_PAYMENT_METHODS": "sandbox,desk", "FESTGATE_ADDRESS_LIMIT": "1000000"}
    with serving(data, extra=extra) as running:
        yield running
        assert "unhandled exception" not in running.log()
        check_data(data)


@pytest.fixture
def api(server: Server, guests: list[Guest]) -> Iterator[httpx.Client]:
    """Provide the API client of a person without a seat."""
    with guests.pop().program(server) as client:
        yield client


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a problem; check that its fields are those of RFC 9457 and ours."""
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
    """Return the body that orders all held seats."""
    held = [seat for seat in api.get("/registrations").json() if seat["state"] == "held"]
    total = {"minor": sum(seat["fee"]["minor"] for seat in held), "currency": "INR"}
    body = {"payment_method": "sandbox", "registrations": [seat["id"] for seat in held], "total": total}
    return body | fields


def test_an_api_client_signs_up_registers_pays_and_gets_tickets(server: Server) -> None:
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
        await_idle(server)
        tickets = api.get("/tickets").json()
        assert {ticket["event"] for ticket in tickets} == {"robo-race", "opening-ceremony"}
        assert api.get(f"/tickets/{tickets[0]['code']}").json() == tickets[0]
        states = [registration["state"] for registration in api.get("/registrations").json()]
        assert states == ["confirmed", "confirmed"]
        assert api.delete("/tokens/current").status_code == 204
        assert error(api.get("/people/me")) == (401, "sign-in-needed")


def test_repeating_an_idempotency_key_returns_the_same_order(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body, key = order_for(api), {"idempotency-key": "twice"}
    first, second = (api.post("/orders", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(api.get("/orders").json()) == 1


def test_concurrent_requests_with_the_same_idempotency_key_make_one_order(
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


def test_concurrent_requests_with_different_keys_make_one_order_of_the_same_seats(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()

    body = order_for(api)

    def place(number: int) -> httpx.Response:
        return api.post("/orders", json=body, headers={"idempotency-key": f"key {number}"})

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(place, range(AT_ONCE)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    assert {error(answer) for answer in answers if answer.status_code == 409} == {(409, "nothing-to-pay")}


def test_an_order_has_exactly_the_registrations_and_the_total_of_the_request(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    shown, key = order_for(api), {"idempotency-key": "exactly"}
    hackathon_id = api.post("/events/hackathon/registrations").json()["id"]
    wrong = api.post("/orders", json=shown | {"total": {"minor": 95_000, "currency": "INR"}}, headers=key)
    assert error(wrong) == (409, "list-changed")
    listed = {line["registration"]: line["fee"]["minor"] for line in wrong.json()["registrations"]}
    assert sorted(listed.values()) == [45_000, 50_000]
    assert listed[hackathon_id] == 50_000
    order = api.post("/orders", json=shown, headers=key).json()
    assert (order["total"]["minor"], [line["event"] for line in order["lines"]]) == (45_000, ["robo-race"])
    assert api.get("/registrations").json()[1]["state"] == "held"
    gone = api.post("/orders", json=shown, headers={"idempotency-key": "again"})
    assert error(gone) == (409, "list-changed")
    assert "Robo Race is already in an order" in gone.json()["detail"]


def test_an_idempotency_key_is_refused_with_other_content(api: httpx.Client) -> None:
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


def test_two_people_can_use_the_same_idempotency_key(server: Server, guests: list[Guest]) -> None:
    refs = []
    for guest in (guests.pop(), guests.pop()):
        with guest.program(server) as api:
            api.post("/events/robo-race/registrations").raise_for_status()
            order = api.post("/orders", json=order_for(api), headers={"idempotency-key": "shared"})
            refs.append(order.json()["ref"])
    assert refs[0] != refs[1]


def test_a_declined_payment_keeps_the_seat_held_and_another_key_can_pay(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    body = order_for(api, card_number=DECLINES)
    declined = api.post("/orders", json=body, headers={"idempotency-key": "first"}).json()
    assert (declined["state"], declined["reason"]) == ("declined", "The card was declined.")
    assert [seat["state"] for seat in api.get("/registrations").json()] == ["held"]
    again = api.post("/orders", json=order_for(api), headers={"idempotency-key": "second"})
    assert again.json()["state"] == "paid"


def test_cancelling_a_desk_order_cancels_its_seats(api: httpx.Client) -> None:
    api.post("/events/robo-race/registrations").raise_for_status()
    order = api.post(
        "/orders", json=order_for(api, payment_method="desk"), headers={"idempotency-key": "desk"}
    ).json()
    assert order["state"] == "pending"
    assert [api.post(f"/orders/{order['ref']}/cancel").json()["state"] for _ in range(2)] == ["cancelled"] * 2
    assert [seat["state"] for seat in api.get("/registrations").json()] == ["cancelled"]


def test_every_refusal_is_a_problem_with_a_code(
    api: httpx.Client, server: Server, guests: list[Guest]
) -> None:
    key = {"idempotency-key": "refused"}
    api.post("/events/robo-race/registrations").raise_for_status()
    pay = order_for(api)
    with guests.pop().program(server) as other:
        seat_id = api.get("/registrations").json()[0]["id"]
        other.post("/events/ai-workshop/registrations").raise_for_status()
        assert error(other.post(f"/registrations/{seat_id}/cancel")) == (404, "not-found")
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


def test_an_invalid_body_gets_an_error_for_each_field(api: httpx.Client) -> None:
    answer = api.post("/people", json={"username": "x", "password": "short", "role": "organiser"})
    assert error(answer) == (422, "invalid")
    assert answer.json()["fields"].keys() == {"username", "email", "password", "role"}


def test_a_session_cookie_does_not_authenticate_api_calls(server: Server, guests: list[Guest]) -> None:
    with httpx.Client(
        base_url=f"{server.url}/api/v1", trust_env=False, verify=False, headers=guests.pop().cookie
    ) as client:
        assert error(client.get("/people/me")) == (401, "sign-in-needed")
        assert error(client.post("/events/robo-race/registrations")) == (401, "sign-in-needed")


@pytest.fixture(scope="module")
def document(server: Server) -> schemathesis.BaseSchema:
    """Return the server's OpenAPI document."""
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@dataclass(frozen=True)
class ExistingValues:
    """Values that exist in the data, which random examples would not hit."""

    headers: dict[str, str]
    spare: dict[str, str]
    named: dict[str, Any]
    """Path parameters by name."""


@pytest.fixture(scope="module")
def existing(server: Server, guests: list[Guest]) -> ExistingValues:
    guest, spare = guests.pop(), guests.pop()
    with guest.program(server) as api:
        ids = [
            api.post(f"/events/{slug}/registrations").json()["id"]
            for slug in ("robo-race", "opening-ceremony")
        ]
        order = api.post(
            "/orders", json=order_for(api, payment_method="desk"), headers={"idempotency-key": "real"}
        ).json()
        application = api.post("/events/masterclass/waiting").json()
        (kind,) = api.get("/events/relay").json()["tickets"]
        team = api.post("/events/relay/teams", json={"ticket": kind["id"], "name": "Ducks", "size": 3}).json()
        await_idle(server)
        (ticket,) = api.get("/tickets").json()
    with spare.program(server) as api:
        browser = next(one for one in api.get("/people/me/sessions").json() if one["kind"] == "browser")
    named = {
        "slug": "hackathon",
        "registration_id": ids[0],
        "exchange_id": 1,
        "waiting_id": application["id"],
        "registration": ids[0],
        "team_id": team["id"],
        "token": team["link"].rpartition("/")[2],
        "ref": order["ref"],
        "code": ticket["code"],
        "session": browser["name"],
        "person": 2**53,
        "invitation": 2**53,
        "email": 2**53,
        "type_id": kind["id"],
        "quota_id": 2**53,
        "room_id": 2**53,
        "code_id": 2**53,
        "question_id": 2**53,
        "shift_id": 1,
        "file": 2**53,
    }
    return ExistingValues(guest.bearer, spare.bearer, named)


@in_each_mode
def test_every_call_responds_as_the_openapi_document_describes(
    document: schemathesis.BaseSchema,
    existing: ExistingValues,
    session: requests.Session,
    mode: GenerationMode,
    uses_existing: bool,
) -> None:
    # Those of the team are in test_team_api.py.
    calls = [call for call in calls_of(document) if not needs_role(call)]
    assert len(calls) > 10
    for call in calls:
        names = {parameter.name for parameter in call.path_parameters}
        if uses_existing and not names:
            continue  # its examples are those of the valid values
        fixed = {name: existing.named[name] for name in names} if uses_existing else None
        # DELETE ends the token that it is sent with, so it uses a spare one.
        headers = existing.spare if call.method == "delete" else existing.headers
        try:
            cases = call.as_strategy(generation_mode=mode, path_parameters=fixed)
            run_examples(cases, headers, session)
        except Unsatisfiable:
            # A call without parameters, or with free text only, has no invalid values.
            assert mode == GenerationMode.NEGATIVE
            assert call.method == "get"


def test_every_call_that_needs_a_token_is_refused_without_one(
    document: schemathesis.BaseSchema, server: Server, existing: ExistingValues
) -> None:
    protected = [call for call in calls_of(document) if call.definition.raw.get("security")]
    assert len(protected) > 5
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, verify=False) as api:
        for call in protected:
            path = call.path.format(**existing.named)
            for headers in ({}, {"authorization": "Bearer nobodys"}, {"authorization": "Basic eDp5"}):
                answer = api.request(call.method, path, headers=headers)
                assert error(answer) == (401, "sign-in-needed"), f"{call.method} {path} {headers}"
