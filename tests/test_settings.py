"""Settings come from the environment and a file, and each invalid one is named in an error message."""

import re
import secrets
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from festgate.addresses import hide_in
from festgate.kit.messaging.mail import Message, compose
from festgate.settings import (
    CONFIG_FILE_VARIABLE,
    PREFIX,
    Settings,
    SettingsError,
    load_settings,
    refuse_play_money,
)

SECRETS = ("stripe_secret_key", "stripe_webhook_secret", "smtp_password", "metrics_token")


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder without a settings file."""
    monkeypatch.chdir(tmp_path)


def write(tmp_path: Path, text: str, name: str = "festgate.toml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_without_settings_the_defaults_apply() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.port, settings.host, settings.payment_methods) == (8000, ("127.0.0.1", "::1"), ("desk",))
    assert settings.url == "sqlite:///festgate-data/festgate.sqlite3"
    assert not settings.secure


def test_environment_variables_need_the_prefix_and_capital_letters(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "FESTGATE_PORT": "8080",
            "FESTGATE_FEST_NAME": "Aurora Fest",
            "FESTGATE_HOST": "127.0.0.1, 192.0.2.1 ,",
            "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
            "FESTGATE_DATA_DIR": str(tmp_path / "fest"),
            "PORT": "1",
            "festgate_port": "2",
        }
    )
    assert (settings.port, settings.fest_name) == (8080, "Aurora Fest")
    assert settings.host == ("127.0.0.1", "192.0.2.1")
    assert settings.payment_methods == ("sandbox", "desk")
    assert settings.sqlite_path == tmp_path / "fest" / "festgate.sqlite3"


def test_the_settings_file_in_the_current_folder_is_read(tmp_path: Path) -> None:
    write(
        tmp_path, 'port = 8080\nfest_name = "Grüße"\nhost = ["127.0.0.1"]\npayment_methods = "sandbox,desk"\n'
    )
    settings = load_settings({})
    assert (settings.port, settings.fest_name, settings.host) == (8080, "Grüße", ("127.0.0.1",))
    assert settings.payment_methods == ("sandbox", "desk")


def test_options_override_the_environment_which_overrides_the_file_and_the_defaults(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, 'port = 2\nfest_name = "file"\ncurrency = "EUR"\n', "other.toml")
    environment = {CONFIG_FILE_VARIABLE: str(path), "FESTGATE_PORT": "3", "FESTGATE_FEST_NAME": "environment"}
    defaults = {"port": 1, "fest_name": "default", "currency": "INR", "locale": "en_IN"}
    settings = load_settings(environment, defaults, port=4, workers=None)
    assert (settings.port, settings.fest_name, settings.currency) == (4, "environment", "EUR")
    assert (settings.locale, settings.workers) == ("en_IN", 1)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("port", "eight", "whole number from 0 to 65535"),
        ("port", "-1", "whole number from 0 to 65535"),
        ("port", "65536", "whole number from 0 to 65535"),
        ("workers", "0", "whole number from 1 to 64"),
        ("host", " , ", "must contain at least one value"),
        ("base_url", "fest.example", "must begin with http:// or https://"),
        ("base_url", "https://fest.example/portal", "must end after the host and port: https://fest.example"),
        ("base_url", "https://fest.example?a=b", "must end after the host and port"),
        ("base_url", "https://fest.example#top", "must end after the host and port"),
        ("base_url", "https://me:it@fest.example", "must not contain a user name or password"),
        ("base_url", "https://fest example", "must not contain spaces"),
        ("base_url", "HTTPS://fest.example", "must begin with https:// in lower case"),
        ("base_url", "https://süd.example:8443", "written in ASCII: https://xn--sd-xka.example:8443"),
        ("base_url", "http://fest.example:70000", "a port from 1 to 65535"),
        ("base_url", "http://::1", "an IPv6 address in brackets"),
        ("host", "http://fest.example", "without http:// and without a port"),
        ("host", "[::1]", "without brackets: ::1"),
        ("host", "0.0.0.0:80", "without a port"),
        ("trusted_proxies", "proxy.example", "IP addresses or networks, such as 10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.1/8", "IP addresses or networks"),
        ("smtp_host", "smtp://mail.example.org", "without http:// and without a port"),
        ("smtp_host", "mail.example.org:587", "without a port"),
        ("smtp_host", "mail.süd.example", "written in ASCII: mail.xn--sd-xka.example"),
        ("stripe_api_base", "localhost:12111", "must begin with http:// or https://"),
        ("mail_from", "", "must not be empty; write fest@example.org"),
        ("mail_from", "Süd, Fest <t@example.org>", "name in quotes: "),
        ("mail_from", "t@süd.example", "written in ASCII: t@xn--sd-xka.example"),
        ("mail_from", "süd@example.org", "an address of ASCII letters"),
        ("mail_from", "a@example.org, b@example.org", "must be one address"),
        ("mail_from", "fest", "an address with an @"),
        ("database_url", "postgresql://me:p@ss@host/fest", "percent-encoded (@ is %40"),
        ("bulkheads", "perhaps", "must be true or false"),
        ("database_url", "mysql://fest", "must begin with postgresql://"),
        ("currency", "RUPEE", "'RUPEE' is not an ISO 4217 code"),
        ("currency", "inr", "'inr' is not an ISO 4217 code"),
        ("timezone", "Mars/Olympus", "'Mars/Olympus' is not a time zone"),
        ("timezone", "../../etc/passwd", "is not a time zone"),
        ("locale", "klingon", "'klingon' is not a locale"),
        ("hold_minutes", "0", "whole number from 1 to 1440"),
        ("desk_hours", "1441", "whole number from 1 to 1440"),
        ("payment_methods", "gold", "'gold' is not one of sandbox, desk, stripe"),
        ("payment_methods", "", "must contain at least one value"),
        ("smtp_port", "0", "whole number from 1 to 65535"),
        ("smtp_security", "ssl", "is not one of starttls, tls, none"),
        ("sign_in_limit", "0", "whole number from 1 to 1000000"),
        ("log_format", "xml", "is not one of auto, console, json"),
        ("log_level", "loud", "is not one of debug, info, warning, error"),
        ("fest_name", "", "must not be empty"),
        ("fest_name", "x" * 81, "at most 80 characters"),
    ],
)
def test_an_invalid_value_is_named_with_the_reason(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    variable = f"{PREFIX}{name.upper()}"
    with pytest.raises(SettingsError, match=rf"^{variable}: .*{re.escape(message)}.*\.$"):
        load_settings({variable: value})
    path = write(tmp_path, f'{name} = "{value}"\n')
    with pytest.raises(
        SettingsError, match=rf"^{name} in {re.escape(path.name)}: .*{re.escape(message)}.*\.$"
    ):
        load_settings({})


def test_an_invalid_option_is_named_as_the_option() -> None:
    with pytest.raises(SettingsError, match=r"^--port: "):
        load_settings({}, port="eight")


def test_an_unknown_setting_is_refused_in_the_environment_and_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FESTGATE_PROT is not a setting"):
        load_settings({"FESTGATE_PROT": "8000"})
    write(tmp_path, "prot = 8000\n")
    with pytest.raises(SettingsError, match=r"prot in festgate\.toml is not a setting"):
        load_settings({})


def test_all_errors_are_reported_together_one_per_line() -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings({"FESTGATE_PORT": "eight", "FESTGATE_CURRENCY": "RUPEE", "FESTGATE_PROT": "1"})
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"[port]\nx = 1", b"port = 1\nport = 2"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "festgate.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"festgate\.toml"):
        load_settings({})


def test_a_settings_file_that_is_named_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no-such\.toml cannot be read"):
        load_settings({CONFIG_FILE_VARIABLE: "no-such.toml"})


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=20), max_size=5))
def test_a_random_environment_is_accepted_or_refused_with_messages(values: dict[str, str]) -> None:
    environment = {f"{PREFIX}{name.upper()}": value for name, value in values.items()}
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        lines = str(error).splitlines()
        assert all(line.startswith(PREFIX) and line.endswith(".") for line in lines)
    else:
        assert settings.zone.key == settings.timezone
        assert "://" in settings.url


def test_every_setting_has_a_description_and_is_read_only() -> None:
    settings = Settings()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
    with pytest.raises(ValidationError):
        settings.port = 1


def test_secrets_are_hidden_in_printed_settings() -> None:
    settings = Settings(**dict.fromkeys(SECRETS, "shown to nobody"))  # type: ignore[arg-type]
    assert "shown to nobody" not in repr(settings) + str(settings)


def test_common_forms_of_hosts_and_networks_are_accepted() -> None:
    settings = load_settings(
        {
            "FESTGATE_HOST": "0.0.0.0, ::, localhost",
            "FESTGATE_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32, 192.0.2.1, *",
            "FESTGATE_SMTP_HOST": "mail_1.example.org.",
            "FESTGATE_STRIPE_API_BASE": "http://127.0.0.1:12111/",
        }
    )
    assert settings.host == ("0.0.0.0", "::", "localhost")  # noqa: S104  (no server is started)
    assert settings.trusted_proxies == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "*")


def test_a_mail_server_and_an_address_of_stripe_may_be_empty() -> None:
    settings = load_settings({"FESTGATE_SMTP_HOST": "", "FESTGATE_STRIPE_API_BASE": ""})
    assert (settings.smtp_host, settings.stripe_api_base) == ("", "")


def test_the_base_url_is_trimmed_and_determines_whether_tls_is_used() -> None:
    settings = load_settings({"FESTGATE_BASE_URL": "https://fest.example/"})
    assert (settings.base_url, settings.secure) == ("https://fest.example", True)


@pytest.mark.parametrize("address", ["http://[::1]:8000", "http://localhost:8000", "https://Fest.example"])
def test_a_base_url_with_a_host_and_a_port_is_accepted(address: str) -> None:
    assert load_settings({"FESTGATE_BASE_URL": address}).base_url == address


@given(
    st.one_of(
        st.sampled_from(['"Süd, Fest" <t@example.org>', "Süd <t@example.org>", "St. Anna <t@example.org>"]),
        st.text(max_size=30),
        st.builds("{} <{}@{}>".format, st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)),
    )
)
def test_every_accepted_sender_can_send_an_email(sender: str) -> None:
    with suppress(SettingsError):
        settings = load_settings({"FESTGATE_MAIL_FROM": sender})
        email = Message(1, "topic", "a@example.org", "A ticket", "Hello", (), 0, 0)
        assert compose(email, settings).as_bytes()


PASSWORD = "".join(secrets.choice("abcdefghijk") for _ in range(16))
"""A random password for this run."""


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://fest:{PASSWORD}@db.example/fest",
        f"postgresql://fest:%40{PASSWORD}@db.example/fest?sslmode=require",
        f"postgresql:///fest?user=fest&password={PASSWORD}&host=/run",
        f"postgresql://fest:{PASSWORD}@[::1]:5432,db.example/fest?sslpassword={PASSWORD}",
    ],
    ids=["plain", "encoded", "in the query", "two hosts"],  # the same in every test process
)
def test_the_password_of_the_database_is_never_printed(url: str) -> None:
    settings = load_settings({"FESTGATE_DATABASE_URL": url})
    printed = [repr(settings), str(settings), settings.shown_database, hide_in(f"no such {url}", url)]
    assert settings.url == url
    for text in printed:
        assert PASSWORD not in text
        assert "fest" in text


@pytest.mark.parametrize(
    "value",
    [f"postgresql://me:{PASSWORD}@x@host/fest", f"mysql://me:{PASSWORD}@host"],
    ids=["unquoted", "another database"],
)
def test_an_invalid_database_address_is_not_quoted_in_the_error(value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings({"FESTGATE_DATABASE_URL": value})
    assert PASSWORD not in str(refusal.value)


def test_sandbox_payments_at_a_public_address_need_an_explicit_setting() -> None:
    public = {"FESTGATE_BASE_URL": "https://fest.example", "FESTGATE_PAYMENT_METHODS": "desk,sandbox"}
    with pytest.raises(SettingsError, match="FESTGATE_ALLOW_SANDBOX=true"):
        refuse_play_money(load_settings(public))
    refuse_play_money(load_settings(public | {"FESTGATE_ALLOW_SANDBOX": "true"}))
    refuse_play_money(load_settings(public | {"FESTGATE_BASE_URL": "http://localhost:8000"}))
    refuse_play_money(load_settings(public | {"FESTGATE_PAYMENT_METHODS": "desk"}))
