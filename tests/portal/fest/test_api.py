"""The settings in the JSON API."""

import base64
from pathlib import Path

import httpx

from tests.journeys.stage import Guest
from tests.portal.fest.factories import PNG, Fest, fest_of, invite
from tests.rig.database import OpenDatabase


def call(fest: Fest, guest: Guest) -> httpx.Client:
    return httpx.Client(
        base_url=f"{fest.url}/api/v1", headers=guest.bearer, trust_env=False, verify=False, timeout=30
    )


def test_an_owner_reads_and_changes_settings_and_never_reads_a_secret(
    database: OpenDatabase, tmp_path: Path
) -> None:
    with fest_of(database, tmp_path, fest_place="Fixed") as fest:
        with call(fest, database.write(invite, "asha")) as api:
            values = {
                "fest_name": "Monsoon",
                "guest_checkout": False,
                "smtp_host": "m.example.org",
                "smtp_password": "hunter2",
            }
            answer = api.patch("/settings", json={"version": 0, "values": values})
            assert answer.status_code == 200
            assert "hunter2" not in answer.text
            assert answer.json()["version"] == 1
            shown = {setting["name"]: setting for setting in api.get("/settings").json()["settings"]}
            assert shown["fest_name"] == {
                "name": "fest_name",
                "value": "Monsoon",
                "is_secret": False,
                "is_set": True,
                "is_fixed": False,
                "source": "data",
            }
            assert (shown["smtp_password"]["value"], shown["smtp_password"]["is_set"]) == (None, True)
            assert (shown["fest_place"]["is_fixed"], shown["fest_place"]["source"]) == (True, "environment")
            again = api.patch("/settings", json={"values": {"fest_name": "Monsoon"}})
            assert again.json()["version"] == 1
            assert (
                api.patch("/settings", json={"version": 0, "values": {"fest_name": "X"}}).status_code == 409
            )
            refused = api.patch(
                "/settings", json={"values": {"base_url": "https://x.example", "fest_place": "x"}}
            )
            assert refused.json()["fields"].keys() == {"base_url", "fest_place"}
            api.patch("/settings", json={"values": {"fest_name": None, "smtp_password": None}})
        state = fest.settings()
        assert state.settings.fest_name == "Festgate"
        assert state.settings.smtp_password == ""


def test_an_owner_tests_mail_and_payments_and_sets_the_logo(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest:
        with call(fest, database.write(invite, "asha")) as api:
            sent = api.post("/settings/mail/test").json()
            assert sent == {"recipient": "asha@example.org", "is_sent": False}
            assert len([*(fest.folder / "mail").iterdir()]) == 1
            api.patch("/settings", json={"values": {"smtp_host": "127.0.0.1", "smtp_port": 1}})
            refused = api.post("/settings/mail/test")
            assert (refused.status_code, refused.json()["code"]) == (502, "not-sent")
            answers = [api.post("/settings/mail/test").status_code for _ in range(4)]
            assert answers[-1] == 429
            (tested,) = api.post("/settings/payments/test").json()
            assert (tested["method"], tested["works"]) == ("Pay at the desk", True)
            content = base64.b64encode(PNG + bytes(20_000)).decode()
            shown = api.put("/settings/logo", json={"content": content})
            assert httpx.get(
                fest.url + shown.json()["address"], trust_env=False, verify=False
            ).content.startswith(PNG)
            wrong = api.put("/settings/logo", json={"content": base64.b64encode(b"x").decode()})
            assert wrong.json()["fields"].keys() == {"content"}
            assert api.put("/settings/logo", json={"content": "%"}).json()["fields"].keys() == {"content"}
            assert [api.delete("/settings/logo").status_code for _ in range(2)] == [204, 204]
            assert httpx.get(f"{fest.url}/fest/logo", trust_env=False, verify=False).status_code == 404
        with call(fest, database.write(invite, "ravi", "organiser")) as api:
            assert api.post("/settings/mail/test").status_code == 403
            assert api.put("/settings/logo", json={"content": content}).status_code == 403


def test_the_settings_are_for_owners(database: OpenDatabase, tmp_path: Path) -> None:
    with fest_of(database, tmp_path) as fest, call(fest, database.write(invite, "ravi", "organiser")) as api:
        assert api.get("/settings").json()["code"] == "forbidden"
        assert api.patch("/settings", json={"values": {}}).status_code == 403
