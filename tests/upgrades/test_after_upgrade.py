"""After an upgrade, waiting work of the older release is done once, and people can continue as before."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from festgate.kit.clock import MINUTE, NEVER
from festgate.kit.db import schema
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail, outbox
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal import inventory
from festgate.portal.app import create_app
from tests.rig.database import OpenDatabase, open_database
from tests.rig.postgres import Cluster
from tests.rig.served import served
from tests.rig.smtp import Mailbox, smtp_server
from tests.rig.waiting import until
from tests.upgrades.old_fest import OLD_SCHEMA, OldFest, open_old

Rows = list[tuple[Any, ...]]
KINDS = {
    "catalogue.EventCancelled",
    "catalogue.EventChanged",
    "checkout.OrderPaid",
    "checkout.OrderRefunded",
    "checkout.SeatRefunded",
    "registrations.HoldsResumed",
    "registrations.SeatConfirmed",
    "registrations.SeatReleased",
    "tickets.HoldersLeft",
}


@dataclass(frozen=True)
class Before:
    """The work that waited when the older release was stopped."""

    facts: Rows
    emails: Rows
    refunds: Rows
    tickets: Rows


@dataclass(frozen=True)
class Reopened:
    """The old fest, served at `url` by today's code, after all waiting work was done."""

    old: OldFest
    url: str
    database: OpenDatabase
    mailbox: Mailbox
    before: Before

    def rows(self, sql: str, **values: object) -> Rows:
        return rows(self.database, sql, **values)

    def client(self, name: str) -> httpx.Client:
        """Return the browser of a person who signed in at the older release."""
        cookies = {SESSION_COOKIE: self.old.manifest["tokens"][name]}
        return httpx.Client(base_url=self.url, cookies=cookies, timeout=30, trust_env=False, verify=False)


def rows(database: OpenDatabase, sql: str, **values: object) -> Rows:
    def read(connection: Connection) -> Rows:
        return list(connection.all(Statement(text(sql)), **values))

    return database.read(read)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def reopened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reopened]:
    """Upgrade and serve the old fest; wait until all waiting work is done."""
    with ExitStack() as stack:
        postgres_url = ""
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            name = cluster.create()
            stack.callback(cluster.drop, name)
            postgres_url = cluster.url(name)
        old = open_old(request.param, tmp_path_factory.mktemp("old") / "fest", postgres_url)
        assert schema.upgrade(old.settings) == OLD_SCHEMA
        mailbox = stack.enter_context(smtp_server())
        database = stack.enter_context(open_database(old.settings.url))
        database.clock.now = old.now
        before = Before(
            rows(
                database,
                "SELECT kind, payload, attempts, error FROM kit_facts WHERE due_at < :never",
                never=NEVER,
            ),
            rows(database, "SELECT id, recipient, subject FROM kit_mail WHERE due_at < :never", never=NEVER),
            rows(
                database,
                "SELECT r.id, r.amount_minor, o.method, r.error FROM checkout_refunds r"
                " JOIN checkout_orders o ON o.id = r.order_id WHERE r.done_at IS NULL",
            ),
            rows(database, "SELECT code, seat_id, order_id FROM tickets_tickets"),
        )
        url = stack.enter_context(serving(old, database, mailbox))
        # Work that has failed before is due later.
        database.clock.move(10 * MINUTE)
        until(lambda: not database.read(outbox.count_waiting), "every fact is delivered")
        until(lambda: not unsent_refunds(database), "every refund that can be made is made")
        until(lambda: not database.read(outbox.count_waiting), "every fact about refunds is delivered")
        until(lambda: not database.read(mail.count_waiting), "every email is sent", 60)
        yield Reopened(old, url, database, mailbox, before)


def unsent_refunds(database: OpenDatabase) -> Rows:
    """Return the refunds of sandbox payments that are not sent yet."""
    return rows(
        database,
        "SELECT r.id FROM checkout_refunds r JOIN checkout_sandbox_charges c ON c.charge = r.provider_ref"
        " WHERE r.done_at IS NULL",
    )


@contextmanager
def serving(old: OldFest, database: OpenDatabase, mailbox: Mailbox) -> Iterator[str]:
    """Serve the fest in this process, so that its clock continues from the moment of the fixture."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        changes = {
            "base_url": url,
            "smtp_host": mailbox.host,
            "smtp_port": mailbox.port,
            "smtp_security": "none",
            "payment_methods": ("sandbox", "desk"),
        }
        app = create_app(old.settings.model_copy(update=changes), clock=database.clock)
        with served(app, listener):
            yield url


def test_waiting_facts_of_every_kind_are_delivered_including_failed_ones(
    reopened: Reopened,
) -> None:
    assert {kind for kind, *_ in reopened.before.facts} == KINDS
    assert any(attempts > 0 and error for _, _, attempts, error in reopened.before.facts)
    assert reopened.rows("SELECT kind, error FROM kit_facts WHERE error IS NOT NULL") == []


def test_every_confirmed_seat_has_one_ticket_and_old_codes_stay_the_same(reopened: Reopened) -> None:
    after = reopened.rows("SELECT code, seat_id, order_id FROM tickets_tickets")
    assert set(reopened.before.tickets) <= set(after)
    assert len(after) > len(reopened.before.tickets)
    confirmed = reopened.rows("SELECT id FROM registrations_seats WHERE state = 'confirmed'")
    valid = reopened.rows("SELECT seat_id FROM tickets_tickets WHERE state = 'valid'")
    assert Counter(valid) == Counter(confirmed)


def test_every_waiting_refund_is_sent_once(reopened: Reopened) -> None:
    made: Counter[str] = Counter(
        dict(reopened.rows("SELECT refund, amount_minor FROM checkout_sandbox_refunds"))
    )
    waiting = [
        (number, amount)
        for number, amount, method, error in reopened.before.refunds
        if (method, error) == ("sandbox", None)
    ]
    assert waiting
    assert {f"refund-{number}": amount for number, amount in waiting}.items() <= made.items()
    done = reopened.rows(
        "SELECT sum(r.amount_minor) FROM checkout_refunds r JOIN checkout_sandbox_charges c"
        " ON c.charge = r.provider_ref WHERE r.done_at IS NOT NULL"
    )
    assert int(done[0][0]) == made.total()


def test_the_payments_for_a_cancelled_event_are_refunded(reopened: Reopened) -> None:
    """The fact about the cancellation waited. Since then the fee of the paid seat is refunded, and nothing else."""
    paid, refunded = reopened.rows(
        "SELECT sum(l.fee_minor), (SELECT sum(r.amount_minor) FROM checkout_refunds r WHERE r.done_at IS NOT NULL"
        " AND r.seat_id IN (SELECT seat_id FROM checkout_lines WHERE slug = 'short-film'))"
        " FROM checkout_lines l JOIN checkout_orders o ON o.id = l.order_id"
        " WHERE l.slug = 'short-film' AND o.paid_at IS NOT NULL"
    )[0]
    assert int(paid) == int(refunded) == 10_000


def test_every_waiting_email_arrives_once(reopened: Reopened) -> None:
    waiting = {number: (recipient, subject) for number, recipient, subject in reopened.before.emails}
    assert len(waiting) > 50
    sent = {number for (number,) in reopened.rows("SELECT id FROM kit_mail WHERE sent_at IS NOT NULL")}
    assert set(waiting) <= sent
    arrived = Counter(
        (email.recipients[0], str(email.message["subject"])) for email in reopened.mailbox.emails
    )
    assert Counter(waiting.values()) <= arrived
    sent_emails = reopened.rows(
        "SELECT count(*) FROM kit_mail WHERE sent_at >= :since", since=reopened.old.now
    )
    assert arrived.total() == sent_emails[0][0]
    with_calendar = [
        email.message for email in reopened.mailbox.emails if email.message.get_content_type() != "text/plain"
    ]
    assert any(part.get_content_type() == "text/calendar" for part in with_calendar[0].walk())


def test_every_ticket_holder_gets_one_email_about_a_change(reopened: Reopened) -> None:
    """The older release emailed fifty holders, and stopped before it emailed the others."""
    holders = reopened.rows(
        "SELECT p.email FROM tickets_tickets t JOIN catalogue_events e ON e.id = t.event_id JOIN accounts_people p"
        " ON p.id = t.person_id WHERE e.slug = 'opening-talk' AND t.state = 'valid' AND t.issued_at < e.updated_at"
    )
    emailed = reopened.rows(
        "SELECT recipient FROM kit_mail WHERE topic LIKE"
        " (SELECT 'changed:' || id || ':%' FROM catalogue_events WHERE slug = 'opening-talk')"
    )
    assert len(holders) > 50
    assert Counter(emailed) == Counter(holders)


def test_the_check_finds_no_broken_invariant(reopened: Reopened) -> None:
    assert [finding for check in inventory.checks() for finding in reopened.database.report(check)] == []


def test_sessions_and_tokens_stay_valid(reopened: Reopened) -> None:
    with reopened.client("asha") as browser:
        page = browser.get("/my-events")
        assert page.status_code == 200
        assert "Robot Race" in page.text
        bearer = {"authorization": f"Bearer {reopened.old.manifest['tokens']['asha by API']}"}
        assert browser.get("/api/v1/people/me", headers=bearer).json()["username"] == "asha"


def test_an_old_password_still_signs_in(reopened: Reopened) -> None:
    credentials = {"username": "asha", "password": reopened.old.manifest["passwords"]["asha"]}
    with httpx.Client(base_url=reopened.url, timeout=30, trust_env=False, verify=False) as anonymous:
        assert anonymous.post("/api/v1/tokens", json=credentials).status_code == 201


def test_old_tickets_can_be_opened_and_checked_in_only_once(reopened: Reopened) -> None:
    tickets = reopened.old.manifest["tickets"]
    with reopened.client("asha") as browser:
        for code in tickets["asha"]:
            assert browser.get(f"/tickets/{code}").status_code == 200
    with reopened.client("ravi") as door:
        # One whose check-in was undone, and one who was not checked in.
        for guest in ("guest-03", "guest-04"):
            response = door.post("/door/opening-talk", data={"code": tickets[guest][0]})
            assert response.status_code == 303, response.text
        assert door.post("/door/opening-talk", data={"code": tickets["guest-01"][0]}).status_code == 409
