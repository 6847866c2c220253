"""The portal's settings: one frozen object, from the environment, an optional TOML file, and the fest's data.

`FESTGATE_PORT=8080` in the environment and `port = 8080` in the file mean the same; the environment takes precedence,
and both take precedence over values that were saved in the browser (portal/fest).
An unknown name is an error, so that a typing mistake cannot silently leave a default in force.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from festgate import addresses
from festgate import bank_accounts as accounts

PREFIX = "FESTGATE_"
CONFIG_FILE_VARIABLE = "FESTGATE_CONFIG"
"""Path of the TOML file; by default `festgate.toml` in the current folder, if it exists."""
DEFAULT_FILE = Path("festgate.toml")
TOOLS_PREFIX = "FESTGATE_REHEARSAL_"
"""Variables that a rehearsal passes to its journeys; they are not settings of the portal."""
DEMO_SETTINGS: Mapping[str, object] = {
    "fest_name": "Aurora Fest",
    "fest_tagline": "Three days of building, racing, dancing and staying up late.",
    "currency": "INR",
    "timezone": "Asia/Kolkata",
    "locale": "en_IN",
    "payment_methods": ("sandbox", "desk"),
}
"""Settings of the demo fest (`festgate serve --demo`); any setting of the user overrides them."""


Host = Annotated[str, AfterValidator(addresses.check_host)]
Network = Annotated[str, AfterValidator(addresses.check_network)]
Origin = Annotated[str, AfterValidator(lambda value: addresses.check_origin(value.rstrip("/")))]
OptionalHost = Annotated[str, AfterValidator(lambda value: value and addresses.check_host(value))]
OptionalOrigin = Annotated[
    str, AfterValidator(lambda value: value and addresses.check_origin(value.rstrip("/")))
]
Sender = Annotated[str, AfterValidator(addresses.check_sender)]
AccountNumber = Annotated[str, AfterValidator(accounts.check_account)]
Ifsc = Annotated[str, AfterValidator(accounts.check_ifsc)]
UpiId = Annotated[str, AfterValidator(accounts.check_upi_id)]
DatabaseUrl = Annotated[str, AfterValidator(addresses.check_database_url)]
Source: TypeAlias = Literal["option", "environment", "file", "data", "default"]
"""The place that a setting's value comes from: a command-line option, the environment, the file, the fest's data."""
NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem of a wrong setting."""

    text: str
    """For a terminal and the log, in English."""
    kind: str
    """Pydantic's kind of error, from which other places make their own sentences."""
    max_length: int | None = None


class SettingsError(Exception):
    """An unknown setting or an invalid value; the message names it."""

    def __init__(self, message: str, problems: Mapping[str, Problem] = MappingProxyType({})) -> None:
        """Take the sentences for a terminal, and each problem without its place by the setting's name."""
        super().__init__(message)
        self.problems = problems


class Settings(BaseModel):
    """All settings. docs/reference/settings.md and `festgate settings` show the sentences below them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    data_dir: Path = Path("festgate-data")
    """Folder for the fest's data: the database, its backups, the secret, and emails written as files."""
    database_url: DatabaseUrl = ""
    """Empty for SQLite in the data folder; or `postgresql://user@host/name` (extra `postgres`)."""
    base_url: Origin = "http://localhost:8000"
    """Public address of the portal. Links in emails, calendar files and payment returns begin with it; with `https://`
    cookies are marked secure."""
    host: tuple[Host, ...] = Field(default=("127.0.0.1", "::1"), min_length=1)
    """Addresses to listen on, separated by commas. By default both loopback addresses, so that `localhost` works at
    once over IPv4 and IPv6."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes. One serves thousands of requests a second."""
    trusted_proxies: tuple[Network, ...] = ("127.0.0.1", "::1")
    """Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted, separated by commas."""
    fest_name: str = Field(default="Festgate", min_length=1, max_length=80)
    """Name of the fest on its pages."""
    fest_tagline: str = Field(default="", max_length=200)
    """A sentence below the name on the first page."""
    fest_starts: str = ""
    """First day of the fest, such as `2027-03-05`, for the first page; empty for the days of its events."""
    fest_ends: str = ""
    """Last day of the fest; empty for a fest of one day."""
    fest_place: str = Field(default="", max_length=200)
    """Place of the fest, for the first page."""
    fest_contact: str = Field(default="", max_length=200)
    """Contact for visitors at the foot of every page: an email address, a telephone number or a sentence."""
    currency: str = "INR"
    """ISO 4217 code of all fees."""
    timezone: str = "UTC"
    """Time zone for showing and entering times, such as `Asia/Kolkata`."""
    locale: str = "en"
    """Locale for writing money and dates, such as `en_IN` or `de`."""
    hold_minutes: int = Field(default=15, ge=1, le=24 * 60)
    """Minutes for which a seat with a fee is held until it is paid."""
    desk_hours: int = Field(default=48, ge=1, le=24 * 60)
    """Hours for which seats are held for a visitor who chose to pay at the desk."""
    payment_methods: tuple[Literal["sandbox", "desk", "stripe", "transfer"], ...] = Field(
        default=("desk",), min_length=1
    )
    """Payment methods, in the order shown: `desk` (at the organisers' desk), `stripe` (cards; extra `stripe`),
    `transfer` (to a bank account, or by UPI), `sandbox` (play money, for demos and rehearsals)."""
    allow_sandbox: bool = False
    """Whether `sandbox` is allowed with an `https://` base address, where anyone could register with play money."""
    transfer_hours: int = Field(default=72, ge=1, le=30 * 24)
    """Hours for which seats are held for a visitor who chose to pay by transfer; never longer than sales are open."""
    transfer_account_holder: str = Field(default="", max_length=70)
    """Holder of the account for transfers."""
    transfer_account: AccountNumber = ""
    """Number of the account for transfers, or its IBAN."""
    transfer_bank: str = Field(default="", max_length=70)
    """Name of its bank."""
    transfer_ifsc: Ifsc = ""
    """IFSC of its branch, for banks in India, such as `SBIN0001234`."""
    transfer_upi_id: UpiId = ""
    """UPI id (VPA) that receives transfers, such as `fest@examplebank`. Payers then get a QR code, if the currency is
    INR."""
    stripe_secret_key: str = Field(default="", repr=False)
    """Stripe's secret API key."""
    stripe_webhook_secret: str = Field(default="", repr=False)
    """Stripe's signing secret of the webhook endpoint."""
    stripe_api_base: OptionalOrigin = ""
    """Address of another server for Stripe's API, for tests; empty for Stripe's own."""
    mail_from: Sender = "fest@localhost"
    """Sender of all emails: an address, or `"Spring Fest" <fest@example.org>`."""
    smtp_host: OptionalHost = ""
    """Mail server. If empty, emails are written as `.eml` files to `mail/` in the data folder."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the mail server."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """Encryption of the connection to the mail server. This machine must trust its certificate; the variable
    `SSL_CERT_FILE` names another file of certificate authorities."""
    smtp_username: str = ""
    """User name at the mail server; empty to send without signing in."""
    smtp_password: str = Field(default="", repr=False)
    """Password at the mail server."""
    sign_in_limit: int = Field(default=10, ge=1, le=1_000_000)
    """Failed sign-ins allowed to one account in 15 minutes."""
    address_limit: int = Field(default=2000, ge=1, le=10_000_000)
    """Failed sign-ins, and new accounts, allowed to one client address in 15 minutes. The default is generous, since a
    whole campus may share one address."""
    seat_address_limit: int = Field(default=0, ge=0, le=10_000_000)
    """Seats that one client address may take in 15 minutes; 0 means five times `address_limit`. The default lets 2,000
    people of a campus behind one address take five seats each."""
    confirm_email: Literal["auto", "on", "off"] = "auto"
    """Whether new accounts must confirm their email address by a link that is sent to it. Until then their holds are
    short, they cannot pay at the desk, and they get few emails. `auto` means on if `smtp_host` is set."""
    guest_checkout: bool = True
    """Whether visitors can register and pay without an account, with a name and an email address. If it is off, an
    event's page leads to signing in."""
    bulkheads: bool = True
    """Whether bulkheads contain the failures of each module. Turn them off in a drill to see their effect."""
    drills_token: str = Field(default="", repr=False)
    """Bearer token with which drills on this machine may inject faults; if empty, no drill can."""
    metrics_token: str = Field(default="", repr=False)
    """Bearer token for reading `/metrics` from other machines; if empty, only this machine can read it."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """Format of log lines: for people (`console`) or programs (`json`). `auto` means `console` on a terminal."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""

    @field_validator("host", "trusted_proxies", "payment_methods", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("fest_starts", "fest_ends")
    @classmethod
    def _known_day(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            msg = f"{value!r} is not a day; use one such as 2027-03-05"
            raise ValueError(msg) from None
        first = info.data.get("fest_starts", "") if info.field_name == "fest_ends" else ""
        if first and day < date.fromisoformat(first):
            msg = f"{value} is before the first day, {first}"
            raise ValueError(msg)
        return day.isoformat()

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in list_currencies():
            msg = f"{value!r} is not an ISO 4217 code"
            raise ValueError(msg)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            msg = f"{value!r} is not a time zone; use a name such as Europe/Berlin"
            raise ValueError(msg) from None
        return value

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        try:
            Locale.parse(value)
        except (UnknownLocaleError, ValueError):
            msg = f"{value!r} is not a locale; use one such as en_IN"
            raise ValueError(msg) from None
        return value

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last day of the fest; None if they are not set."""
        if not self.fest_starts:
            return None
        first = date.fromisoformat(self.fest_starts)
        return first, date.fromisoformat(self.fest_ends) if self.fest_ends else first

    @property
    def zone(self) -> ZoneInfo:
        """The fest's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def secure(self) -> bool:
        """Return whether visitors reach the portal over TLS."""
        return self.base_url.startswith("https://")

    @property
    def max_seats_of_address(self) -> int:
        """Return how many seats one client address may take in 15 minutes."""
        return self.seat_address_limit or 5 * self.address_limit

    @property
    def confirms_email(self) -> bool:
        """Return whether accounts must confirm their email address."""
        if self.confirm_email == "auto":
            return bool(self.smtp_host)
        return self.confirm_email == "on"

    @property
    def payment_sites(self) -> tuple[str, ...]:
        """Other sites to which the checkout form may redirect."""
        if "stripe" not in self.payment_methods:
            return ()
        return (self.stripe_api_base.rstrip("/") or "https://checkout.stripe.com",)

    @property
    def sqlite_path(self) -> Path:
        """The file of the SQLite database."""
        return self.data_dir / "festgate.sqlite3"

    @property
    def url(self) -> str:
        """The address of the database: the setting, or that of the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.sqlite_path}"

    @property
    def shown_database(self) -> str:
        """The location of the database without a password, for messages."""
        return addresses.hide_password(self.database_url) or str(self.sqlite_path)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Return the fields for logs and tracebacks, without the password of the database."""
        for name, value in super().__repr_args__():
            yield name, addresses.hide_password(value) if name == "database_url" else value


def meaning(name: str) -> str:
    """Return what the setting means, on one line."""
    return " ".join((Settings.model_fields[name].description or "").split())


@dataclass(frozen=True)
class Given:
    """The values of settings from outside the data: these are fixed, and the data gives the others."""

    fixed: Mapping[str, object]
    sources: Mapping[str, Source]
    """The source of each fixed value."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """The place of each fixed value for error messages, such as `FESTGATE_PORT`."""
    defaults: Mapping[str, object] = field(default_factory=dict)
    """Defaults in place of those of Settings, such as the demo's."""

    @classmethod
    def of(cls, settings: Settings) -> "Given":
        """Return the values that were given for these settings, as if by the environment."""
        fixed = {name: getattr(settings, name) for name in settings.model_fields_set}
        return cls(fixed, dict.fromkeys(fixed, "environment"))

    def settings(self, stored: Mapping[str, object] = NOTHING) -> Settings:
        """Return the settings with these values of the data. Raise SettingsError, which names each wrong setting."""
        try:
            return Settings.model_validate({**self.defaults, **stored, **self.fixed})
        except ValidationError as error:
            sentences: dict[str, str] = {}
            problems: dict[str, Problem] = {}
            for detail in error.errors():
                name = str(detail["loc"][0])
                sentences.setdefault(name, _sentence(detail, self.origins))
                max_length = detail.get("ctx", {}).get("max_length")
                problems.setdefault(name, Problem(_problem(name, detail), detail["type"], max_length))
            raise SettingsError("\n".join(sentences.values()), problems) from None

    def source(self, name: str, stored: Mapping[str, object] = NOTHING) -> Source:
        """Return the place that the value of a setting comes from."""
        return self.sources.get(name) or ("data" if name in stored else "default")


def read_given(
    environment: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
    config_text: str | None = None,
    **overrides: Any,  # noqa: ANN401  (fields of any type)
) -> Given:
    """Return the values from `overrides` (command-line options), the environment and the file, in this order.

    `config_text` is the content of the file as `read_config` returned it; without it the file is read now. Raise
    SettingsError if it cannot be read.
    """
    environment = os.environ if environment is None else environment
    text = read_config(environment) if config_text is None else config_text
    path = _config_file(environment) or DEFAULT_FILE
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for name, value in _parse(path, text).items():
        values[name], origins[name], sources[name] = value, f"{name} in {path}", "file"
    for variable, value in environment.items():
        if variable.startswith(TOOLS_PREFIX) or variable == CONFIG_FILE_VARIABLE:
            continue
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            values[name], origins[name], sources[name] = value, variable, "environment"
    for name, value in overrides.items():
        if value is not None:
            values[name], origins[name], sources[name] = value, f"--{name.replace('_', '-')}", "option"
    return Given(values, sources, origins, dict(defaults or {}))


def load_settings(
    environment: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
    config_text: str | None = None,
    **overrides: Any,  # noqa: ANN401  (fields of any type)
) -> Settings:
    """Return the settings without those of the data, from the same places as `read_given`.

    Raise SettingsError, which names each wrong setting, its origin and the problem.
    """
    return read_given(environment, defaults, config_text, **overrides).settings()


def refuse_play_money(settings: Settings) -> None:
    """Raise SettingsError if a public address accepts play money without the setting that allows it."""
    if settings.secure and "sandbox" in settings.payment_methods and not settings.allow_sandbox:
        msg = (
            f"{PREFIX}PAYMENT_METHODS contains sandbox, which is play money: at {settings.base_url} anyone could "
            f"register without paying. Remove sandbox, or set {PREFIX}ALLOW_SANDBOX=true for a public trial."
        )
        raise SettingsError(msg)


def read_config(environment: Mapping[str, str] | None = None) -> str:
    """Return the content of the settings file; empty if there is none. Raise SettingsError if it cannot be read."""
    path = _config_file(os.environ if environment is None else environment)
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The settings file {path} cannot be read: {error}."
        raise SettingsError(msg) from error


def _config_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(CONFIG_FILE_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"The settings file {path} cannot be read: {error}."
        raise SettingsError(msg) from error


def _sentence(detail: Any, origin: Mapping[str, str]) -> str:  # noqa: ANN401  (pydantic's own mapping)
    name = str(detail["loc"][0])
    where = origin.get(name, name)
    if detail["type"] == "extra_forbidden":
        return f"{where} is not a setting. `festgate settings` lists all settings."
    return f"{where}: {_problem(name, detail)}."


def _problem(name: str, detail: Any) -> str:  # noqa: ANN401, PLR0911  (a sentence for each kind)
    """Describe pydantic's error in plain words."""
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(limits["error"])
        case "literal_error":
            known = str(limits["expected"]).replace("'", "").replace(" or ", ", ")
            return f"{detail['input']!r} is not one of {known}"
        case "too_short":
            return "must contain at least one value; commas separate several"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {limits['max_length']} characters"
        case kind if kind.startswith("bool"):
            return "must be true or false"
        case kind if kind.startswith(("int", "greater", "less")):
            return f"must be a whole number{_bounds(name)}"
        case kind if kind.startswith("tuple"):
            return "must be text; commas separate several values"
        case kind if kind.startswith("path"):
            return "must be the path of a folder"
        case _:
            return "must be text, which is in quotes in the settings file"


def _bounds(name: str) -> str:
    """Return the limits of a number, such as `` from 1 to 64``; empty if it has none."""
    limits = Settings.model_fields[name].metadata
    minimum = next((limit.ge for limit in limits if hasattr(limit, "ge")), None)
    maximum = next((limit.le for limit in limits if hasattr(limit, "le")), None)
    return f" from {minimum} to {maximum}" if minimum is not None and maximum is not None else ""
