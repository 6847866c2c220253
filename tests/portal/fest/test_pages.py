"""The pages of the settings, served to owners and to nobody else."""

import html
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.audit.tables import entries
from festgate.portal.fest.logos import MAX_LOGO
from tests.portal.fest.factories import PNG, Fest, fest_of, invite, save
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event
from tests.rig.smtp import Mailbox
from tests.rig.stripe_server import SECRET_KEY, WEBHOOK_SECRET, stripe_server
from tests.rig.waiting import until

ROOT = "/organise/settings"
_entries = Statement(select(entries.c.action, entries.c.details).order_by(entries.c.id))


def log_of(fest: Fest) -> list[tuple[str, dict[str, str]]]:
    def read(connection: Connection) -> list[tuple[str, dict[str, str]]]:
        return [(action, json.loads(details)) for action, details in connection.all(_entries)]

    return fest.database.read(read)


def test_a_change_is_shown_at_once_and_to_the_other_host_within_two_seconds(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path, hosts=2) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client, fest.client(host=1) as other:
            assert "Monsoon" not in other.get("/").text
            answer = save(client, ROOT, fest_name="Monsoon & Sons", fest_place="North Campus")
            assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}?saved")
            assert "Monsoon &amp; Sons" in client.get("/").text
            until(lambda: "Monsoon &amp; Sons" in other.get("/").text, "the other host has the name", 2)
            assert "North Campus" in other.get("/").text
        assert log_of(fest) == [("settings.changed", {"names": "fest_name, fest_place"})]


def test_payment_methods_and_rules_follow_without_a_restart(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, currency="INR") as fest:
        owner, event = database.write(invite, "asha"), add_event(database)
        with fest.client(owner) as client, fest.client() as visitor:
            assert 'name="email"' in visitor.get(f"/events/{event.slug}").text
            save(client, f"{ROOT}/sign-up", guest_checkout="false")
            assert 'name="email"' not in visitor.get(f"/events/{event.slug}").text
            fields = {"payment_methods-desk": "on", "payment_methods-sandbox": "on", "hold_minutes": "15"}
            assert save(client, f"{ROOT}/payments", **fields).status_code == 303
            client.post(f"/events/{event.slug}/register", data={"quantity": "1"})
            assert "sandbox" in client.get("/checkout").text
        assert fest.settings().settings.payment_methods == ("desk", "sandbox")


def test_the_page_names_the_source_of_each_value_and_disables_fixed_ones(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path, fest_name="Fixed Fest") as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            save(client, ROOT, fest_place="North Campus", fest_name="Ignored")
            page = html.unescape(client.get(ROOT).text)
            field = page[page.index('id="f-fest_name"') :].partition(">")[0]
            assert "disabled" in field
            assert 'value="Fixed Fest"' in field
            assert "Set by the environment variable FESTGATE_FEST_NAME" in page
            assert "Saved here." in page
            assert "Default" not in page
            save(client, f"{ROOT}/payments", **{"payment_methods-desk": "on"}, hold_minutes="20")
            page = html.unescape(client.get(f"{ROOT}/payments").text)
            assert "Saved here; the default is 15." in page
            assert page.count("the default is") == 1
        assert "fest_name" not in fest.settings().stored.texts


def test_a_wrong_value_is_explained_beside_its_field(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            answer = save(client, ROOT, fest_name="New", timezone="Mars")
            assert answer.status_code == 422
            assert "Nothing was saved" in answer.text
            assert 'value="New"' in answer.text
            assert "Enter the name of a time zone, such as Asia/Kolkata." in answer.text
        assert fest.settings().stored.texts == {}


def test_two_owners_do_not_overwrite_each_other(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            save(client, ROOT, fest_name="First")
            answer = client.post(ROOT, data={"version": "0", "fest_name": "Second"})
            assert answer.status_code == 409
            assert "Somebody else has changed the settings" in answer.text
        assert fest.settings().settings.fest_name == "First"


def test_a_secret_is_never_shown_again_and_stays_if_its_field_is_empty(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        server = {
            "smtp_host": "mail.example.org",
            "smtp_port": "25",
            "smtp_security": "none",
            "smtp_username": "me",
        }
        with fest.client(owner) as client:
            save(client, f"{ROOT}/mail", **server, smtp_password="hunter2 of the fest")
            page = client.get(f"{ROOT}/mail").text
            assert "hunter2" not in page
            assert "Stored, and never shown." in page
            save(client, f"{ROOT}/mail", **server, smtp_password="", mail_from="fest@example.org")
            assert fest.settings().settings.smtp_password == "hunter2 of the fest"
            answer = save(
                client, f"{ROOT}/mail", **server | {"smtp_host": "mail.example.com"}, smtp_password=""
            )
            assert answer.status_code == 422
            assert "Enter it again" in answer.text
            save(client, f"{ROOT}/mail", **server, smtp_password="", remove_smtp_password="on")
            assert fest.settings().settings.smtp_password == ""
        assert "hunter2" not in str(log_of(fest))


def test_a_test_email_reaches_oneself_and_its_failure_is_explained(
    database: OpenDatabase, tmp_path: Path, mailbox: Mailbox
) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        server = {"smtp_host": mailbox.host, "smtp_port": str(mailbox.port), "smtp_security": "none"}
        with fest.client(owner) as client:
            assert client.post(f"{ROOT}/mail/test").headers["location"] == f"{ROOT}/mail?written"
            assert len([*(fest.folder / "mail").iterdir()]) == 1
            save(client, f"{ROOT}/mail", **server)
            assert client.post(f"{ROOT}/mail/test").headers["location"] == f"{ROOT}/mail?sent"
            assert mailbox.wait_for(1)[0].recipients == ("asha@example.org",)
            mailbox.refuse("550 5.7.1 Not from here")
            answer = client.post(f"{ROOT}/mail/test")
            assert "550 5.7.1 Not from here" in html.unescape(answer.text)
            for _ in range(3):
                answer = client.post(f"{ROOT}/mail/test")
            assert answer.status_code == 429
            assert "Too many tests" in answer.text


def test_stripe_is_switched_on_and_tested(database: OpenDatabase, tmp_path: Path) -> None:
    with (
        stripe_server() as stripe,
        fest_of(database, tmp_path, stripe_api_base=stripe.url, currency="INR") as fest,
    ):
        owner = database.write(invite, "asha")
        on = {"payment_methods-desk": "on", "payment_methods-stripe": "on"}
        with fest.client(owner) as client:
            answer = save(client, f"{ROOT}/payments", **on, stripe_secret_key=SECRET_KEY)
            assert answer.status_code == 422
            assert "Stripe needs this to be on." in answer.text
            keys = {"stripe_secret_key": SECRET_KEY, "stripe_webhook_secret": WEBHOOK_SECRET}
            assert save(client, f"{ROOT}/payments", **on, **keys).status_code == 303
            page = html.unescape(client.post(f"{ROOT}/payments/test").text)
            assert "Stripe accepts the key. It is a test key" in page
            assert SECRET_KEY not in page
            policy = client.get("/").headers["content-security-policy"]
            assert stripe.url in policy
            save(client, f"{ROOT}/payments", **on, stripe_secret_key="sk_test_wrong")
            assert "Does not work" in client.post(f"{ROOT}/payments/test").text


def test_the_currency_changes_only_while_no_money_is_in_it(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            assert save(client, ROOT, currency="EUR").status_code == 303
            save(client, ROOT, currency="INR")
            add_event(database)
            answer = save(client, ROOT, currency="USD")
            assert answer.status_code == 422
            assert "Money keeps the currency" in answer.text
        assert fest.settings().settings.currency == "INR"


def test_play_money_is_refused_at_a_public_address(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path, base_url="https://fest.example") as fest:
        owner = database.write(invite, "asha")
        with fest.client() as client:
            headers = {"cookie": f"__Host-{owner.cookie['cookie']}", "origin": fest.url}
            answer = client.post(
                f"{ROOT}/payments", data={"version": "0", "payment_methods-sandbox": "on"}, headers=headers
            )
            assert answer.status_code == 422
            assert "Play money is not possible" in answer.text


def test_the_logo_is_shown_on_every_page_and_served_by_its_content(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client, fest.client() as visitor:
            assert visitor.get("/fest/logo").status_code == 404
            answer = client.post(f"{ROOT}/logo", files={"logo": ("x.svg", PNG, "image/svg+xml")})
            assert answer.headers["location"] == f"{ROOT}?logo"
            page = visitor.get("/events").text
            address = page.partition('<img src="')[2].partition('"')[0]
            logo = visitor.get(address)
            assert (logo.content, logo.headers["content-type"]) == (PNG, "image/png")
            assert logo.headers["x-content-type-options"] == "nosniff"
            assert "immutable" in logo.headers["cache-control"]
            assert client.post(f"{ROOT}/logo", files={"logo": ("y.png", PNG)}).status_code == 303  # the same
            answers = [client.post(f"{ROOT}/logo/remove") for _ in range(2)]
            assert [answer.headers["location"] for answer in answers] == [f"{ROOT}?removed"] * 2
            assert "/fest/logo" not in visitor.get("/events").text
        assert [details["names"] for _, details in log_of(fest)] == ["logo", "logo"]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Choose a picture in the format"),
        (PNG + bytes(MAX_LOGO), "at most 256 KB"),
        (b"", "Choose a picture first."),
    ],
    ids=["svg", "large", "none"],
)
def test_another_file_is_not_a_logo(
    database: OpenDatabase, tmp_path: Path, content: bytes, sentence: str
) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            answer = client.post(f"{ROOT}/logo", files={"logo": ("logo.png", content)})
            assert answer.status_code == 422
            assert sentence in answer.text


@pytest.mark.parametrize("role", ["organiser", "treasurer", "attendee"])
def test_only_owners_reach_the_settings(database: OpenDatabase, tmp_path: Path, role: str) -> None:
    with fest_of(database, tmp_path) as fest:
        guest = database.write(invite, "ravi", role)  # type: ignore[arg-type]
        with fest.client(guest) as client:
            for path in (ROOT, f"{ROOT}/payments", f"{ROOT}/mail", f"{ROOT}/sign-up", f"{ROOT}/next"):
                assert client.get(path).status_code == 403
            assert client.post(ROOT, data={"fest_name": "Mine"}).status_code == 403
            assert client.post(f"{ROOT}/mail/test").status_code == 403
