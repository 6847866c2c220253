"""What the commands of the rehearsal have in common: how times and loads are written, and how they say no."""

import re
import signal
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from festgate.terminal import fail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from festgate.rehearsal.runs.plan import Load, Plan
    from festgate.rehearsal.runs.store import Run
    from festgate.rehearsal.stats.metrics import Metric

BROKEN = 1
INTERRUPTED = 130
"""Exit codes: a threshold is broken; Ctrl-C."""
RUNS = Path("festgate-runs")
LAST_PORT = 65_535
FORMATS = ("text", "markdown", "json", "junit")
RunsFolder = Annotated[Path, typer.Option("--runs", help="Where runs are kept.")]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes that send, each with an equal share of the load.")
]


def find_run(name: str, runs: Path) -> "Run":
    """The run of that name, or in that folder; or the end, with a sentence."""
    from festgate.rehearsal.runs.store import NoSuchRun, read_run  # noqa: PLC0415

    folder = runs / name
    try:
        return read_run(folder if folder.is_dir() else Path(name))
    except NoSuchRun as error:
        fail(str(error))


def load_of(users: int | None, spawn_rate: float | None, rate: float | None, *, constant: bool) -> "Load":
    """An open loop where there is a rate, else a closed one, of ten people where nothing is said."""
    from festgate.rehearsal.runs.plan import MAX_USERS, Rate, Users  # noqa: PLC0415

    if rate is not None:
        if spawn_rate is not None:
            fail("--spawn-rate is for a closed loop; in an open one people come by --rate.")
        return Rate(rate, "constant" if constant else "poisson", users or MAX_USERS)
    if constant:
        fail("--constant is for an open loop: give it a --rate.")
    count = users or 10
    return Users(count, spawn_rate or float(count))


def plan_of(journey: str, load: "Load", *, seed: int | None, **more: Any) -> "Plan":  # noqa: ANN401  (fields of a plan)
    """The plan of a journey's name or file, with a seed of its own where none is given; or the end, with a sentence."""
    from festgate.rehearsal.runner.servers import new_seed  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import Plan, journey_file  # noqa: PLC0415

    try:
        file = journey_file(journey)
    except FileNotFoundError as error:
        fail(str(error))
    named = journey if file.stem == journey.replace("-", "_") else str(file)
    fields: dict[str, Any] = {"host": "", **more}
    return Plan(journey=named, load=load, seed=new_seed() if seed is None else seed, **fields)


def can_be_shared(plan: "Plan") -> None:
    """Refuse more processes than there are people."""
    most = plan.load.users if plan.load.kind == "users" else plan.load.most_users
    if plan.workers > most:
        fail(f"--workers {plan.workers}: that is more than the {most} people that they are to play.")


def address_of(option: str, text: str) -> tuple[str, int]:
    """`192.0.2.7:5557` or `name:5557`."""
    host, _, port = text.rpartition(":")
    if not host or ":" in host or not port.isdecimal() or not 0 < int(port) <= LAST_PORT:
        fail(f"{option} {text!r}: write HOST:PORT, with a name or an IPv4 address.")
    return host, int(port)


def seconds_of(text: str) -> float:
    """`90`, `90s`, `5m`, `1h`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if found is None:
        fail(f"{text!r} is no time: write 90s, 5m or 1h.")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


def can_see(metrics: "Iterable[Metric]", *targets: str) -> None:
    """Refuse the processor's time of what answers at an address: only processes started here are seen."""
    address = next((text for text in targets if text.startswith(("http://", "https://"))), "")
    if address and any(metric.kind == "cpu" for metric in metrics):
        fail(
            f"cpu cannot be measured of {address}: the processor's time is only seen where the rehearsal starts the"
            " target itself. Give a command with {port} in it, or no address for a portal of its own."
        )


def label_of(text: str) -> str:
    """The label, which is part of a folder's name."""
    if not re.fullmatch(r"[\w.-]*", text):
        fail(f"--label {text!r}: letters, digits, `.`, `-` and `_` only, as it names a folder.")
    return text


def needs_extra() -> None:
    """Say which packages are missing, where they are; and let whoever ends the program end what it started too."""
    signal.signal(signal.SIGTERM, _interrupt)
    if find_spec("numpy") is None or find_spec("locust") is None:
        fail('The rehearsal needs its extra: pip install "festgate[rehearsal]"')


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
