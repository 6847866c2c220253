"""The settings that can be saved in the browser, by the page on which they stand.

Not among them, on purpose: addresses and tokens with which a stolen session of the office could reach the machine or
other servers (`database_url`, `base_url`, `trusted_proxies`, `stripe_api_base`, the tokens), and all that a process
reads only once when it starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_
from festgate.settings import Settings

Page: TypeAlias = Literal["fest", "payments", "mail", "sign-up"]
Kind: TypeAlias = Literal["text", "email", "day", "number", "choice", "switch", "several", "secret"]


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting in a form."""

    name: str
    label: str
    kind: Kind = "text"
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """The values of a choice, or of several, with their names."""
    suggestions: Literal["", "zones", "currencies", "locales"] = ""
    """A list that the browser offers while somebody types."""
    required: bool = False

    @property
    def is_secret(self) -> bool:
        """Return whether the value is sealed, and never shown again."""
        return self.kind == "secret"


FIELDS: Final[Mapping[Page, tuple[SettingField, ...]]] = {
    "fest": (
        SettingField("fest_name", N_("Name"), required=True),
        SettingField("fest_tagline", N_("Tagline"), hint=N_("A sentence below the name on the first page.")),
        SettingField("fest_starts", N_("First day"), "day"),
        SettingField("fest_ends", N_("Last day"), "day"),
        SettingField("fest_place", N_("Place")),
        SettingField(
            "fest_contact",
            N_("Contact"),
            hint=N_(
                "For visitors, at the foot of every page: an email address, a telephone number or a sentence."
            ),
        ),
        SettingField(
            "timezone",
            N_("Time zone"),
            hint=N_(
                "Such as Asia/Kolkata. Events keep their moment, and are shown at the time of this zone."
            ),
            suggestions="zones",
            required=True,
        ),
        SettingField(
            "currency",
            N_("Currency"),
            hint=N_("Such as INR. It can change until the first event has a fee."),
            suggestions="currencies",
            required=True,
        ),
        SettingField(
            "locale",
            N_("Language and formats"),
            hint=N_("For dates and money, such as en_IN or de."),
            suggestions="locales",
            required=True,
        ),
    ),
    "payments": (
        SettingField(
            "payment_methods",
            N_("Payment methods"),
            "several",
            hint=N_(
                "Orders that wait for a method that is switched off cannot be paid or refunded through it until it is"
                " on again."
            ),
            options=(
                ("desk", N_("At the desk: cash or card at the organisers' desk")),
                ("stripe", N_("Stripe: cards and other ways to pay online")),
                ("transfer", N_("Transfer: to a bank account, or by UPI")),
                ("sandbox", N_("Sandbox: play money, for trying things out")),
            ),
        ),
        SettingField(
            "hold_minutes",
            N_("Minutes to pay"),
            "number",
            hint=N_("A seat with a fee is kept so long until it is paid."),
        ),
        SettingField(
            "desk_hours",
            N_("Hours to pay at the desk"),
            "number",
            hint=N_("Seats are kept so long for the desk."),
        ),
        SettingField(
            "stripe_secret_key",
            N_("Stripe: secret key"),
            "secret",
            hint=N_("In Stripe's dashboard below Developers, API keys. It begins with sk_ or rk_."),
        ),
        SettingField(
            "stripe_webhook_secret",
            N_("Stripe: signing secret of the webhook"),
            "secret",
            hint=N_("Of the webhook endpoint that you add in Stripe's dashboard. It begins with whsec_."),
        ),
        SettingField("transfer_account_holder", N_("Transfer: holder of the account")),
        SettingField("transfer_account", N_("Transfer: account number or IBAN")),
        SettingField("transfer_bank", N_("Transfer: bank")),
        SettingField(
            "transfer_ifsc",
            N_("Transfer: IFSC"),
            hint=N_("Of the branch, for banks in India, such as SBIN0001234."),
        ),
        SettingField(
            "transfer_upi_id",
            N_("Transfer: UPI id"),
            hint=N_("Such as fest@examplebank. Payers then get a QR code, if the currency is INR."),
        ),
        SettingField(
            "transfer_hours",
            N_("Hours to pay by transfer"),
            "number",
            hint=N_("Seats are kept so long for a transfer, and no longer than sales are open."),
        ),
    ),
    "mail": (
        SettingField(
            "smtp_host",
            N_("Mail server"),
            hint=N_(
                "Such as smtp.example.org. Without one, emails are files in the folder mail of the data."
            ),
        ),
        SettingField("smtp_port", N_("Port"), "number"),
        SettingField(
            "smtp_security",
            N_("Encryption"),
            "choice",
            options=(
                ("starttls", N_("STARTTLS, usually port 587")),
                ("tls", N_("TLS, usually port 465")),
                ("none", N_("None: only for a mail server on this machine")),
            ),
        ),
        SettingField("smtp_username", N_("Username"), hint=N_("Empty to send without signing in.")),
        SettingField("smtp_password", N_("Password"), "secret"),
        SettingField(
            "mail_from",
            N_("Sender"),
            hint=N_('An address, or a name with an address: "Spring Fest" <fest@example.org>.'),
            required=True,
        ),
    ),
    "sign-up": (
        SettingField(
            "confirm_email",
            N_("Confirmation of email addresses"),
            "choice",
            hint=N_("Until an address is confirmed, its holds are short and it cannot pay at the desk."),
            options=(
                ("auto", N_("If a mail server is set")),
                ("on", N_("Always")),
                ("off", N_("Never")),
            ),
        ),
        SettingField(
            "guest_checkout",
            N_("Tickets without an account"),
            "switch",
            hint=N_("Visitors register with a name and an email address. If it is off, they sign in first."),
        ),
        SettingField(
            "sign_in_limit",
            N_("Failed sign-ins to one account"),
            "number",
            hint=N_("In 15 minutes."),
        ),
        SettingField(
            "address_limit",
            N_("Failed sign-ins and new accounts from one network address"),
            "number",
            hint=N_("In 15 minutes. A whole campus may share one address."),
        ),
        SettingField(
            "seat_address_limit",
            N_("Seats from one network address"),
            "number",
            hint=N_("In 15 minutes; 0 means five times the limit above."),
        ),
    ),
}

ALL: Final[Mapping[str, SettingField]] = {known.name: known for listed in FIELDS.values() for known in listed}

BOUND: Final[Mapping[str, tuple[str, ...]]] = {
    "smtp_password": ("smtp_host", "smtp_port", "smtp_security", "smtp_username"),
}
"""By secret: the settings of the server that receives it. After a change of one of them the secret is entered again."""
HOSTS: Final[Mapping[str, str]] = {
    "smtp_password": "smtp_host",
    "stripe_secret_key": "stripe_api_base",
    "stripe_webhook_secret": "stripe_api_base",
}
"""By secret: the setting whose value is part of its seal. For another host a stored secret cannot be read."""


def limits_of(name: str) -> tuple[int | None, int | None]:
    """Return the least and the greatest value of a number."""
    limits = Settings.model_fields[name].metadata
    least = next((limit.ge for limit in limits if hasattr(limit, "ge")), None)
    greatest = next((limit.le for limit in limits if hasattr(limit, "le")), None)
    return least, greatest


def max_length_of(name: str) -> int:
    """Return how many characters a text may have."""
    limits = Settings.model_fields[name].metadata
    return next((limit.max_length for limit in limits if hasattr(limit, "max_length")), MAX_TEXT)


MAX_TEXT: Final = 300
"""Characters of a setting without a limit of its own."""
