"""The account that receives transfers, as payers see it: its details, and the address of a payment by UPI."""

from dataclasses import dataclass
from urllib.parse import quote

from festgate.bank_accounts import in_groups
from festgate.kit.errors import StartupError
from festgate.kit.money import Money
from festgate.kit.translation import gettext
from festgate.settings import Settings

UPI_CURRENCY = "INR"
"""The only currency of UPI."""


@dataclass(frozen=True, slots=True)
class TransferAccount:
    """The account of the settings."""

    holder: str
    number: str
    bank: str
    ifsc: str
    upi_id: str

    def rows(self, amount: str, ref: str) -> tuple[tuple[str, str], ...]:
        """Return the details of a transfer, as (label, text); those that are not set are left out."""
        rows = (
            (gettext("Amount"), amount),
            (gettext("Reference"), ref),
            (gettext("Account holder"), self.holder),
            (gettext("Account number"), in_groups(self.number)),
            (gettext("Bank"), self.bank),
            (gettext("IFSC"), self.ifsc),
        )
        return tuple((label, text) for label, text in rows if text)

    def upi_link(self, amount: Money, ref: str) -> str:
        """Return the address that UPI apps open (NPCI, UPI linking specification); empty if UPI cannot be used."""
        if not self.upi_id or amount.currency != UPI_CURRENCY:
            return ""
        parts = {
            "pa": quote(self.upi_id, safe="@"),
            "pn": quote(self.holder, safe=""),
            "am": amount.plain(),
            "cu": amount.currency,
            "tn": quote(ref, safe=""),
        }
        return "upi://pay?" + "&".join(f"{name}={text}" for name, text in parts.items())


def account_of(settings: Settings) -> TransferAccount | None:
    """Return the account; None if the fest takes no transfers any more."""
    return transfer_account(settings) if "transfer" in settings.payment_methods else None


def transfer_account(settings: Settings) -> TransferAccount:
    """Return the account. Raises StartupError if the settings name none that a payer could use."""
    if not settings.transfer_account_holder:
        msg = gettext("The payment method `transfer` is switched on, and transfer_account_holder is not set.")
        raise StartupError(msg)
    has_upi = bool(settings.transfer_upi_id) and settings.currency == UPI_CURRENCY
    if not settings.transfer_account and not has_upi:
        msg = gettext(
            "The payment method `transfer` is switched on, and neither transfer_account nor, for {currency}, "
            "transfer_upi_id is set."
        )
        raise StartupError(msg.format(currency=UPI_CURRENCY))
    return TransferAccount(
        settings.transfer_account_holder,
        settings.transfer_account,
        settings.transfer_bank,
        settings.transfer_ifsc,
        settings.transfer_upi_id,
    )
