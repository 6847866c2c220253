"""create_app(settings): the one place where the parts meet."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan, Receive, Scope, Send

from festgate.kit.clock import Clock, system_clock
from festgate.kit.db import schema
from festgate.kit.db.damage import damaged
from festgate.kit.db.database import Database
from festgate.kit.db.probe import WriteProbe
from festgate.kit.db.statements import Connection
from festgate.kit.deferred import Deferred
from festgate.kit.errors import Forbidden
from festgate.kit.messaging import mail, mail_erasure, outbox
from festgate.kit.messaging.transports import transport_for
from festgate.kit.messaging.unknown_kinds import UnknownKinds
from festgate.kit.metrics import Metrics
from festgate.kit.process import gc_paused
from festgate.kit.resilience import faults
from festgate.kit.resilience.bulkhead import Bulkhead, watch_bulkheads
from festgate.kit.secret import load_secret
from festgate.kit.translation import load_catalogue
from festgate.kit.web.arming import Arming
from festgate.kit.web.bodies import Bodies
from festgate.kit.web.clients import MAX_IN_PROGRESS, Counts, Trusted
from festgate.kit.web.gate import Gate, security_headers
from festgate.kit.web.modules import Parts
from festgate.kit.web.pages import Pages
from festgate.kit.web.portal import Portal, is_local
from festgate.kit.web.reference import ReferencePage
from festgate.kit.web.routing import Placed, Routes, placeholders
from festgate.portal.composition import (
    MODULES,
    NAVIGATION,
    PASSING,
    STATIC_PACKAGES,
    TEMPLATE_PACKAGES,
    Loader,
    assemble,
    bulkheads,
    link,
    max_bodies,
    security_events,
)
from festgate.portal.currency import refuse_other_currency
from festgate.portal.fest.facade import NOTHING_STORED, Stored
from festgate.portal.fest.module import Application
from festgate.portal.inventory import facts
from festgate.portal.renewal import Build, FirstRun, Renewal
from festgate.settings import Given, Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

log = structlog.get_logger()

OFFICE = "organise"
"""The first segment of the addresses of the office, whose pages are loaded when the first is requested."""
PERIODIC_PAUSE = 30
"""Seconds between two rounds of periodic tasks."""


def create_app(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    given: Given | None = None,
    stored: Stored = NOTHING_STORED,
    waits: bool = False,
) -> Gate:
    """Return the portal over the database of these settings, whose schema must be up to date. It opens at start-up.

    `given` are the values from outside the data, and `stored` those of the data that `settings` contains; the portal
    follows later changes of them. If it `waits`, only the page of the first run answers until there is a person.
    """
    if settings.drills_token:
        faults.load(settings.data_dir)  # before modules are loaded: that one cannot be is a fault, too
    outside = given or Given.of(settings)
    loader = Loader(schema.unapplied(settings))
    database, metrics = Database(settings.url, clock=clock), Metrics()
    secret, fences = load_secret(settings.data_dir), bulkheads(guarded=settings.bulkheads)
    trusted = Trusted(settings.trusted_proxies)
    first_run = FirstRun(database) if waits else None

    def build(new: Settings, stored_then: Stored) -> Build:
        load_catalogue(files("festgate.portal") / "locales", new.locale)
        before = database.listeners()
        logo = stored_then.logo
        links = link(loader)
        portal = Portal(
            settings=new,
            database=database,
            pages=Pages(new, TEMPLATE_PACKAGES, NAVIGATION, clock, logo.path if logo else ""),
            metrics=metrics,
            secret=secret,
            links=links.of_pages(),
            bulkheads=fences,
        )
        application = Application(outside, renewal.renew, refuse_other_currency, logo)
        modules = assemble(portal, links, loader, application)
        for name in loader.absent.keys() & fences.keys():  # the audit log has no pages, and no bulkhead
            fences[name].absent = loader.absent[name]
            fences[name].details = loader.details.get(name, "")
        relay = outbox.Relay(
            database,
            [subscription for module in modules.values() for subscription in module.subscriptions],
            facts=facts(loader.absent),
            complete=len(modules) == len(MODULES),
        )
        headers = security_headers(secure=new.secure, form_targets=new.payment_sites)
        routes = Routes(
            _routes(portal, modules, relay, loader),
            modules=[(portal.bulkheads[name], module.routes) for name, module in modules.items()],
            later={OFFICE: partial(_build_office, portal, modules, loader)},
            admit=first_run.admit if first_run is not None and not first_run.is_over else None,
        )
        added = {
            topic: [listener for listener in listeners if listener not in before.get(topic, [])]
            for topic, listeners in database.listeners().items()
        }
        return Build(portal, modules, relay, routes, headers, stored_then, added)

    renewal = Renewal(database, secret, outside, build, _tasks_of)
    first = build(settings, stored)
    gate = Gate(
        first.routes,
        metrics=metrics,
        headers=first.headers,
        answer=first.portal.failure,
        bodies=Bodies(trusted=trusted),
        clients=Counts(MAX_IN_PROGRESS, trusted),
        max_bodies=max_bodies(),
        security_events=security_events(),
    )
    gate.life = Routes((), _lifespan(renewal, database, settings, fences))
    renewal.begin(gate, first)
    return gate


def _routes(
    portal: Portal, modules: Mapping[str, Parts], relay: outbox.Relay, loader: Loader
) -> list[BaseRoute]:
    """Return the routes that belong to no module."""
    settings = portal.settings
    api = Api(partial(_build_api, portal, modules))
    return [
        *(
            placeholder
            for module in MODULES
            if module.name in loader.absent
            for placeholder in placeholders(portal.bulkheads[module.name], module.pages)
        ),
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", _readyz(portal, relay), methods=["GET"]),
        Route("/metrics", _metrics(portal), methods=["GET"]),
        *Arming(settings.data_dir, settings.drills_token).routes(),
        *ReferencePage(portal, lambda: api.built.now().openapi()).routes(),
        Mount("/static", Assets(packages=[(package, "static") for package in STATIC_PACKAGES])),
        Mount("/api/v1", api),
    ]


class Assets(StaticFiles):
    """Static files whose address holds a mark of their content: a browser need never ask again."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:  # noqa: ANN401  (as Starlette has it)
        """Return Starlette's response, which browsers keep for a year."""
        response = super().file_response(*arguments, **named)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        # A worker may act for the folder that it is in only, unless its answer allows another.
        response.headers["service-worker-allowed"] = "/tickets/"
        return response


class Api:
    """The JSON API as an ASGI application. It is built for its first call: that takes as long as a third of a start."""

    def __init__(self, build: Callable[[], "FastAPI"]) -> None:
        """`build` makes the API."""
        self.built = Deferred(build)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes of all calls; they are built here if need be."""
        return self.built.now().routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        api = await self.built.get()
        await api(scope, receive, send)


def _build_api(portal: Portal, modules: Mapping[str, Parts]) -> "FastAPI":
    from festgate.portal.api import build_api  # noqa: PLC0415  (with FastAPI, which nothing else needs)

    with gc_paused():
        return build_api(portal, modules)


def _build_office(portal: Portal, modules: Mapping[str, Parts], loader: Loader) -> list[Placed]:
    """Return the pages of all modules below /organise. Where they cannot be loaded, placeholders answer."""
    placed: list[Placed] = []
    with gc_paused():
        for module in MODULES:
            office = modules[module.name].office if module.name in modules else None
            if office is None:
                continue
            fence = portal.bulkheads[module.name]
            pages = loader.attempt(module.name, office, PASSING)
            if pages is None:
                fence.absent, fence.details = loader.absent[module.name], loader.details[module.name]
                pages = placeholders(fence, [page for page in module.pages if page.startswith(f"/{OFFICE}")])
            placed.append((fence, pages))
    return placed


def _tasks_of(build: Build) -> list[Coroutine[Any, Any, None]]:
    """Return the background tasks that depend on the settings."""
    database, settings = build.portal.database, build.portal.settings
    return [
        build.relay.run(),
        mail.Postman(database, transport_for(settings), settings, build.email_links).run(),
        _run_periodic_tasks(
            database,
            [
                *(task for module in build.modules.values() for task in module.periodic_tasks),
                outbox.forget_settled,
                mail_erasure.erase_sent,
            ],
        ),
        *(start() for module in build.modules.values() for start in module.work),
    ]


def _lifespan(
    renewal: Renewal, database: Database, settings: Settings, fences: Mapping[str, Bulkhead]
) -> Lifespan[Routes]:
    """Return the life of the process. It keeps no build: that is replaced when the settings change."""

    @asynccontextmanager
    async def lifespan(_app: Routes) -> AsyncIterator[None]:
        await database.open()
        work = [
            mail_erasure.keep_erasing(settings.data_dir / "mail", database.clock),
            watch_bulkheads(fences.values()),
            database.watch(),
        ]
        if not fences["fest"].absent:
            work.append(renewal.run())
        if settings.drills_token:
            work.append(faults.watch(settings.data_dir))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            # What is loaded by now stays: the collector need not look through it again, a tenth of an order's time. It
            # does not look now either: that takes as long as a page's templates, and the process is no smaller for it.
            gc.freeze()
            renewal.start()
            stack.push_async_callback(renewal.end)
            tasks = [asyncio.create_task(task) for task in work]
            stack.push_async_callback(_end, tasks)
            yield

    return lifespan


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _run_periodic_tasks(
    database: Database, periodic_tasks: list[Callable[[Connection], object]]
) -> None:
    while True:
        await asyncio.sleep(PERIODIC_PAUSE)
        for periodic_task in periodic_tasks:
            try:
                await database.write(periodic_task)
            except Exception:
                log.exception("a periodic_task failed; it comes again")


async def _healthz(_request: Request) -> Response:
    """Answer while the process is alive."""
    return PlainTextResponse("ok\n")


def _readyz(portal: Portal, relay: outbox.Relay) -> Callable[[Request], Any]:
    database, settings = portal.database, portal.settings
    unknown = UnknownKinds(database, relay.known)
    probe = WriteProbe(database)

    async def readyz(request: Request) -> Response:
        """Answer whether the process can read and write its data, and each module's state; with details locally."""
        detailed = is_local(request.scope)
        modules = {
            name: {"state": bulkhead.state} | ({"why": bulkhead.why} if detailed and bulkhead.why else {})
            for name, bulkhead in portal.bulkheads.items()
        }
        with suppress(Exception):
            async with asyncio.timeout(3):
                await database.read(outbox.count_waiting)
                writes = await probe.works()
                facts = {"unknown": await unknown.counts()}
            if writes and not database.damage:
                return JSONResponse({"ready": True, "database": "ok", "modules": modules, "facts": facts})
        state = "damaged" if database.damage else "cannot be read and written"
        why = (
            {"why": damaged(settings.shown_database, database.damage)} if detailed and database.damage else {}
        )
        return JSONResponse({"ready": False, "database": state, **why, "modules": modules}, 503)

    return readyz


def _metrics(portal: Portal) -> Callable[[Request], Any]:
    token = portal.settings.metrics_token

    async def metrics(request: Request) -> Response:
        """Answer with the metrics in Prometheus' text format; locally, or with the token."""
        if not is_local(request.scope) and (
            not token or request.headers.get("authorization") != f"Bearer {token}"
        ):
            msg = "Metrics are available on this machine, or with the metrics_token."
            raise Forbidden(msg)
        portal.metrics.set_state(
            {
                "facts_waiting": await portal.database.read(outbox.count_waiting),
                "mail_waiting": await portal.database.read(mail.count_waiting),
            }
        )
        return Response(portal.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return metrics
