"""The columns of bank statements, recognised by the headings that banks in India and Europe use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from festgate.kit.text import MAX_LINE, searchable
from festgate.kit.translation import N_

Role: TypeAlias = Literal["date", "text", "utr", "credit", "debit", "amount", "direction", "currency"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
ROLE_NAMES: Final[Mapping[Role, str]] = {
    "date": N_("Date"),
    "text": N_("Text or narration"),
    "utr": N_("UTR or reference number"),
    "credit": N_("Incoming amount"),
    "debit": N_("Outgoing amount"),
    "amount": N_("Amount, both directions"),
    "direction": N_("Direction (CR or DR)"),
    "currency": N_("Currency"),
}
MAX_HEADINGS: Final = 60
"""Cells of the heading."""
MAX_ABOVE: Final = 60
"""Lines above the heading, with the holder and the period."""
_HEADINGS: Final[Mapping[Role, str]] = {
    "date": "date | txn date | transaction date | tran date | trans date | posting date | post date | posted on "
    "| booking date | date posted | value date | value dt | val date | completed date | buchungstag | buchungsdatum "
    "| datum | valutadatum | wertstellung | valuta | date operation | date d operation | date comptable "
    "| date de comptabilisation | date valeur | date de valeur | fecha | fecha operacion | fecha de operacion "
    "| fecha valor | data | data contabile | data operazione | boekingsdatum | rentedatum | data operacji "
    "| data ksiegowania",
    "text": "narration | description | particulars | transaction particulars | transaction remarks | remarks "
    "| details | transaction details | transaction description | payment details | memo | narrative | message "
    "| payment reference | verwendungszweck | buchungstext | vorgang/verwendungszweck | vorgang verwendungszweck "
    "| umsatztext | name zahlungsbeteiligter | beguenstigter/zahlungspflichtiger "
    "| beguenstigter zahlungspflichtiger | auftraggeber/empfanger | auftraggeber empfanger "
    "| zahlungspflichtige*r | zahlungspflichtiger | zahlungspflichtige r | zahlungsempfanger*in "
    "| zahlungsempfanger in | payer | payee | counterparty | counterparty name | sender | name | libelle "
    "| libelle operation | libelle simplifie | informations complementaires | omschrijving | naam / omschrijving "
    "| naam omschrijving | mededelingen | mededeling | concepto | observaciones | movimiento | descrizione "
    "| descrizione operazione | causale | opis | tytul | opis operacji",
    "utr": "utr | utr no | utr number | utr/rrn | utr rrn | rrn | ref | ref no | reference | reference no "
    "| reference number | bank reference | ref no/cheque no | ref no cheque no | chq/ref no | chq ref no "
    "| chq/ref number | chq ref number | chq / ref no | cheque no | cheque number | chqno | chq no | cheque/ref no "
    "| instrument id | transaction id | tran id | txn id | transaction reference | customer reference "
    "| end-to-end reference | end to end reference | kundenreferenz | kundenreferenz end-to-end "
    "| kundenreferenz end to end | end-to-end-referenz | mandatsreferenz | referenz",
    "credit": "credit | credits | credit amount | credit amt | credit inr | credit amount inr | cr | cr amount "
    "| cr amt | deposit | deposits | deposit amt | deposit amount | deposit amount inr | deposit inr | paid in "
    "| money in | haben | gutschrift | habenumsatz | credit eur | abono | abonos | haber | avere | accrediti "
    "| entrate | bijschrijving | uznania",
    "debit": "debit | debits | debit amount | debit amt | debit inr | debit amount inr | dr | dr amount | dr amt "
    "| withdrawal | withdrawals | withdrawal amt | withdrawal amount | withdrawal amount inr | withdrawal inr "
    "| paid out | money out | soll | lastschrift | sollumsatz | debit eur | cargo | cargos | debe | dare "
    "| addebiti | uscite | afschrijving | obciazenia",
    "amount": "amount | amount inr | amount eur | amount gbp | amount rs | transaction amount "
    "| transaction amount inr | betrag | betrag eur | betrag € | umsatz | umsatz in eur | montant | montant eur "
    "| bedrag | bedrag eur | bedrag (eur) | importe | importe eur | importo | importo eur | kwota",
    "direction": "cr/dr | dr/cr | cr dr | dr cr | dr / cr | cr / dr | debit/credit | debit credit | credit/debit "
    "| credit debit | type | transaction type | txn type | soll/haben | soll haben | s/h | kennzeichen | af bij "
    "| af/bij | sens",
    "currency": "currency | ccy | wahrung | waehrung | devise | moneda | divisa | valuta code | munt | waluta",
}
_SPACES: Final = re.compile(r"[\s.:()\[\]*_-]+")


def _plain(heading: str) -> str:
    """Return a heading for comparing: small letters without accents, dots, brackets and repeated spaces."""
    try:
        return " ".join(searchable(_SPACES.sub(" ", heading[:MAX_LINE]).replace("/", " ")).split())
    except ValueError:
        return ""


_ROLE_OF: Final[Mapping[str, Role]] = {
    _plain(name): role for role, names in _HEADINGS.items() for name in names.split("|")
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The numbers of a statement's columns, by their role."""

    date: int
    text: tuple[int, ...] = ()
    utr: tuple[int, ...] = ()
    credit: int | None = None
    debit: int | None = None
    amount: int | None = None
    direction: int | None = None
    currency: int | None = None


def columns_of(roles: Mapping[int, Role]) -> Columns | None:
    """Return the columns of these roles by number; None if the date, the text or the amount is missing."""
    first: dict[Role, int] = {}
    for number in sorted(roles):
        first.setdefault(roles[number], number)
    texts = tuple(number for number in sorted(roles) if roles[number] == "text")
    utrs = tuple(number for number in sorted(roles) if roles[number] == "utr")
    credit, amount = first.get("credit"), first.get("amount")
    if "date" not in first or not (texts or utrs) or (credit is None and amount is None):
        return None
    return Columns(
        first["date"],
        texts,
        utrs,
        credit,
        first.get("debit"),
        None if credit is not None else amount,
        first.get("direction"),
        first.get("currency"),
    )


def recognise(cells: Sequence[str]) -> Columns | None:
    """Return the columns of a line of headings; None if it is no such line."""
    if len(cells) > MAX_HEADINGS:
        return None
    return columns_of(guess_roles(cells))


def guess_roles(cells: Sequence[str]) -> dict[int, Role]:
    """Return the roles of those columns whose headings are known."""
    return {
        number: role
        for number, cell in enumerate(cells[:MAX_HEADINGS])
        if (role := _ROLE_OF.get(_plain(cell))) is not None
    }
