"""Names on tickets and transfers for programs, over HTTP."""

from pathlib import Path

from festgate.portal.catalogue import facade as catalogue
from tests.journeys.stage import Guest, announce, await_idle, before_opening, invite_one
from tests.rig.server import Serve

BORIS = {"name": "Boris Ivanov", "email": "boris@example.net"}


def prepare(data: Path) -> Guest:
    with before_opening(data) as database:
        event = database.write(announce, "Robo Race", fee=45_000)
        rules = catalogue.HolderRules("required", 0, has_transfers=True, transfers_until=0)
        database.write(catalogue.set_holder_rules, event.slug, rules)
        return database.write(invite_one, "asha")


def test_a_program_orders_a_named_ticket_and_transfers_it(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "fest"
    guest = prepare(data)
    server = serve(data=data, extra={"FESTGATE_PAYMENT_METHODS": "sandbox"})
    with guest.program(server) as api:
        seat = api.post("/events/robo-race/registrations").json()["id"]
        order = {
            "payment_method": "sandbox",
            "registrations": [seat],
            "total": {"minor": 45_000, "currency": "INR"},
            "card_number": "4242 4242 4242 4242",
        }
        refused = api.post("/orders", json=order, headers={"idempotency-key": "one"})
        assert (refused.status_code, list(refused.json()["fields"])) == (422, [f"name-{seat}"])
        named = {**order, "holders": [{"registration": seat, **BORIS}]}
        assert api.post("/orders", json=named, headers={"idempotency-key": "one"}).status_code == 201
        other = {**order, "holders": [{"registration": seat, "name": "Chen Li"}]}
        reused = api.post("/orders", json=other, headers={"idempotency-key": "one"})
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
        await_idle(server)
        (ticket,) = api.get("/tickets").json()
        assert (ticket["holder_name"], ticket["holder_email"]) == (BORIS["name"], BORIS["email"])
        assert api.post(f"/tickets/{ticket['code']}/send").status_code == 204
        renamed = api.put(f"/registrations/{seat}/holder", json={**BORIS, "name": "Boris I."})
        assert renamed.json()["holder_name"] == "Boris I."
        assert api.put(f"/registrations/{seat}/holder", json={}).status_code == 422

        chen = {"name": "Chen Li", "email": "chen@example.net"}
        moved = api.post(f"/tickets/{ticket['code']}/transfer", json=chen)
        assert (moved.status_code, moved.json()["holder_name"]) == (200, "Chen Li")
        assert moved.json()["code"] != ticket["code"]
        assert api.get(f"/tickets/{ticket['code']}").status_code == 404
        assert (
            api.post(f"/tickets/{moved.json()['code']}/transfer", json=BORIS | {"email": ""}).status_code
            == 422
        )
