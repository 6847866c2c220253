"""No ticket code, password, token or card number is in the log of a real server, also when something fails."""

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
from tests.journeys.stage import announce, await_idle, before_opening, invite_one, query_file
from tests.portal.accounts.visiting import PASSWORD, join, log_in, visitor
from tests.rig.forms import check_out
from tests.rig.server import Serve, Server
from tests.rig.smtp import Mailbox

LINK = re.compile(r"https?://[^/\s]+(/(?:confirm|reset)\?token=(\S+))")
NEW_PASSWORD = "an entirely other stable"
MISTYPED = "my mistyped passphrase"


def newest_link(mailbox: Mailbox, count: int) -> tuple[str, str]:
    content: str = mailbox.wait_for(count)[count - 1].message.get_content()
    match = LINK.search(content)
    assert match is not None
    return match[1], match[2]


def arm(server: Server, token: str, **fault: object) -> None:
    httpx.post(
        f"{server.url}/drills/faults",
        json={"seconds": 0} | fault,
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        verify=False,
    ).raise_for_status()


def spellings_of(code: str) -> list[str]:
    spellings = [code, in_fours(code).replace(" ", "-"), in_fours(code)]
    return [*spellings, *(text.lower() for text in spellings)]


def pay(client: httpx.Client, name: str) -> set[str]:
    """Pay with a declined card, then over the API; return the secrets that were sent."""
    assert client.post("/events/robo-race/register").status_code == 303
    check_out(client, payment_method="sandbox", card_number=DECLINES)
    response = client.post("/api/v1/tokens", json={"username": name, "password": PASSWORD})
    bearer = response.json()["token"]
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


def use_ticket_codes(
    data: Path, codes: list[str], client: httpx.Client, door: httpx.Client, api: httpx.Client
) -> set[str]:
    """Send valid, mistyped and invented ticket codes, also to addresses that do not exist; return all of them."""
    qr_texts = [qr_text(load_secret(data), code) for code in codes]
    wrong_codes = [new_code(16), f"{codes[0]}x", codes[0][:-1] + "*"]
    typed_codes = [text for code in [*codes, new_code(16)] for text in spellings_of(code)]
    for text in [*typed_codes, *wrong_codes]:
        for path in ("/tickets/{}", "/tickets/{}.svg", "/tickets/{}.ics", "/{}", "/no/such/{}/page"):
            client.get(path.format(text))
        client.get("/tickets", params={"code": text})
        door.post("/door/open-talk", data={"code": text})
        door.post("/door/open-talk/undo", data={"code": text})
        api.post(f"/tickets/{text}/admission", json={"event": "open-talk"})
        api.delete(f"/tickets/{text}/admission")
    for text in qr_texts:
        door.post("/door/robo-race", data={"code": text})
        api.post(f"/tickets/{text}/admission", json={"event": "robo-race"})
    return {*typed_codes, *wrong_codes, *qr_texts}


def reset_password(client: httpx.Client, name: str, token: str, mailbox: Mailbox) -> set[str]:
    """Reset the password, with a mail server that first refuses the email and quotes it; return the secrets."""
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


def test_no_secret_of_a_journey_with_failures_is_in_the_log(
    serve: Serve, mailbox: Mailbox, tmp_path: Path
) -> None:
    data = tmp_path / "fest"
    with before_opening(data) as database:
        database.write(partial(announce, title="Robo Race", fee=45_000))
        database.write(partial(announce, title="Open Talk", fee=0))
        staff = database.write(invite_one, "staff", "staff")
    drills, metrics, webhook_signature, stripe, webhook_secret = (secrets.token_urlsafe(16) for _ in range(5))
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
            "FESTGATE_STRIPE_WEBHOOK_SECRET": webhook_secret,
            "FESTGATE_STRIPE_API_BASE": "http://127.0.0.1:9",
            "FESTGATE_DRILLS_TOKEN": drills,
            "FESTGATE_METRICS_TOKEN": metrics,
        },
    )
    secrets_sent = {
        PASSWORD,
        NEW_PASSWORD,
        MISTYPED,
        drills,
        metrics,
        webhook_signature,
        stripe,
        webhook_secret,
        staff.session,
        staff.token,
        DECLINES,
    }
    with visitor(server) as client, staff.browser(server) as door, staff.program(server) as api:
        name = join(client)
        link, token = newest_link(mailbox, 1)
        secrets_sent.add(token)
        assert client.post(link).status_code == 200
        with visitor(server) as other:
            assert log_in(other, name, MISTYPED).status_code >= 400
            assert log_in(other, MISTYPED, PASSWORD).status_code >= 400
        secrets_sent |= set(client.cookies.values())

        secrets_sent |= pay(client, name)
        arm(server, drills, point="outbox.tickets", effect="raise", times=1)
        assert client.post("/events/open-talk/register").status_code == 303
        await_idle(server)

        codes = [code for (code,) in query_file(data, "SELECT code FROM tickets_tickets")]
        assert codes
        secrets_sent |= use_ticket_codes(data, codes, client, door, api)

        # A webhook with a wrong signature, and metrics with the right and a wrong token.
        signed = {"stripe-signature": f"t=1,v1={webhook_signature}"}
        assert client.post("/webhooks/stripe", content=b"{}", headers=signed).status_code == 400
        client.get("/metrics", headers={"authorization": f"Bearer {metrics}", "x-forwarded-for": "192.0.2.1"})
        client.get(
            "/metrics",
            headers={"authorization": f"Bearer {webhook_signature}", "x-forwarded-for": "192.0.2.1"},
        )

        secrets_sent |= reset_password(client, name, token, mailbox)

        # An unhandled exception on the page of a ticket.
        arm(server, drills, point="module.tickets", effect="raise", times=1)
        assert client.get(f"/tickets/{codes[0]}").status_code >= 500
        log_in(client, name, NEW_PASSWORD)
        secrets_sent |= set(client.cookies.values())
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
    for secret in secrets_sent:
        for spelling in (secret, base64.b64encode(secret.encode()).decode(), secret.replace(" ", "%20")):
            assert spelling not in text, next(line for line in text.splitlines() if spelling in line)
