"""Every setting of the portal: one frozen object, read once from the environment and an optional TOML file.

`FESTGATE_PORT=8080` in the environment and `port = 8080` in the file mean the same; the environment wins. A name that
nobody knows is refused, so that a typing error cannot silently leave a default in force.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from festgate.addresses import (
    check_database_url,
    check_host,
    check_network,
    check_origin,
    check_sender,
    hide_password,
)

PREFIX = "FESTGATE_"
CONFIG_FILE_VARIABLE = "FESTGATE_CONFIG"
"""Names the TOML file; without it, `festgate.toml` where the program is started, if there is one."""
USUAL_FILE = Path("festgate.toml")
TOOLS_PREFIX = "FESTGATE_REHEARSAL_"
"""What a rehearsal tells its journeys in the environment: no settings of the portal."""
DEMO_SETTINGS: Mapping[str, object] = {
    "fest_name": "Aurora Fest",
    "fest_tagline": "Three days of building, racing, dancing and staying up late.",
    "currency": "INR",
    "timezone": "Asia/Kolkata",
    "locale": "en_IN",
    "payment_methods": ("sandbox", "desk"),
}
"""Of the demo fest (`festgate serve --demo`): weaker than any setting of the user's own."""


Host = Annotated[str, AfterValidator(check_host)]
Network = Annotated[str, AfterValidator(check_network)]
Origin = Annotated[str, AfterValidator(lambda value: check_origin(value.rstrip("/")))]
OptionalHost = Annotated[str, AfterValidator(lambda value: value and check_host(value))]
OptionalOrigin = Annotated[str, AfterValidator(lambda value: value and check_origin(value.rstrip("/")))]
Sender = Annotated[str, AfterValidator(check_sender)]
DatabaseUrl = Annotated[str, AfterValidator(check_database_url)]


class SettingsError(Exception):
    """A setting that is unknown or cannot be what it is; the sentence names it."""


class Settings(BaseModel):
    """What can be set. Each field's description is its documentation, and docs/reference/settings.md is made of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Field(
        default=Path("festgate-data"),
        description="Folder that holds everything the fest keeps: the database, its backups, the secret, unsent mail.",
    )
    database_url: DatabaseUrl = Field(
        default="",
        description="Empty for SQLite in the data folder; or `postgresql://user@host/name` (extra `postgres`).",
    )
    base_url: Origin = Field(
        default="http://localhost:8000",
        description="The address people use. Links in mail, calendar files and payment returns begin with it; with "
        "`https://` cookies are marked secure.",
    )
    host: tuple[Host, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses to listen on, separated by commas. Both loopback addresses by default, so that "
        "`localhost` never waits for a fallback.",
        min_length=1,
    )
    port: int = Field(default=8000, description="Port to listen on.", ge=0, le=65535)
    workers: int = Field(
        default=1, description="Server processes. One serves thousands of requests a second.", ge=1, le=64
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, separated by commas.",
    )
    fest_name: str = Field(
        default="Festgate", description="The fest's name, as its pages show it.", min_length=1, max_length=80
    )
    fest_tagline: str = Field(
        default="", description="One sentence below the name on the first page.", max_length=200
    )
    currency: str = Field(default="INR", description="ISO 4217 code of all fees.")
    timezone: str = Field(
        default="UTC", description="Time zone in which times are shown and entered, such as `Asia/Kolkata`."
    )
    locale: str = Field(default="en", description="How money and dates are written, such as `en_IN` or `de`.")
    hold_minutes: int = Field(
        default=15,
        description="Minutes that a paid seat is held for someone who has not paid yet.",
        ge=1,
        le=24 * 60,
    )
    desk_hours: int = Field(
        default=48,
        description="Hours that seats are kept for someone who chose to pay at the desk.",
        ge=1,
        le=24 * 60,
    )
    payment_methods: tuple[Literal["sandbox", "desk", "stripe"], ...] = Field(
        default=("desk",),
        description="Ways to pay, in the order shown: `desk` (at the organisers' desk), `stripe` (cards; extra "
        "`stripe`), `sandbox` (play money, for demos and rehearsals).",
        min_length=1,
    )
    allow_sandbox: bool = Field(
        default=False,
        description="Whether `sandbox` may be offered with an `https://` base address, where anyone could register "
        "with play money.",
    )
    stripe_secret_key: str = Field(default="", description="Stripe's secret API key.", repr=False)
    stripe_webhook_secret: str = Field(
        default="", description="Stripe's signing secret of the webhook endpoint.", repr=False
    )
    stripe_api_base: OptionalOrigin = Field(
        default="",
        description="Another address for Stripe's API, for tests against a local server; empty for Stripe's own.",
    )
    mail_from: Sender = Field(
        default="fest@localhost",
        description='Sender of all mail: an address, or `"Spring Fest" <fest@example.org>`.',
    )
    smtp_host: OptionalHost = Field(
        default="",
        description="Mail server. Empty: mail is written as `.eml` files to `mail/` in the data folder.",
    )
    smtp_port: int = Field(default=587, description="Mail server's port.", ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection to the mail server is secured. Its certificate has to be one that this machine"
        " trusts; SSL_CERT_FILE names another file of authorities.",
    )
    smtp_username: str = Field(
        default="", description="User at the mail server; empty to send without signing in."
    )
    smtp_password: str = Field(default="", description="Password at the mail server.", repr=False)
    sign_in_limit: int = Field(
        default=10, description="Failed sign-ins that one account may have in 15 minutes.", ge=1, le=1_000_000
    )
    address_limit: int = Field(
        default=2000,
        description="Failed sign-ins, and new accounts, that one address may have in 15 minutes. Generous: a whole "
        "campus may share one address.",
        ge=1,
        le=10_000_000,
    )
    seat_address_limit: int = Field(
        default=0,
        description="Seats that one address may take in 15 minutes; 0: five times `address_limit`. Generous: as it is, "
        "2,000 people of a campus behind one address may take five seats each.",
        ge=0,
        le=10_000_000,
    )
    confirm_email: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether new accounts confirm their email address by a link that is sent there. Until then their "
        "holds are short, they cannot pay at the desk, and they get few emails. `auto`: where a mail server is set.",
    )
    bulkheads: bool = Field(
        default=True,
        description="Whether each module's trouble is held in: `off` shows, in a drill, what that is good for.",
    )
    drills_token: str = Field(
        default="",
        description="Bearer token with which drills of this machine may make things go wrong on purpose; empty: nobody "
        "may.",
        repr=False,
    )
    metrics_token: str = Field(
        default="",
        description="Bearer token that lets others than this machine read `/metrics`; empty: this machine only.",
        repr=False,
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="Log lines for people, for machines, or by whether a terminal is attached.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )

    @field_validator("host", "trusted_proxies", "payment_methods", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

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
            msg = f"{value!r} is not a time zone; write it like Europe/Berlin"
            raise ValueError(msg) from None
        return value

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        try:
            Locale.parse(value)
        except (UnknownLocaleError, ValueError):
            msg = f"{value!r} is not a locale; write it like en_IN"
            raise ValueError(msg) from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The fest's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def secure(self) -> bool:
        """Whether people reach the portal over TLS."""
        return self.base_url.startswith("https://")

    @property
    def max_seats_of_address(self) -> int:
        """How many seats one address may take in 15 minutes."""
        return self.seat_address_limit or 5 * self.address_limit

    @property
    def confirms_email(self) -> bool:
        """Whether accounts with an unconfirmed email address are limited."""
        if self.confirm_email == "auto":
            return bool(self.smtp_host)
        return self.confirm_email == "on"

    @property
    def payment_sites(self) -> tuple[str, ...]:
        """Other sites to which the checkout form may lead."""
        if "stripe" not in self.payment_methods:
            return ()
        return (self.stripe_api_base.rstrip("/") or "https://checkout.stripe.com",)

    @property
    def sqlite_path(self) -> Path:
        """The one file of data, when the database is SQLite."""
        return self.data_dir / "festgate.sqlite3"

    @property
    def url(self) -> str:
        """The database's address: the one that is set, or the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.sqlite_path}"

    @property
    def shown_database(self) -> str:
        """Where the data are, as people may see it: without the password."""
        return hide_password(self.database_url) or str(self.sqlite_path)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Return what a log or a traceback shows of the settings: no password of the database."""
        for name, value in super().__repr_args__():
            yield name, hide_password(value) if name == "database_url" else value


def load_settings(
    environment: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
    config_text: str | None = None,
    **overrides: Any,  # noqa: ANN401  (fields of any type)
) -> Settings:
    """The settings of this process: `overrides` (command-line options), the environment, the file, then `defaults`.

    `config_text` is what the file held when `read_config` read it; without it the file is read now.
    Raises SettingsError naming the setting, where it was set, and what is wrong with it.
    """
    environment = os.environ if environment is None else environment
    text = read_config(environment) if config_text is None else config_text
    path = _config_file(environment) or USUAL_FILE
    values: dict[str, Any] = dict(defaults or {})
    origin: dict[str, str] = {}
    for name, value in _parse(path, text).items():
        values[name], origin[name] = value, f"{name} in {path}"
    for variable, value in environment.items():
        if variable.startswith(TOOLS_PREFIX) or variable == CONFIG_FILE_VARIABLE:
            continue
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            values[name], origin[name] = value, variable
    for name, value in overrides.items():
        if value is not None:
            values[name], origin[name] = value, f"--{name.replace('_', '-')}"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        sentences: dict[str, str] = {}
        for detail in error.errors():
            sentences.setdefault(str(detail["loc"][0]), _sentence(detail, origin))
        raise SettingsError("\n".join(sentences.values())) from None


def refuse_play_money(settings: Settings) -> None:
    """Raise SettingsError where a public address would take play money without anybody having said so."""
    if settings.secure and "sandbox" in settings.payment_methods and not settings.allow_sandbox:
        msg = (
            f"{PREFIX}PAYMENT_METHODS has sandbox, which is play money: at {settings.base_url} anyone could register "
            f"without paying. Take sandbox out, or set {PREFIX}ALLOW_SANDBOX=true for a public trial."
        )
        raise SettingsError(msg)


def read_config(environment: Mapping[str, str] | None = None) -> str:
    """What the settings file holds now; empty without one. Raises SettingsError where it cannot be read."""
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
    return USUAL_FILE if USUAL_FILE.is_file() else None


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
        return f"{where} is not a setting. `festgate settings` lists those there are."
    return f"{where}: {_problem(name, detail)}."


def _problem(name: str, detail: Any) -> str:  # noqa: ANN401, PLR0911  (a sentence for each kind)
    """What is wrong with the value, in words that need no knowledge of pydantic."""
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            return str(limits["error"])
        case "literal_error":
            known = str(limits["expected"]).replace("'", "").replace(" or ", ", ")
            return f"{detail['input']!r} is not one of {known}"
        case "too_short":
            return "must name at least one; commas separate several"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {limits['max_length']} characters"
        case kind if kind.startswith("bool"):
            return "must be true or false"
        case kind if kind.startswith(("int", "greater", "less")):
            return f"must be a whole number{_bounds(name)}"
        case kind if kind.startswith("tuple"):
            return "must be text, with commas between several"
        case kind if kind.startswith("path"):
            return "must be the path of a folder"
        case _:
            return "must be text; in the settings file text stands in quotes"


def _bounds(name: str) -> str:
    """`` from 1 to 64`` where the setting has such limits."""
    limits = Settings.model_fields[name].metadata
    least = next((limit.ge for limit in limits if hasattr(limit, "ge")), None)
    most = next((limit.le for limit in limits if hasattr(limit, "le")), None)
    return f" from {least} to {most}" if least is not None and most is not None else ""
