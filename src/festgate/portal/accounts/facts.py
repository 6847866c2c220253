"""Facts about people."""

from dataclasses import dataclass

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class AddressConfirmed(Fact):
    """A person's email address was confirmed; emails that were kept back until then can be sent."""

    KIND = "accounts.AddressConfirmed"

    person_id: int


@dataclass(frozen=True)
class AddressCorrected(Fact):
    """Somebody corrected a person's email address; their tickets have to be sent to the new one."""

    KIND = "accounts.AddressCorrected"

    person_id: int


FACTS: tuple[type[Fact], ...] = (AddressConfirmed, AddressCorrected)
"""Every kind of fact that this module writes into the data."""
