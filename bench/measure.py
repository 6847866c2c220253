"""The figures of the portal: prepare a fest, start the servers, measure, and check the data afterwards."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench import wrk
from bench.crowd import GROUP, GROUP_CODE, Fest, prepare
from bench.figures import Figure, Side, Target, ratios, turns
from bench.processes import TIMEOUT, BenchError, Program, running
from bench.site import ROOT, Served, Site, page_of, waiting

ShowStep = Callable[[str], None]
"""A function that shows the current step."""

BUYERS = 32
"""People who buy a ticket at the same time."""
MAX_ORDERS = 3_000
"""The most orders a second for which there are enough people."""
MAX_ORDERS_OF_RUN = 1_000
"""The same for the runs of orders of four and of single ones."""
PAID = "checkout_orders WHERE state = 'paid'"
MIN_SIZE = 0.97
"""The share of the expected bytes that a response must have: a countdown or a name may be a few characters shorter."""


@dataclass(frozen=True)
class Plan:
    """The numbers of windows, and their lengths in seconds."""

    pairs: int
    window: int
    warm_up: int
    registrants: int
    """People who register, each for another event every time."""
    registration_windows: int
    order_warm_up: int
    order_seconds: int
    order_parts: int
    group_pairs: int
    """Pairs of runs: orders of four tickets, and single ones."""
    group_seconds: int
    cold_starts: int

    @property
    def single_buyers(self) -> int:
        """The most people that buy in the run of single orders, one order each."""
        return MAX_ORDERS * (self.order_warm_up + self.order_seconds)

    @property
    def buyers_of_run(self) -> int:
        """The most people that buy in one run of a pair, one order each."""
        return MAX_ORDERS_OF_RUN * (self.order_warm_up + self.group_seconds)

    @property
    def buyers(self) -> int:
        """The most people that buy in all runs."""
        return self.single_buyers + 2 * self.group_pairs * self.buyers_of_run


FULL = Plan(
    pairs=6,
    window=4,
    warm_up=1,
    registrants=12_000,
    registration_windows=3,
    order_warm_up=4,
    order_seconds=15,
    order_parts=5,
    group_pairs=3,
    group_seconds=6,
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
    group_pairs=2,
    group_seconds=3,
    cold_starts=2,
)


@dataclass
class Run:
    """One run on one site."""

    site: Site
    plan: Plan
    show: ShowStep

    def figures(self) -> list[Figure]:
        """Return every figure, in the order of the table. Raise BenchError."""
        wrk.find()
        plan, site = self.plan, self.site
        self.show("Preparing a fest: 200 events, their visitors and a crowd")
        fest = asyncio.run(prepare(site.settings, plan.registrants + plan.buyers))
        with site.portal() as portal:
            self._await_idle(portal)
            measured = list(self._pages(fest, portal))
            measured.append(self._registrations(fest, portal))
            self._await_idle(portal)
            measured.append(self._orders(fest, portal))
            self._await_idle(portal)
            # Before the orders of four, so that the load is that of earlier versions of the benchmark.
            megabytes = portal.program.resident_megabytes()
            measured.append(
                Figure("resident memory after the load", "MB", (megabytes,), Target("at most", 130))
            )
            measured.append(self._group_orders(fest, portal))
        self.show("festgate check")
        site.check()
        measured.append(self._cold_starts())
        return measured

    def _await_idle(self, portal: Served) -> None:
        self.show("waiting until every ticket is issued and every email is written")
        self.site.await_idle(portal)

    def _pages(self, fest: Fest, portal: Served) -> Iterator[Figure]:
        """Yield the pages as ratios to the bare route."""
        html = {"content-type": "text/html; charset=utf-8"}
        gzip = {**html, "content-encoding": "gzip"}
        events = page_of(portal, "/events", fest.visitors[0])
        my_events = page_of(portal, "/my-events", fest.visitors[0])
        if my_events.count(b"/tickets/") < 3:
            msg = "/my-events does not show the three tickets of its visitor"
            raise BenchError(msg)
        zipped = page_of(portal, "/events", fest.visitors[0], "gzip")
        pages = {"/events": (events, html), "/my-events": (my_events, html), "/events.gz": (zipped, gzip)}
        self.site.write("visitors", fest.visitors)
        with self.site.bare(pages) as bare:
            both: dict[Side, Served] = {"portal": portal, "bare": bare}
            yield self._page(both, "/events", "/events", len(events), target=Target("at least", 0.5))
            yield self._page(
                both, "/my-events", "/my-events", len(my_events), target=Target("at least", 0.25)
            )
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
        """Measure one page, requested by its visitors in turn, in pairs of adjacent windows."""
        name = f"{path} beside the bare route" + (", compressed" if encoding else "")
        tokens = self.site.folder / "visitors"
        counts: dict[Side, list[wrk.Counts]] = {"portal": [], "bare": []}
        shares: dict[Side, list[float]] = {"portal": [], "bare": []}
        for number, pair in enumerate(turns(self.plan.pairs), 1):
            for side in pair:
                self.show(f"{name}: pair {number} of {self.plan.pairs}, {side}")
                url = both[side].url + (path if side == "portal" else bare_path)
                wrk.visit(url, self.plan.warm_up, tokens, encoding)
                with share_of(both[side].program, shares[side]):
                    counted = wrk.visit(url, self.plan.window, tokens, encoding)
                both[side].program.assert_running()
                if counted.wrong or counted.bytes < counted.responses * size * MIN_SIZE:
                    mean = counted.bytes // max(1, counted.responses)
                    msg = (
                        f"{url}: {counted.wrong} of {counted.responses} responses were wrong, and the mean size was"
                        f" {mean} bytes instead of {size}"
                    )
                    raise BenchError(msg)
                counts[side].append(counted)
        ours, bare = counts["portal"], counts["bare"]
        notes = {
            "bytes": float(size),
            "portal /s": statistics.median(window.rate for window in ours),
            "bare /s": statistics.median(window.rate for window in bare),
            "portal p50 ms": statistics.median(window.p50 for window in ours),
            "portal p99 ms": statistics.median(window.p99 for window in ours),
            "wrk's share of a core": statistics.median(window.client_share for window in (*ours, *bare)),
        }
        if shares["portal"] and shares["bare"]:
            notes["portal's share of a core"] = statistics.median(shares["portal"])
            notes["bare's share of a core"] = statistics.median(shares["bare"])
            # The ratio as it would be if each program had a core to itself.
            costs = [
                (one.rate / share) / (other.rate / other_share)
                for one, share, other, other_share in zip(
                    ours, shares["portal"], bare, shares["bare"], strict=True
                )
            ]
            notes["ratio by processor time"] = statistics.median(costs)
        samples = ratios([window.rate for window in ours], [window.rate for window in bare])
        return Figure(name, "ratio", tuple(samples), target, notes)

    def _registrations(self, fest: Fest, portal: Served) -> Figure:
        """Measure registrations by many people, for each pair of a person and an event once."""
        site, responses, offset = self.site, 0, 0
        people = site.write("registrants", fest.crowd[: self.plan.registrants])
        slugs = site.write("slugs", fest.wide)
        before = site.count("registrations_seats")
        rates: list[float] = []
        shares: list[float] = []
        clients: list[float] = []
        latencies: list[tuple[float, float]] = []
        windows = self.plan.registration_windows
        lengths = [self.plan.warm_up, *(length for _ in range(windows) for length in (1, self.plan.window))]
        for number, seconds in enumerate(lengths):
            # Every second window counts; the ones between are warm-ups.
            counts = number > 0 and number % 2 == 0
            self.show(f"registrations: window {max(1, number // 2)} of {windows}")
            with share_of(portal.program, shares if counts else []):
                counted = wrk.register(portal.url, seconds, people, slugs, offset)
            portal.program.assert_running()
            if counted.wrong:
                msg = (
                    f"{counted.wrong} of {counted.responses} registrations did not return 303 to /my-events "
                )
                raise BenchError(f"{msg}(the last one: {counted.last_wrong})")
            responses += counted.responses
            offset += (
                counted.responses + 2 * wrk.CONNECTIONS
            )  # skips the requests that were in progress at the end
            if counts:
                rates.append(counted.rate)
                latencies.append((counted.p50, counted.p99))
                clients.append(counted.client_share)
        kept = site.count("registrations_seats") - before
        if not responses <= kept <= responses + len(lengths) * wrk.CONNECTIONS:
            msg = f"{responses} registrations got a response, but {kept} are in the data"
            raise BenchError(msg)
        notes = {
            "p50 ms": statistics.median(p50 for p50, _ in latencies),
            "p99 ms": statistics.median(p99 for _, p99 in latencies),
            "all responses": float(responses),
            "wrk's share of a core": statistics.median(clients),
        }
        if shares:
            notes |= _per_core(statistics.median(rates), statistics.median(shares))
        return Figure("registrations", "/s", tuple(rates), Target("at least", 1500), notes)

    def _orders(self, fest: Fest, portal: Served) -> Figure:
        """Measure whole orders, from the hold to the code on the ticket."""
        plan = self.plan
        self.show(f"whole orders: {BUYERS} people at once, {plan.order_seconds} seconds")
        tokens = fest.crowd[plan.registrants : plan.registrants + plan.single_buyers]
        shares: list[float] = []
        events = [[slug] for slug in fest.wide]
        result = self._shop(portal, tokens, events, plan.order_seconds, shares)
        left = waiting(portal)
        notes = {
            "orders counted": result["orders"],
            "requests each": result["requests"],
            "p50 s": result["seconds_whole"]["p50"],
            "p99 s": result["seconds_whole"]["p99"],
            "payment to ticket p50 s": result["seconds_to_ticket"]["p50"],
            "payment to ticket p99 s": result["seconds_to_ticket"]["p99"],
            "emails still to be written": left["mail_waiting"],
            "facts still to be handled": left["facts_waiting"],
            "client's share of a core": result["client_share"],
        }
        if shares:
            notes |= _per_core(result["orders"] / plan.order_seconds, shares[0])
        return Figure("whole orders", "/s", tuple(result["per_part"]), Target("at least", 200), notes)

    def _group_orders(self, fest: Fest, portal: Served) -> Figure:
        """Measure orders of four tickets with two questions and a promo code beside single ones, in pairs of runs."""
        plan, seconds = self.plan, self.plan.group_seconds
        tokens = iter(fest.crowd[plan.registrants + plan.single_buyers :])
        events: dict[Side, list[list[Any]]] = {
            "portal": [[slug, type_id, GROUP, GROUP_CODE] for slug, type_id in fest.groups],
            "bare": [[slug] for slug in fest.wide],
        }
        rates: dict[Side, list[float]] = {"portal": [], "bare": []}
        costs: dict[Side, list[float]] = {"portal": [], "bare": []}
        for number, pair in enumerate(turns(plan.group_pairs), 1):
            for side in pair:
                kind = "orders of four" if side == "portal" else "single orders"
                self.show(f"{kind}: pair {number} of {plan.group_pairs}")
                shares: list[float] = []
                people = list(islice(tokens, plan.buyers_of_run))
                result = self._shop(portal, people, events[side], seconds, shares)
                self._await_idle(portal)
                rates[side].append(result["orders"] / seconds)
                costs[side] += [result["orders"] / seconds / share for share in shares]
        notes = {
            "orders of four /s": statistics.median(rates["portal"]),
            "single orders /s": statistics.median(rates["bare"]),
        }
        if costs["portal"]:
            notes["ratio by processor time"] = statistics.median(ratios(costs["portal"], costs["bare"]))
        samples = ratios(rates["portal"], rates["bare"])
        name = "orders of four with questions and a code beside single ones"
        return Figure(name, "ratio", tuple(samples), Target("at least", 0.4), notes)

    def _shop(
        self,
        portal: Served,
        tokens: Sequence[str],
        events: Sequence[list[Any]],
        seconds: int,
        shares: list[float],
    ) -> dict[str, Any]:
        """Let people buy for that long, append the portal's share of a core, and return the result of the buyers."""
        plan = self.plan
        plan_file, result_file = self.site.folder / "buyers.json", self.site.folder / "buyers.log"
        result_file.unlink(missing_ok=True)  # the log of an earlier run
        before = self.site.count(PAID)
        words: dict[str, object] = {
            "port": portal.port,
            "tokens": tokens,
            "events": events,
            "people": BUYERS,
            "warm_up": plan.order_warm_up,
            "seconds": seconds,
            "parts": plan.order_parts,
        }
        plan_file.write_text(json.dumps(words), encoding="utf-8")
        command = [sys.executable, "-m", "bench.buyers", str(plan_file)]
        with running(command, log_file=result_file, folder=ROOT) as buyers:
            time.sleep(plan.order_warm_up + 1)
            with share_of(portal.program, shares):
                time.sleep(seconds - 1)
            code = buyers.wait(TIMEOUT)
        if code:
            raise BenchError(f"An order went wrong:\n{buyers.log_tail()}")
        result: dict[str, Any] = json.loads(result_file.read_text(encoding="utf-8"))
        paid = self.site.count(PAID) - before
        if paid < result["all_orders"]:
            msg = f"{result['all_orders']} payments were confirmed, but {paid} orders are paid"
            raise BenchError(msg)
        return result

    def _cold_starts(self) -> Figure:
        """Measure the time from the start of the process to the first 200 of /events, with all the data of the run."""
        times = []
        for number in range(self.plan.cold_starts):
            self.show(f"cold start {number + 1} of {self.plan.cold_starts}")
            began = time.perf_counter()
            with self.site.portal("/events"):
                times.append(time.perf_counter() - began)
        return Figure("cold start to the first 200", "s", tuple(times), Target("at most", 2))


def _per_core(rate: float, share: float) -> dict[str, float]:
    """Return the rate as it would be if the portal had a core to itself."""
    return {"portal's share of a core": share, "by processor time /s": rate / share}


@contextmanager
def share_of(program: Program, shares: list[float]) -> Iterator[None]:
    """Append the share of a core that the program used during the block, if the system reports it."""
    before, began = program.cpu_seconds(), time.perf_counter()
    yield
    after, took = program.cpu_seconds(), time.perf_counter() - began
    if before is not None and after is not None:
        shares.append((after - before) / took)
