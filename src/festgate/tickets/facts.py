"""What has happened to tickets."""

from dataclasses import dataclass

from festgate.kit.clock import Milliseconds


@dataclass(frozen=True)
class HoldersLeft:
    """An event changed at `changed_at`, and the holders whose tickets come after `after_ticket` have yet to be told."""

    event_id: int
    changed_at: Milliseconds
    after_ticket: int
