"""The run: prepare a fest, start the servers, measure each figure, and prove that the data is right afterwards."""

import asyncio
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import wrk
from bench.alternation import Side, ratios, turns
from bench.crowd import Fest, prepare
from bench.figures import Figure, Target
from bench.processes import (
    PATIENCE,
    BenchError,
    Program,
    clean_environment,
    fetch,
    free_port,
    running,
    wait_for,
)
from festgate.settings import Settings

Tell = Callable[[str], None]
"""Shows what is being done now."""

ROOT = Path(__file__).parent.parent
BUYERS = 32
"""People who are on their way to a ticket at the same time."""
MOST_REGISTRATIONS = 12_000
MOST_ORDERS = 800
"""A second, that the crowd is large enough for."""
REGISTER_EACH = 8
"""Seats that one person of the crowd takes at most while registrations are measured."""
NEAR = 0.97
"""Of the bytes that an answer must have: a countdown or a name may be a few letters shorter."""


@dataclass(frozen=True)
class Plan:
    """How long and how often. Times in seconds."""

    pairs: int
    window: int
    warm_up: int
    registration_windows: int
    order_warm_up: int
    order_seconds: int
    order_parts: int
    cold_starts: int

    @property
    def registrants(self) -> int:
        """People who may register, so that no pair of person and event has to come twice."""
        seconds = (self.window + self.warm_up) * self.registration_windows + self.warm_up
        return MOST_REGISTRATIONS * seconds // REGISTER_EACH

    @property
    def buyers(self) -> int:
        """People who may buy: one order each."""
        return MOST_ORDERS * (self.order_warm_up + self.order_seconds)


FULL = Plan(
    pairs=6,
    window=4,
    warm_up=1,
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
    registration_windows=1,
    order_warm_up=1,
    order_seconds=4,
    order_parts=2,
    cold_starts=2,
)


@dataclass
class Run:
    """One run over one scratch folder."""

    scratch: Path
    plan: Plan
    tell: Tell

    @property
    def settings(self) -> Settings:
        """The portal's: everything as it comes, but for play money and one address."""
        return Settings(data_dir=self.scratch / "data", host=("127.0.0.1",), payment_methods=("sandbox",))

    def figures(self) -> list[Figure]:
        """Every figure of the table, in its order. Raises BenchError."""
        wrk.find()
        plan = self.plan
        self.tell("Preparing a fest: 200 events, their visitors and a crowd")
        fest = asyncio.run(prepare(self.settings, plan.registrants + plan.buyers))
        self._write("visitors", fest.visitors)
        self._write("registrants", fest.crowd[: plan.registrants])
        self._write("slugs", fest.wide)
        with self._portal() as (portal, port):
            self._come_to_rest(port)
            found = list(self._pages(fest, portal, port))
            found.append(self._registrations(portal, port))
            self._come_to_rest(port)
            found.append(self._orders(fest, portal, port))
            self._come_to_rest(port)
            found.append(
                Figure(
                    "resident memory after the load",
                    "MB",
                    (portal.resident_megabytes(),),
                    Target("at most", 130),
                )
            )
        self._check()
        found.append(self._cold_starts())
        return found

    # The servers.

    @property
    def _environment(self) -> Mapping[str, str]:
        settings = self.settings
        return {
            "FESTGATE_DATA_DIR": str(settings.data_dir),
            "FESTGATE_HOST": ",".join(settings.host),
            "FESTGATE_PAYMENT_METHODS": ",".join(settings.payment_methods),
        }

    @contextmanager
    def _portal(self) -> Iterator[tuple[Program, int]]:
        """`festgate serve` as its users run it: one process; ready, and ended at the end of the block."""
        port = free_port()
        with running(
            [sys.executable, "-m", "festgate", "serve", "--port", str(port)],
            log_file=self.scratch / "portal.log",
            environment=self._environment,
            # A festgate.toml where the benchmark is started is not for this fest.
            folder=self.scratch,
        ) as program:
            wait_for(program, port, "/readyz")
            yield program, port

    @contextmanager
    def _bare(self, pages: Mapping[str, tuple[bytes, Mapping[str, str]]]) -> Iterator[tuple[Program, int]]:
        """The bare app with the bodies and headers of `pages`."""
        port = free_port()
        listed = {}
        for number, (path, (body, headers)) in enumerate(pages.items()):
            (self.scratch / f"page-{number}").write_bytes(body)
            listed[path] = {"file": f"page-{number}", "headers": dict(headers)}
        index = self.scratch / "pages.json"
        index.write_text(json.dumps(listed), encoding="utf-8")
        with running(
            [sys.executable, "-m", "bench.bare", str(port), str(index)],
            log_file=self.scratch / "bare.log",
            folder=ROOT,
        ) as program:
            wait_for(program, port, next(iter(pages)))
            yield program, port

    # The figures.

    def _pages(self, fest: Fest, portal: Program, port: int) -> Iterator[Figure]:
        """The pages as ratios to the bare route."""
        html = {"content-type": "text/html; charset=utf-8"}
        gzip = {**html, "content-encoding": "gzip"}
        events = self._page(port, "/events", fest.visitors[0])
        mine = self._page(port, "/my-events", fest.visitors[0])
        if mine.count(b"/tickets/") < 3:
            msg = "/my-events does not show the three tickets of its visitor"
            raise BenchError(msg)
        zipped = self._page(port, "/events", fest.visitors[0], "gzip")
        pages = {"/events": (events, html), "/my-events": (mine, html), "/events.gz": (zipped, gzip)}
        with self._bare(pages) as (bare, bare_port):
            programs: dict[Side, tuple[Program, int]] = {"portal": (portal, port), "bare": (bare, bare_port)}
            yield self._page_figure(
                programs, "/events", "/events", len(events), target=Target("at least", 0.5)
            )
            yield self._page_figure(
                programs, "/my-events", "/my-events", len(mine), target=Target("at least", 0.25)
            )
            yield self._page_figure(programs, "/events", "/events.gz", len(zipped), encoding="gzip")

    def _page_figure(
        self,
        programs: Mapping[Side, tuple[Program, int]],
        path: str,
        bare_path: str,
        size: int,
        *,
        target: Target | None = None,
        encoding: str | None = None,
    ) -> Figure:
        name = f"{path} beside the bare route" + (", compressed" if encoding else "")
        tokens = self.scratch / "visitors"
        counts: dict[Side, list[wrk.Counts]] = {"portal": [], "bare": []}
        shares: dict[Side, list[float]] = {"portal": [], "bare": []}
        for number, pair in enumerate(turns(self.plan.pairs), 1):
            for side in pair:
                self.tell(f"{name}: pair {number} of {self.plan.pairs}, {side}")
                program, port = programs[side]
                url = f"http://127.0.0.1:{port}{path if side == 'portal' else bare_path}"
                wrk.visit(url, self.plan.warm_up, tokens, encoding)
                with _share_of(program, shares[side]):
                    found = wrk.visit(url, self.plan.window, tokens, encoding)
                program.assert_running()
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

    def _registrations(self, portal: Program, port: int) -> Figure:
        """Paid holds by many people, each pair of person and event once."""
        url, answered, offset = f"http://127.0.0.1:{port}", 0, 0
        before = self._count("registrations_seats")
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
            with _share_of(portal, shares if counts else []):
                found = wrk.register(
                    url, seconds, self.scratch / "registrants", self.scratch / "slugs", offset
                )
            portal.assert_running()
            if found.wrong:
                msg = f"{found.wrong} of {found.answers} registrations were not answered with 303 to /my-events "
                raise BenchError(f"{msg}(the last one: {found.last_wrong})")
            answered += found.answers
            offset += found.answers + 2 * wrk.CONNECTIONS  # past what was under way when it was cut off
            if counts:
                rates.append(found.rate)
                latencies.append((found.p50, found.p99))
                clients.append(found.client_share)
        kept = self._count("registrations_seats") - before
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
            notes["portal's share of a core"] = statistics.median(shares)
        return Figure("registrations", "/s", tuple(rates), Target("at least", 1500), notes)

    def _orders(self, fest: Fest, portal: Program, port: int) -> Figure:
        """Whole orders, from the hold to the code on the ticket."""
        plan = self.plan
        plan_file, answer_file = self.scratch / "buyers.json", self.scratch / "buyers.log"
        plan_file.write_text(
            json.dumps(
                {
                    "port": port,
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
            with _share_of(portal, shares):
                time.sleep(plan.order_seconds - 1)
            code = buyers.wait(PATIENCE)
            waiting = _waiting(port)
        if code:
            raise BenchError(f"An order went wrong:\n{buyers.log_tail()}")
        result = json.loads(answer_file.read_text(encoding="utf-8"))
        paid = self._count("checkout_orders WHERE state = 'paid'")
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
            "letters still to be written": waiting["mail_waiting"],
            "facts still to be told": waiting["facts_waiting"],
            "client's share of a core": result["client_share"],
        }
        if shares:
            notes["portal's share of a core"] = shares[0]
        return Figure("whole orders", "/s", tuple(result["per_part"]), Target("at least", 200), notes)

    def _cold_starts(self) -> Figure:
        """From spawning the process to the first 200 of /events, over the data that is there by now."""
        took = []
        for number in range(self.plan.cold_starts):
            self.tell(f"cold start {number + 1} of {self.plan.cold_starts}")
            port = free_port()
            began = time.perf_counter()
            with running(
                [sys.executable, "-m", "festgate", "serve", "--port", str(port)],
                log_file=self.scratch / "cold.log",
                environment=self._environment,
                folder=self.scratch,
            ) as program:
                wait_for(program, port, "/events")
                took.append(time.perf_counter() - began)
        return Figure("cold start to the first 200", "s", tuple(took), Target("at most", 2))

    def _check(self) -> None:
        """`festgate check` has to be clean: a figure that broke a rule is none."""
        self.tell("festgate check")
        done = subprocess.run(
            [sys.executable, "-m", "festgate", "check"],
            env=clean_environment(self._environment),
            cwd=self.scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"After the load `festgate check` is not clean:\n{done.stdout}{done.stderr}")

    # What they stand on.

    def _page(self, port: int, path: str, token: str, encoding: str = "") -> bytes:
        headers = {"cookie": f"festgate_session={token}"} | (
            {"accept-encoding": encoding} if encoding else {}
        )
        status, body = fetch(port, path, headers)
        if status != 200 or (encoding == "") != body.startswith(b"<!"):
            msg = f"{path} was answered with {status} and {len(body)} bytes that are not the page"
            raise BenchError(msg)
        return body

    def _come_to_rest(self, port: int) -> None:
        """Until every fact is told and every letter written, so that no figure pays for the one before it."""
        self.tell("waiting until every ticket is made and every letter written")
        deadline = time.monotonic() + PATIENCE * 5
        while time.monotonic() < deadline:
            if not any(_waiting(port).values()):
                return
            time.sleep(0.2)
        msg = f"Facts or letters still wait: {_waiting(port)}"
        raise BenchError(msg)

    def _count(self, where: str) -> int:
        """Rows, seen from outside the portal."""
        connection = sqlite3.connect(f"file:{self.settings.sqlite_path}?mode=ro", uri=True)
        try:
            return int(connection.execute(f"SELECT count(*) FROM {where}").fetchone()[0])  # noqa: S608  (our own)
        finally:
            connection.close()

    def _write(self, name: str, lines: Sequence[str]) -> None:
        (self.scratch / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _waiting(port: int) -> dict[str, float]:
    """Facts and letters that wait, as /metrics tells."""
    text = fetch(port, "/metrics")[1].decode()
    return {
        name: float(value)
        for name, value in re.findall(r'^festgate_state\{what="(\w+_waiting)"\} (\S+)', text, re.MULTILINE)
    }


@contextmanager
def _share_of(program: Program, shares: list[float]) -> Iterator[None]:
    """Adds the share of a core that the program used during the block, where the system tells."""
    before, began = program.cpu_seconds(), time.perf_counter()
    yield
    after, took = program.cpu_seconds(), time.perf_counter() - began
    if before is not None and after is not None:
        shares.append((after - before) / took)
