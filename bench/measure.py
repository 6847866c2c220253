"""The measurement of the portal: prepare a fest, start the servers, measure each figure, and check the data."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from bench import wrk
from bench.alternation import Side, ratios, turns
from bench.crowd import Fest, prepare
from bench.figures import Figure, Target
from bench.processes import PATIENCE, BenchError, Program, running
from bench.site import ROOT, Served, Site, page_of, waiting

ShowProgress = Callable[[str], None]
"""A function that shows the current step."""

BUYERS = 32
"""Users who buy a ticket at the same time."""
MAX_ORDERS = 3_000
"""Orders per second for which there are enough users."""
NEAR = 0.97
"""Share of the expected bytes that a response must have: a countdown or a name may be a few characters shorter."""


@dataclass(frozen=True)
class Plan:
    """Numbers of repetitions, and durations in seconds."""

    pairs: int
    window: int
    warm_up: int
    registrants: int
    """Users who register, each time for another event."""
    registration_windows: int
    order_warm_up: int
    order_seconds: int
    order_parts: int
    cold_starts: int

    @property
    def buyers(self) -> int:
        """Users who may buy, with one order each."""
        return MAX_ORDERS * (self.order_warm_up + self.order_seconds)


FULL = Plan(
    pairs=6,
    window=4,
    warm_up=1,
    registrants=12_000,
    registration_windows=3,
    order_warm_up=4,
    order_seconds=15,
    order_parts=5,
    cold_starts=5,
)
QUICK = Plan(
    pairs=2,
    window=1,
    warm_up=1,
    registrants=4_000,
    registration_windows=1,
    order_warm_up=1,
    order_seconds=4,
    order_parts=2,
    cold_starts=2,
)


@dataclass
class Run:
    """A run over one site."""

    site: Site
    plan: Plan
    show_progress: ShowProgress

    def figures(self) -> list[Figure]:
        """Return every figure, in the order of the table. Raise BenchError."""
        wrk.find()
        plan, site = self.plan, self.site
        self.show_progress("Preparing a fest: 200 events, their visitors and a crowd")
        fest = asyncio.run(prepare(site.settings, plan.registrants + plan.buyers))
        with site.portal() as portal:
            self._rest(portal)
            measured = list(self._pages(fest, portal))
            measured.append(self._registrations(fest, portal))
            self._rest(portal)
            measured.append(self._orders(fest, portal))
            self._rest(portal)
            megabytes = portal.program.resident_megabytes()
            measured.append(
                Figure("resident memory after the load", "MB", (megabytes,), Target("at most", 130))
            )
        self.show_progress("festgate check")
        site.check()
        measured.append(self._cold_starts())
        return measured

    def _rest(self, portal: Served) -> None:
        self.show_progress("waiting until every ticket is issued and every email is written")
        self.site.wait_until_idle(portal)

    def _pages(self, fest: Fest, portal: Served) -> Iterator[Figure]:
        """Measure the pages as ratios to the bare route."""
        html = {"content-type": "text/html; charset=utf-8"}
        gzip = {**html, "content-encoding": "gzip"}
        events = page_of(portal, "/events", fest.visitors[0])
        mine = page_of(portal, "/my-events", fest.visitors[0])
        if mine.count(b"/tickets/") < 3:
            msg = "/my-events does not show the three tickets of its visitor"
            raise BenchError(msg)
        zipped = page_of(portal, "/events", fest.visitors[0], "gzip")
        pages = {"/events": (events, html), "/my-events": (mine, html), "/events.gz": (zipped, gzip)}
        self.site.write("visitors", fest.visitors)
        with self.site.bare(pages) as bare:
            both: dict[Side, Served] = {"portal": portal, "bare": bare}
            yield self._page(both, "/events", "/events", len(events), target=Target("at least", 0.5))
            yield self._page(both, "/my-events", "/my-events", len(mine), target=Target("at least", 0.25))
            yield self._page(both, "/events", "/events.gz", len(zipped), encoding="gzip")

    def _page(
        self,
        both: Mapping[Side, Served],
        path: str,
        bare_path: str,
        size: int,
        *,
        target: Target | None = None,
        encoding: str | None = None,
    ) -> Figure:
        """Measure one page, requested by its visitors in turn, in pairs of neighbouring windows."""
        name = f"{path} beside the bare route" + (", compressed" if encoding else "")
        tokens = self.site.folder / "visitors"
        counts: dict[Side, list[wrk.Counts]] = {"portal": [], "bare": []}
        shares: dict[Side, list[float]] = {"portal": [], "bare": []}
        for number, pair in enumerate(turns(self.plan.pairs), 1):
            for side in pair:
                self.show_progress(f"{name}: pair {number} of {self.plan.pairs}, {side}")
                url = both[side].url + (path if side == "portal" else bare_path)
                wrk.visit(url, self.plan.warm_up, tokens, encoding)
                with _share_of(both[side].program, shares[side]):
                    window = wrk.visit(url, self.plan.window, tokens, encoding)
                both[side].program.assert_running()
                if window.wrong or window.bytes < window.answers * size * NEAR:
                    mean = window.bytes // max(1, window.answers)
                    msg = (
                        f"{url}: {window.wrong} of {window.answers} answers were wrong, "
                        f"and an answer had {mean} bytes instead of {size}"
                    )
                    raise BenchError(msg)
                counts[side].append(window)
        ours, theirs = counts["portal"], counts["bare"]
        notes = {
            "bytes": float(size),
            "portal /s": statistics.median(window.rate for window in ours),
            "bare /s": statistics.median(window.rate for window in theirs),
            "portal p50 ms": statistics.median(window.p50 for window in ours),
            "portal p99 ms": statistics.median(window.p99 for window in ours),
            "wrk's share of a core": statistics.median(window.client_share for window in (*ours, *theirs)),
        }
        if shares["portal"] and shares["bare"]:
            notes["portal's share of a core"] = statistics.median(shares["portal"])
            notes["bare's share of a core"] = statistics.median(shares["bare"])
            # The ratio if each program had had a core of its own.
            costs = [
                (one.rate / share) / (other.rate / other_share)
                for one, share, other, other_share in zip(
                    ours, shares["portal"], theirs, shares["bare"], strict=True
                )
            ]
            notes["ratio by processor time"] = statistics.median(costs)
        samples = ratios([window.rate for window in ours], [window.rate for window in theirs])
        return Figure(name, "ratio", tuple(samples), target, notes)

    def _registrations(self, fest: Fest, portal: Served) -> Figure:
        """Measure holds at paid events by many users, each pair of user and event once."""
        site, answered, offset = self.site, 0, 0
        people = site.write("registrants", fest.crowd[: self.plan.registrants])
        slugs = site.write("slugs", fest.wide)
        before = site.count("registrations_seats")
        rates: list[float] = []
        shares: list[float] = []
        clients: list[float] = []
        latencies: list[tuple[float, float]] = []
        windows = self.plan.registration_windows
        lengths = [self.plan.warm_up, *(1, self.plan.window) * windows]
        for number, seconds in enumerate(lengths):
            # Every second window counts; the others are warm-up.
            counts = number > 0 and number % 2 == 0
            self.show_progress(f"registrations: window {max(1, number // 2)} of {windows}")
            with _share_of(portal.program, shares if counts else []):
                window = wrk.register(portal.url, seconds, people, slugs, offset)
            portal.program.assert_running()
            if window.wrong:
                msg = f"{window.wrong} of {window.answers} registrations were not answered with 303 to /my-events "
                raise BenchError(f"{msg}(the last one: {window.last_wrong})")
            answered += window.answers
            # Skip the requests that were in progress at the end.
            offset += window.answers + 2 * wrk.CONNECTIONS
            if counts:
                rates.append(window.rate)
                latencies.append((window.p50, window.p99))
                clients.append(window.client_share)
        kept = site.count("registrations_seats") - before
        if not answered <= kept <= answered + len(lengths) * wrk.CONNECTIONS:
            msg = f"{answered} registrations were answered, but the data has {kept}"
            raise BenchError(msg)
        notes = {
            "p50 ms": statistics.median(p50 for p50, _ in latencies),
            "p99 ms": statistics.median(p99 for _, p99 in latencies),
            "all answered": float(answered),
            "wrk's share of a core": statistics.median(clients),
        }
        if shares:
            notes |= _by_processor(statistics.median(rates), statistics.median(shares))
        return Figure("registrations", "/s", tuple(rates), Target("at least", 1500), notes)

    def _orders(self, fest: Fest, portal: Served) -> Figure:
        """Measure whole orders, from the hold to the code on the ticket."""
        plan = self.plan
        plan_file, answer_file = self.site.folder / "buyers.json", self.site.folder / "buyers.log"
        plan_file.write_text(
            json.dumps(
                {
                    "port": portal.port,
                    "tokens": fest.crowd[plan.registrants :],
                    "slugs": fest.wide,
                    "people": BUYERS,
                    "warm_up": plan.order_warm_up,
                    "seconds": plan.order_seconds,
                    "parts": plan.order_parts,
                }
            ),
            encoding="utf-8",
        )
        self.show_progress(f"whole orders: {BUYERS} users at once, {plan.order_seconds} seconds")
        words = [sys.executable, "-m", "bench.buyers", str(plan_file)]
        shares: list[float] = []
        with running(words, log_file=answer_file, folder=ROOT) as buyers:
            time.sleep(plan.order_warm_up + 1)
            with _share_of(portal.program, shares):
                time.sleep(plan.order_seconds - 1)
            code = buyers.wait(PATIENCE)
            left = waiting(portal)
        if code:
            raise BenchError(f"An order failed:\n{buyers.log_tail()}")
        result = json.loads(answer_file.read_text(encoding="utf-8"))
        paid = self.site.count("checkout_orders WHERE state = 'paid'")
        if paid < result["all_orders"]:
            msg = f"{result['all_orders']} receipts showed a payment, but only {paid} orders are paid"
            raise BenchError(msg)
        notes = {
            "orders counted": result["orders"],
            "requests each": result["requests"],
            "p50 s": result["seconds_whole"]["p50"],
            "p99 s": result["seconds_whole"]["p99"],
            "payment to ticket p50 s": result["seconds_to_ticket"]["p50"],
            "payment to ticket p99 s": result["seconds_to_ticket"]["p99"],
            "emails waiting": left["mail_waiting"],
            "facts waiting": left["facts_waiting"],
            "client's share of a core": result["client_share"],
        }
        if shares:
            notes |= _by_processor(result["orders"] / plan.order_seconds, shares[0])
        return Figure("whole orders", "/s", tuple(result["per_part"]), Target("at least", 200), notes)

    def _cold_starts(self) -> Figure:
        """Measure the time from starting the process to the first 200 of /events, over the data of the run."""
        took = []
        for number in range(self.plan.cold_starts):
            self.show_progress(f"cold start {number + 1} of {self.plan.cold_starts}")
            began = time.perf_counter()
            with self.site.portal("/events"):
                took.append(time.perf_counter() - began)
        return Figure("cold start to the first 200", "s", tuple(took), Target("at most", 2))


def _by_processor(rate: float, share: float) -> dict[str, float]:
    """Return the rate if the portal had had a core of its own."""
    return {"portal's share of a core": share, "by processor time /s": rate / share}


@contextmanager
def _share_of(program: Program, shares: list[float]) -> Iterator[None]:
    """Append the share of a core that the program used during the block, if the system reports it."""
    before, began = program.cpu_seconds(), time.perf_counter()
    yield
    after, took = program.cpu_seconds(), time.perf_counter() - began
    if before is not None and after is not None:
        shares.append((after - before) / took)
