"""What a worker is told when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Order:
    """Plain values, since they also travel as JSON."""

    module: str
    """Whose `work(order, line, sockets)` is the worker; imported there, and never by the parent."""
    port: int
    """That the sockets listen on."""
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: str = "info"
    demo: bool = False
    overrides: Mapping[str, str | int | None] = field(default_factory=dict)
    """Settings that the command line gave."""
    config_text: str = ""
    """What the settings file held when this worker's kind was first started: one that is being edited while a worker
    dies must not keep the next from starting."""
    prepare: bool = False
    """Whether this worker first brings the data up to date: the first of its kind does."""
    greet: bool = False
    """Whether it says that the gate is open."""
    counts_folder: str = ""
    """Where the workers keep their counts together; empty when there is only one."""
    dead: tuple[int, ...] = ()
    """Workers that are no more."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Workers that were replaced, by reason."""
