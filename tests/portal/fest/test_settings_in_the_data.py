"""Settings in the data: which value wins, what is sealed, and what happens to values that do not fit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.support import NullTranslations

from festgate.kit.errors import Invalid
from festgate.kit.translation import use_catalogue
from festgate.kit.visitors import COMMAND
from festgate.portal.fest import fields
from festgate.portal.fest.changes import Change, plan, save
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.stored import Effective, effective, read_stored
from festgate.settings import Given, Settings
from tests.portal.fest.factories import given
from tests.rig.database import OpenDatabase

SECRET = bytes(range(32))


def read(database: OpenDatabase, outside: Given, secret: bytes = SECRET) -> Effective:
    return effective(outside, database.read(read_stored), secret)


def change(database: OpenDatabase, outside: Given, **values: object) -> Effective:
    made = plan(read(database, outside), Change(values), SECRET)
    database.write(save, COMMAND, made)
    return read(database, outside)


def reset(database: OpenDatabase, outside: Given, *names: str) -> Effective:
    made = plan(read(database, outside), Change(resets=frozenset(names)), SECRET)
    database.write(save, COMMAND, made)
    return read(database, outside)


def problems(database: OpenDatabase, outside: Given, **values: object) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        plan(read(database, outside), Change(values), SECRET)
    return dict(raised.value.fields)


def test_a_saved_value_takes_the_place_of_the_default(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    state = change(database, outside, fest_name="Monsoon Fest", hold_minutes="20")
    assert (state.settings.fest_name, state.settings.hold_minutes) == ("Monsoon Fest", 20)
    assert state.source("fest_name") == "data"
    assert state.source("fest_tagline") == "default"


def test_a_value_of_the_environment_wins_and_cannot_be_changed(
    database: OpenDatabase, tmp_path: Path
) -> None:
    change(database, given(tmp_path, database), fest_name="Saved")
    outside = given(tmp_path, database, fest_name="Fixed")
    state = read(database, outside)
    assert (state.settings.fest_name, state.source("fest_name")) == ("Fixed", "environment")
    assert "environment" in problems(database, outside, fest_name="Other")["fest_name"]


def test_a_default_is_not_stored(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    change(database, outside, hold_minutes=20, fest_tagline="Rain")
    change(database, outside, hold_minutes=15)
    state = reset(database, outside, "fest_tagline")
    assert state.stored.texts == {}
    assert state.source("hold_minutes") == "default"


@pytest.mark.parametrize(
    "name", ["database_url", "trusted_proxies", "base_url", "stripe_api_base", "metrics_token"]
)
def test_addresses_and_tokens_are_never_set_in_the_browser(
    database: OpenDatabase, tmp_path: Path, name: str
) -> None:
    assert problems(database, given(tmp_path, database), **{name: "x"}) == {
        name: "This setting is unknown, or is never set in the browser."
    }


def test_a_wrong_value_saves_nothing_of_its_form(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    wrong = problems(database, outside, fest_name="New", timezone="Mars/Base", hold_minutes=0)
    assert wrong.keys() == {"timezone", "hold_minutes"}
    assert wrong["hold_minutes"] == "Enter a whole number from 1 to 1440."
    assert read(database, outside).stored.texts == {}


@pytest.fixture
def marked() -> Iterator[None]:
    """Mark each sentence that goes through gettext, as a catalogue of another language would."""

    class Marking(NullTranslations):
        def ugettext(self, message: str) -> str:
            return f"⟦{message}⟧"

    use_catalogue(Marking())
    yield
    use_catalogue(NullTranslations())


@pytest.mark.usefixtures("marked")
def test_every_sentence_about_a_wrong_value_can_be_translated(database: OpenDatabase, tmp_path: Path) -> None:
    wrong: dict[str, object] = {
        "fest_name": "",
        "fest_tagline": "x" * 201,
        "fest_starts": "tomorrow",
        "fest_ends": "today",
        "currency": "RUPEE",
        "timezone": "Mars",
        "locale": "klingon",
        "hold_minutes": 0,
        "desk_hours": "many",
        "payment_methods": [],
        "transfer_account": "?",
        "transfer_ifsc": "?",
        "transfer_upi_id": "?",
        "transfer_bank": 3,
        "smtp_host": "a b",
        "smtp_security": "ssl",
        "mail_from": "nobody",
        "guest_checkout": "perhaps",
    }
    sentences = problems(database, given(tmp_path, database), **wrong)
    assert sentences.keys() == wrong.keys()
    assert not [sentence for sentence in sentences.values() if not sentence.startswith("⟦")]
    assert sentences["smtp_host"].startswith("⟦Enter the name or the address of a mail server")


def test_the_last_day_cannot_be_before_the_first(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    wrong = problems(database, outside, fest_starts="2031-03-14", fest_ends="2031-03-13")
    assert wrong == {"fest_ends": "Enter a day such as 2027-03-05, which is not before the first day."}


def test_of_two_changes_from_the_same_version_one_is_saved(database: OpenDatabase, tmp_path: Path) -> None:
    current = read(database, given(tmp_path, database))
    first = plan(current, Change({"fest_name": "One"}), SECRET)
    second = plan(current, Change({"fest_place": "Two"}), SECRET)
    database.write(save, COMMAND, first)
    with pytest.raises(SettingsChanged):
        database.write(save, COMMAND, second)
    assert read(database, given(tmp_path, database)).settings.fest_place == ""


def test_a_stored_secret_is_sealed_and_only_for_its_server(database: OpenDatabase, tmp_path: Path) -> None:
    state = change(
        database,
        given(tmp_path, database),
        smtp_host="mail.example.org",
        smtp_username="fest",
        smtp_password="hunter2 of the fest",
    )
    assert state.settings.smtp_password == "hunter2 of the fest"
    assert "hunter2" not in state.stored.texts["smtp_password"]
    elsewhere = read(database, given(tmp_path, database, smtp_host="mail.example.com"))
    assert elsewhere.settings.smtp_password == ""
    assert elsewhere.unreadable == {"smtp_password"}
    assert read(database, given(tmp_path, database), bytes(32)).settings.smtp_password == ""


@pytest.mark.parametrize(
    "values",
    [
        {"smtp_host": "mail.example.com"},
        {"smtp_port": 25},
        {"smtp_security": "none"},
        {"smtp_username": "other"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_another_mail_server_needs_its_password_again(
    database: OpenDatabase, tmp_path: Path, values: dict[str, object]
) -> None:
    outside = given(tmp_path, database)
    change(database, outside, smtp_host="mail.example.org", smtp_username="fest", smtp_password="hunter2")
    assert problems(database, outside, **values).keys() == {"smtp_password"}
    state = change(database, outside, smtp_password="another", **values)
    assert state.settings.smtp_password == "another"


def test_a_password_is_forgotten_with_its_mail_server(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    change(database, outside, smtp_host="mail.example.org", smtp_username="fest", smtp_password="hunter2")
    assert "smtp_password" not in change(database, outside, smtp_host="").stored.texts


def test_a_password_of_the_environment_fixes_its_mail_server(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database, smtp_password="hunter2", smtp_host="mail.example.org")
    assert problems(database, outside, smtp_port=25, smtp_username="x").keys() == {
        "smtp_port",
        "smtp_username",
    }


def test_stored_values_that_do_not_fit_are_left_out(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    state = change(database, outside, fest_name="Monsoon", timezone="Asia/Kolkata")
    damaged = {**state.stored.texts, "timezone": '"Mars/Base"', "hold_minutes": "{"}
    stored = type(state.stored)(1, damaged)
    result = effective(outside, stored, SECRET)
    assert (result.settings.fest_name, result.settings.timezone) == ("Monsoon", "UTC")
    assert result.values.keys() == {"fest_name"}


def test_stripe_is_off_while_its_stored_keys_do_not_open(database: OpenDatabase, tmp_path: Path) -> None:
    outside = given(tmp_path, database)
    change(
        database,
        outside,
        payment_methods=["stripe", "desk"],
        stripe_secret_key="sk_test_1",
        stripe_webhook_secret="whsec_1",
    )
    assert read(database, outside).settings.payment_methods == ("stripe", "desk")
    assert read(database, outside, bytes(32)).settings.payment_methods == ("desk",)


def test_every_secret_of_the_form_is_a_secret_of_the_settings_and_each_method_can_be_chosen() -> None:
    for name, known in fields.ALL.items():
        assert known.is_secret == (not Settings.model_fields[name].repr), name
    allowed = Settings.model_json_schema()["properties"]["payment_methods"]["items"]["enum"]
    assert {key for key, _ in fields.ALL["payment_methods"].options} == set(allowed)
