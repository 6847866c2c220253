"""Nothing that opens a door, an account or a card stands in the log of a real server, whatever goes wrong."""

import base64
import json
import re
import secrets
from functools import partial
from pathlib import Path

import httpx

from festgate.kit.ids import new_code
from festgate.kit.secret import load_secret
from festgate.portal.checkout.sandbox import DECLINES
from festgate.portal.tickets.qr import in_fours, qr_text
from tests.journeys.stage import announce, ask_file, before_opening, invite_one, quiet
from tests.portal.accounts.visiting import PASSWORD, join, log_in, visitor
from tests.rig.forms import check_out
from tests.rig.server import Serve, Server
from tests.rig.smtp import Mailbox

LINK = re.compile(r"https?://[^/\s]+(/(?:confirm|reset)\?token=(\S+))")
NEW_PASSWORD = "an entirely other stable"
MISTYPED = "my mistyped passphrase"


def newest_link(mailbox: Mailbox, count: int) -> tuple[str, str]:
    content: str = mailbox.wait_for(count)[count - 1].message.get_content()
    found = LINK.search(content)
    assert found is not None
    return found[1], found[2]


def arm(server: Server, token: str, **fault: object) -> None:
    httpx.post(
        f"{server.url}/drills/faults",
        json={"seconds": 0} | fault,
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    ).raise_for_status()


def as_typed(code: str) -> list[str]:
    spelled = [code, in_fours(code).replace(" ", "-"), in_fours(code)]
    return [*spelled, *(text.lower() for text in spelled)]


def pay(client: httpx.Client, name: str) -> set[str]:
    # Money: a card that is declined, one that pays, and the API with a key.
    assert client.post("/events/robo-race/register").status_code == 303
    check_out(client, payment_method="sandbox", card_number=DECLINES)
    answer = client.post("/api/v1/tokens", json={"username": name, "password": PASSWORD})
    bearer = answer.json()["token"]
    key = secrets.token_urlsafe(24)
    headers = {"authorization": f"Bearer {bearer}", "idempotency-key": key}
    held = [row["id"] for row in client.get("/api/v1/registrations", headers=headers).json()]
    order = {
        "payment_method": "sandbox",
        "registrations": held,
        "total": {"minor": 45_000, "currency": "INR"},
        "card_number": "4242 4242 4242 4242",
    }
    client.post("/api/v1/orders", json=order, headers=headers)
    client.post("/api/v1/orders", json=order | {"total": "x"}, headers=headers)
    return {bearer, key, "4242 4242 4242 4242", "4242424242424242"}


def show_tickets(
    data: Path, codes: list[str], client: httpx.Client, door: httpx.Client, program: httpx.Client
) -> set[str]:
    # Tickets: their own, mistyped, invented, and in places where no address is.
    texts = [qr_text(load_secret(data), code) for code in codes]
    wrong = [new_code(16), f"{codes[0]}x", codes[0][:-1] + "*"]
    typed = [text for code in [*codes, new_code(16)] for text in as_typed(code)]
    for text in [*typed, *wrong]:
        for path in ("/tickets/{}", "/tickets/{}.svg", "/tickets/{}.ics", "/{}", "/no/such/{}/page"):
            client.get(path.format(text))
        client.get("/tickets", params={"code": text})
        door.post("/door/open-talk", data={"code": text})
        door.post("/door/open-talk/undo", data={"code": text})
        program.post(f"/tickets/{text}/admission", json={"event": "open-talk"})
        program.delete(f"/tickets/{text}/admission")
    for text in texts:
        door.post("/door/robo-race", data={"code": text})
        program.post(f"/tickets/{text}/admission", json={"event": "robo-race"})
    return {*typed, *wrong, *texts}


def reset_password(client: httpx.Client, name: str, token: str, mailbox: Mailbox) -> set[str]:
    # A mail server that quotes the recipient and the link that it refused.
    sent = len(mailbox.emails)
    offered = mailbox.attempts
    mailbox.refuse(f"550 5.1.1 <{name}@example.org> unknown; /reset?token={token}")
    client.post("/forgot", data={"username": name})
    mailbox.wait_for_attempts(offered + 1)
    mailbox.accept()
    client.post("/forgot", data={"username": name})
    reset, token = newest_link(mailbox, sent + 1)
    client.get(reset)
    client.post(reset, data={"password": "x"})
    client.post(reset, data={"password": NEW_PASSWORD})
    client.post(reset, data={"password": NEW_PASSWORD})
    assert client.get("/reset", params={"token": f"{token[:-1]}x"}).status_code >= 400
    return {token, f"{name}@example.org"}


def test_no_secret_of_a_whole_journey_and_of_what_goes_wrong_stands_in_the_log(
    serve: Serve, mailbox: Mailbox, tmp_path: Path
) -> None:
    data = tmp_path / "fest"
    with before_opening(data) as database:
        database.write(partial(announce, title="Robo Race", fee=45_000))
        database.write(partial(announce, title="Open Talk", fee=0))
        staff = database.write(invite_one, "staff", "staff")
    drills, metrics, hook, stripe, signing = (secrets.token_urlsafe(16) for _ in range(5))
    server = serve(
        data=data,
        extra={
            "FESTGATE_LOG_LEVEL": "debug",
            "FESTGATE_LOG_FORMAT": "json",
            "FESTGATE_SMTP_HOST": mailbox.host,
            "FESTGATE_SMTP_PORT": str(mailbox.port),
            "FESTGATE_SMTP_SECURITY": "none",
            "FESTGATE_PAYMENT_METHODS": "desk,sandbox,stripe",
            "FESTGATE_STRIPE_SECRET_KEY": stripe,
            "FESTGATE_STRIPE_WEBHOOK_SECRET": signing,
            "FESTGATE_STRIPE_API_BASE": "http://127.0.0.1:9",
            "FESTGATE_DRILLS_TOKEN": drills,
            "FESTGATE_METRICS_TOKEN": metrics,
        },
    )
    seen = {
        PASSWORD,
        NEW_PASSWORD,
        MISTYPED,
        drills,
        metrics,
        hook,
        stripe,
        signing,
        staff.session,
        staff.token,
        DECLINES,
    }
    with visitor(server) as client, staff.browser(server) as door, staff.program(server) as program:
        name = join(client)
        link, token = newest_link(mailbox, 1)
        seen.add(token)
        assert client.post(link).status_code == 200
        with visitor(server) as other:
            assert log_in(other, name, MISTYPED).status_code >= 400
            assert log_in(other, MISTYPED, PASSWORD).status_code >= 400
        seen |= set(client.cookies.values())

        seen |= pay(client, name)
        arm(server, drills, point="outbox.tickets", effect="raise", times=1)
        assert client.post("/events/open-talk/register").status_code == 303
        quiet(server)

        codes = [code for (code,) in ask_file(data, "SELECT code FROM tickets_tickets")]
        assert codes
        seen |= show_tickets(data, codes, client, door, program)

        # A webhook whose signature is wrong, metrics with a token that is wrong, two answers about faults.
        signed = {"stripe-signature": f"t=1,v1={hook}"}
        assert client.post("/webhooks/stripe", content=b"{}", headers=signed).status_code == 400
        client.get("/metrics", headers={"authorization": f"Bearer {metrics}", "x-forwarded-for": "192.0.2.1"})
        client.get("/metrics", headers={"authorization": f"Bearer {hook}", "x-forwarded-for": "192.0.2.1"})

        seen |= reset_password(client, name, token, mailbox)

        # An unhandled exception on the page of a ticket.
        arm(server, drills, point="module.tickets", effect="raise", times=1)
        assert client.get(f"/tickets/{codes[0]}").status_code >= 500
        log_in(client, name, NEW_PASSWORD)
        seen |= set(client.cookies.values())
    text = server.log()
    for status in (
        '"status": 404',
        '"status": 5',
        "an email could not be sent",
        "a handler failed",
        "InjectedFault",
    ):
        assert status in text, status
    parsed = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert len(parsed) > 100
    security = {(line["event"], line["outcome"]) for line in parsed if line.get("security")}
    assert {("webhook", "refused"), ("sign-in", "refused"), ("password-reset-used", "done")} <= security
    for secret in seen:
        for spelling in (secret, base64.b64encode(secret.encode()).decode(), secret.replace(" ", "%20")):
            assert spelling not in text, next(line for line in text.splitlines() if spelling in line)
