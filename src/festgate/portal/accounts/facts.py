"""What has happened to people."""

from dataclasses import dataclass
from typing import ClassVar

from festgate.kit.messaging.outbox import Fact


@dataclass(frozen=True)
class AddressConfirmed(Fact):
    """A person has shown that email reaches them; what was kept back until then can be sent."""

    KIND: ClassVar[str] = "accounts.AddressConfirmed"

    person_id: int


FACTS: tuple[type[Fact], ...] = (AddressConfirmed,)
"""All of them: the kinds that this module writes into the data."""
