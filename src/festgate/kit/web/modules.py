"""The form in which a module of the portal declares itself, and the parts that it is built of."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import BaseRoute

from festgate.kit.db.statements import Connection
from festgate.kit.messaging.mail_links import LinkMaker
from festgate.kit.messaging.outbox import Subscription
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.web.navigation import NavigationEntry

if TYPE_CHECKING:  # a command that only looks at the data does without it, and is a fifth quicker
    from fastapi import APIRouter

MAX_UPLOAD: Final = 2 * 1024 * 1024 + 64 * 1024
"""Bytes of a form with a file: the largest file, and the form around it."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """The facts about a module that are known before its pages and operations are imported."""

    name: str
    title: str
    """Its name for visitors, at the beginning of a sentence."""
    keeps: str
    """A sentence for visitors about what its failure leaves untouched."""
    budget: Budget
    pages: Sequence[str]
    """Path patterns of its pages; placeholders answer there while it is not loaded."""
    api: Sequence[str]
    """The same below /api/v1."""
    navigation: Sequence[NavigationEntry] = ()
    """Its links in the header. They stand there also while it is unavailable."""
    way_on: tuple[str, str] | None = None
    """A page for visitors whose module is unavailable, as (label, address)."""
    has_static: bool = False
    """Whether it has scripts or other static files."""
    security_events: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Names of its security events in the log, by method and route."""
    max_bodies: Mapping[str, int] = field(default_factory=dict)
    """Limits on the bodies of its requests, in bytes, by the beginning of the path, where the kit's does not fit."""


@dataclass(frozen=True)
class Parts:
    """The parts that one module adds to the portal."""

    routes: Sequence[BaseRoute] = ()
    api: "Callable[[], APIRouter] | None" = None
    """A function that makes its part of the JSON API, when the first call of the API arrives."""
    subscriptions: Sequence[Subscription[Any]] = ()
    periodic_tasks: Sequence[Callable[[Connection], object]] = ()
    """Operations that run every half minute; nothing may depend on the moment."""
    work: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    """Background tasks, from start-up until they are cancelled."""
    closes: Sequence[Callable[[], None]] = ()
    """Functions that are called when the portal ends."""
    email_links: Mapping[str, LinkMaker] = field(default_factory=dict)
    """Functions that make the links in its emails as those are sent, by kind."""
    office: Callable[[], Sequence[BaseRoute]] | None = None
    """A function that makes its pages below /organise, when the first of them is requested."""
