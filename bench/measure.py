"""The run: prepare a fest, start the servers, measure each figure, and prove that the data is right afterwards."""

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

Tell = Callable[[str], None]
"""Shows what is being done now."""

BUYERS = 32
"""People who are on their way to a ticket at the same time."""
MAX_ORDERS = 3_000
"""A second, that there are people enough for."""
NEAR = 0.97
"""Of the bytes that an answer must have: a countdown or a name may be a few emails shorter."""


@dataclass(frozen=True)
class Plan:
    """How long and how often. Times in seconds."""

    pairs: int
    window: int
    warm_up: int
    registrants: int
    """People who register, each for another event every time."""
    registration_windows: int
    order_warm_up: int
    order_seconds: int
    order_parts: int
    cold_starts: int

    @property
    def buyers(self) -> int:
        """People who may buy: one order each."""
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
    """One run over one site."""

    site: Site
    plan: Plan
    tell: Tell

    def figures(self) -> list[Figure]:
        """Every figure of the table, in its order. Raises BenchError."""
        wrk.find()
        plan, site = self.plan, self.site
        self.tell("Preparing a fest: 200 events, their visitors and a crowd")
        fest = asyncio.run(prepare(site.settings, plan.registrants + plan.buyers))
        with site.portal() as portal:
            self._rest(portal)
            found = list(self._pages(fest, portal))
            found.append(self._registrations(fest, portal))
            self._rest(portal)
            found.append(self._orders(fest, portal))
            self._rest(portal)
            megabytes = portal.program.resident_megabytes()
            found.append(Figure("resident memory after the load", "MB", (megabytes,), Target("at most", 130)))
        self.tell("festgate check")
        site.check()
        found.append(self._cold_starts())
        return found

    def _rest(self, portal: Served) -> None:
        self.tell("waiting until every ticket is made and every email written")
        self.site.come_to_rest(portal)

    def _pages(self, fest: Fest, portal: Served) -> Iterator[Figure]:
        """The pages as ratios to the bare route."""
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
        """One page, by its visitors in turn, in pairs of windows that lie next to each other."""
        name = f"{path} beside the bare route" + (", compressed" if encoding else "")
        tokens = self.site.scratch / "visitors"
        counts: dict[Side, list[wrk.Counts]] = {"portal": [], "bare": []}
        shares: dict[Side, list[float]] = {"portal": [], "bare": []}
        for number, pair in enumerate(turns(self.plan.pairs), 1):
            for side in pair:
                self.tell(f"{name}: pair {number} of {self.plan.pairs}, {side}")
                url = both[side].url + (path if side == "portal" else bare_path)
                wrk.visit(url, self.plan.warm_up, tokens, encoding)
                with _share_of(both[side].program, shares[side]):
                    found = wrk.visit(url, self.plan.window, tokens, encoding)
                both[side].program.assert_running()
                if found.wrong or found.bytes < found.answers * size * NEAR:
                    each = found.bytes // max(1, found.answers)
                    msg = (
                        f"{url}: {found.wrong} of {found.answers} answers were wrong, and an answer had {each} bytes "
                        f"instead of {size}"
                    )
                    raise BenchError(msg)
                counts[side].append(found)
        ours, theirs = counts["portal"], counts["bare"]
        notes = {
            "bytes": float(size),
            "portal /s": statistics.median(each.rate for each in ours),
            "bare /s": statistics.median(each.rate for each in theirs),
            "portal p50 ms": statistics.median(each.p50 for each in ours),
            "portal p99 ms": statistics.median(each.p99 for each in ours),
            "wrk's share of a core": statistics.median(each.client_share for each in (*ours, *theirs)),
        }
        if shares["portal"] and shares["bare"]:
            notes["portal's share of a core"] = statistics.median(shares["portal"])
            notes["bare's share of a core"] = statistics.median(shares["bare"])
            # What the ratio would be if each had had a core to itself.
            costs = [
                (one.rate / share) / (other.rate / other_share)
                for one, share, other, other_share in zip(
                    ours, shares["portal"], theirs, shares["bare"], strict=True
                )
            ]
            notes["ratio by processor time"] = statistics.median(costs)
        samples = ratios([each.rate for each in ours], [each.rate for each in theirs])
        return Figure(name, "ratio", tuple(samples), target, notes)

    def _registrations(self, fest: Fest, portal: Served) -> Figure:
        """Paid holds by many people, each pair of person and event once."""
        site, answered, offset = self.site, 0, 0
        people = site.write("registrants", fest.crowd[: self.plan.registrants])
        slugs = site.write("slugs", fest.wide)
        before = site.count("registrations_seats")
        rates: list[float] = []
        shares: list[float] = []
        clients: list[float] = []
        latencies: list[tuple[float, float]] = []
        windows = self.plan.registration_windows
        lengths = [self.plan.warm_up, *(each for _ in range(windows) for each in (1, self.plan.window))]
        for number, seconds in enumerate(lengths):
            # Every second run counts; those between them warm up.
            counts = number > 0 and number % 2 == 0
            self.tell(f"registrations: window {max(1, number // 2)} of {windows}")
            with _share_of(portal.program, shares if counts else []):
                found = wrk.register(portal.url, seconds, people, slugs, offset)
            portal.program.assert_running()
            if found.wrong:
                msg = f"{found.wrong} of {found.answers} registrations were not answered with 303 to /my-events "
                raise BenchError(f"{msg}(the last one: {found.last_wrong})")
            answered += found.answers
            offset += found.answers + 2 * wrk.CONNECTIONS  # past what was under way when it was cut off
            if counts:
                rates.append(found.rate)
                latencies.append((found.p50, found.p99))
                clients.append(found.client_share)
        kept = site.count("registrations_seats") - before
        if not answered <= kept <= answered + len(lengths) * wrk.CONNECTIONS:
            msg = f"{answered} registrations were answered, and {kept} are in the data"
            raise BenchError(msg)
        notes = {
            "p50 ms": statistics.median(each[0] for each in latencies),
            "p99 ms": statistics.median(each[1] for each in latencies),
            "all answered": float(answered),
            "wrk's share of a core": statistics.median(clients),
        }
        if shares:
            notes |= _by_processor(statistics.median(rates), statistics.median(shares))
        return Figure("registrations", "/s", tuple(rates), Target("at least", 1500), notes)

    def _orders(self, fest: Fest, portal: Served) -> Figure:
        """Whole orders, from the hold to the code on the ticket."""
        plan = self.plan
        plan_file, answer_file = self.site.scratch / "buyers.json", self.site.scratch / "buyers.log"
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
        self.tell(f"whole orders: {BUYERS} people at once, {plan.order_seconds} seconds")
        words = [sys.executable, "-m", "bench.buyers", str(plan_file)]
        shares: list[float] = []
        with running(words, log_file=answer_file, folder=ROOT) as buyers:
            time.sleep(plan.order_warm_up + 1)
            with _share_of(portal.program, shares):
                time.sleep(plan.order_seconds - 1)
            code = buyers.wait(PATIENCE)
            left = waiting(portal)
        if code:
            raise BenchError(f"An order went wrong:\n{buyers.log_tail()}")
        result = json.loads(answer_file.read_text(encoding="utf-8"))
        paid = self.site.count("checkout_orders WHERE state = 'paid'")
        if paid < result["all_orders"]:
            msg = f"{result['all_orders']} people were told that they have paid, and {paid} orders are"
            raise BenchError(msg)
        notes = {
            "orders counted": result["orders"],
            "requests each": result["requests"],
            "p50 s": result["seconds_whole"]["p50"],
            "p99 s": result["seconds_whole"]["p99"],
            "payment to ticket p50 s": result["seconds_to_ticket"]["p50"],
            "payment to ticket p99 s": result["seconds_to_ticket"]["p99"],
            "emails still to be written": left["mail_waiting"],
            "facts still to be told": left["facts_waiting"],
            "client's share of a core": result["client_share"],
        }
        if shares:
            notes |= _by_processor(result["orders"] / plan.order_seconds, shares[0])
        return Figure("whole orders", "/s", tuple(result["per_part"]), Target("at least", 200), notes)

    def _cold_starts(self) -> Figure:
        """From spawning the process to the first 200 of /events, over the data that is there by now."""
        took = []
        for number in range(self.plan.cold_starts):
            self.tell(f"cold start {number + 1} of {self.plan.cold_starts}")
            began = time.perf_counter()
            with self.site.portal("/events"):
                took.append(time.perf_counter() - began)
        return Figure("cold start to the first 200", "s", tuple(took), Target("at most", 2))


def _by_processor(rate: float, share: float) -> dict[str, float]:
    """What the rate would be if the portal had had a core to itself."""
    return {"portal's share of a core": share, "by processor time /s": rate / share}


@contextmanager
def _share_of(program: Program, shares: list[float]) -> Iterator[None]:
    """Adds the share of a core that the program used during the block, where the system tells."""
    before, began = program.cpu_seconds(), time.perf_counter()
    yield
    after, took = program.cpu_seconds(), time.perf_counter() - began
    if before is not None and after is not None:
        shares.append((after - before) / took)
