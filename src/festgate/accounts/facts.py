"""What has happened to people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AddressConfirmed:
    """A person has shown that email reaches them; what was kept back until then can be sent."""

    person_id: int
