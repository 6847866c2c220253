"""New accounts at a fest with a mail server: limits before their email address is confirmed."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.accounts.confirmation import MAX_EMAILS
from festgate.portal.registrations.limits import MAX_TAKINGS, UNCONFIRMED_HOLD_MINUTES
from tests.journeys.stage import announce, await_idle, before_opening, query_file
from tests.portal.accounts.visiting import join, visitor
from tests.rig.forms import check_out
from tests.rig.server import Server, festgate, serving
from tests.rig.smtp import Email, Mailbox

LINK = re.compile(r"https?://[^/\s]+(/confirm\?token=\S+)")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    with before_opening(data) as database:
        for title, fee, capacity in (
            ("Robo Race", 45_000, 8),
            ("Open Talk", 0, 100),
            ("Dance Night", 0, 100),
        ):
            database.write(partial(announce, title=title, fee=fee, capacity=capacity))
    return data


@pytest.fixture
def server(data: Path, mailbox: Mailbox) -> Iterator[Server]:
    extra = {
        "FESTGATE_SMTP_HOST": mailbox.host,
        "FESTGATE_SMTP_PORT": str(mailbox.port),
        "FESTGATE_SMTP_SECURITY": "none",
        "FESTGATE_PAYMENT_METHODS": "desk,sandbox",
    }
    with serving(data, extra=extra) as running:
        yield running


def text_of(email: Email) -> str:
    content: str = email.message.get_content()
    return content


def register(client: httpx.Client, slug: str) -> httpx.Response:
    return client.post(f"/events/{slug}/register")


def test_an_unconfirmed_account_gets_short_holds_and_cannot_pay_at_the_desk(
    server: Server, mailbox: Mailbox, data: Path
) -> None:
    with visitor(server) as asha, visitor(server) as elsewhere:
        name = join(asha)
        assert register(asha, "robo-race").status_code == 303
        ((minutes,),) = query_file(
            data, "SELECT (held_until - taken_at) / ? FROM registrations_seats", MINUTE
        )
        assert minutes == UNCONFIRMED_HOLD_MINUTES
        mine = asha.get("/my-events").text
        assert "Confirm your email address:" in mine
        assert f"we sent a link to {name}@example.org" in mine
        checkout = asha.get("/checkout").text
        assert "To pay at the desk, confirm your email address:" in checkout
        assert 'value="desk"' not in checkout
        assert 'value="sandbox"' in checkout
        refused = check_out(asha, payment_method="desk")
        assert refused.status_code == 409
        assert f"Confirm your email address first; we sent a link to {name}@example.org." in refused.text
        token = asha.post("/api/v1/tokens", json={"username": name, "password": "correct horse"}).json()[
            "token"
        ]
        again = asha.post(
            "/api/v1/orders",
            json={
                "payment_method": "desk",
                "registrations": [seat for (seat,) in query_file(data, "SELECT id FROM registrations_seats")],
                "total": {"minor": 45_000, "currency": "INR"},
            },
            headers={"authorization": f"Bearer {token}", "idempotency-key": "one"},
        )
        assert (again.status_code, again.json()["code"]) == (409, "email-not-confirmed")

        (email,) = mailbox.wait_for(1)
        assert email.recipients == (f"{name}@example.org",)
        match = LINK.search(text_of(email))
        assert match is not None
        link = match[1]
        (row,) = query_file(data, "SELECT body || attachments || topic FROM kit_mail")
        assert link.rpartition("-")[2] not in row[0]
        # A mail scanner may open the link, so only the button confirms. It works without signing in.
        assert "Confirm my email address" in elsewhere.get(link).text
        assert "Confirm your email address:" in asha.get("/my-events").text
        assert "Your email address is confirmed" in elsewhere.post(link).text
        assert "Your email address is confirmed" in elsewhere.get(link).text
        assert "Confirm your email address:" not in asha.get("/my-events").text
        assert 'value="desk"' in asha.get("/checkout").text
        ordered = check_out(asha, payment_method="desk")
        assert ordered.status_code == 303
        assert ordered.headers["location"].startswith("/orders/")
        assert elsewhere.get("/confirm?token=1-1-guess").status_code == 410
        assert link.partition("=")[2] not in server.log()


def test_registering_and_cancelling_a_hundred_times_sends_few_emails(
    server: Server, mailbox: Mailbox, data: Path
) -> None:
    with visitor(server) as client:
        name = join(client)
        token = client.post("/api/v1/tokens", json={"username": name, "password": "correct horse"}).json()[
            "token"
        ]
        bearer = {"authorization": f"Bearer {token}"}
        registrations = 0
        for number in range(100):
            if number % 2:
                slug, answer = "open-talk", register(client, "open-talk")
                registrations += answer.status_code == 303
            else:
                slug = "dance-night"
                answer = client.post(f"/api/v1/events/{slug}/registrations", headers=bearer)
                registrations += answer.status_code == 201
            assert answer.status_code in (201, 303, 429)
            for (seat,) in query_file(data, "SELECT id FROM registrations_seats WHERE state = 'confirmed'"):
                assert client.post(f"/registrations/{seat}/cancel").status_code == 303
        assert answer.status_code == 429
        assert "5 times in 24 hours" in answer.text
        assert registrations == 2 * MAX_TAKINGS
        await_idle(server)
        ((queued_emails,),) = query_file(data, "SELECT count(*) FROM kit_mail")
        assert queued_emails <= MAX_EMAILS + 1
        assert len(mailbox.wait_for(queued_emails)) == queued_emails


def test_a_link_can_be_resent_a_few_times_and_a_command_can_confirm_an_address(
    server: Server, mailbox: Mailbox, data: Path
) -> None:
    with visitor(server) as client:
        name = join(client)
        answers = [client.post("/confirm/again") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert f"We sent a link to {name}@example.org" in answers[0].text
        assert len(mailbox.wait_for(3)) == 3
        done = festgate("user", "confirm", name, data=data)
        assert done.returncode == 0, done.stderr
        assert "Confirm your email address:" not in client.get("/my-events").text


def test_seats_are_limited_per_client_address_as_reported_by_a_trusted_proxy(
    tmp_path: Path, data: Path
) -> None:
    with serving(data, extra={"FESTGATE_SEAT_ADDRESS_LIMIT": "3"}) as server:
        answers = []
        for _ in range(4):
            with visitor(server) as client:
                join(client)
                answers.append(register(client, "robo-race").status_code)
        assert answers == [303, 303, 303, 429]
        with visitor(server) as client:
            join(client)
            client.headers["x-forwarded-for"] = "192.0.2.9"
            assert register(client, "robo-race").status_code == 303


def test_serve_warns_at_a_public_address_if_email_addresses_are_not_confirmed(tmp_path: Path) -> None:
    warning = "Email addresses are not confirmed because no mail server is set"
    with serving(tmp_path / "one", extra={"FESTGATE_BASE_URL": "https://fest.example"}) as server:
        assert warning in " ".join(server.log().split())
    with serving(tmp_path / "two") as server:
        assert warning not in " ".join(server.log().split())
