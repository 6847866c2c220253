"""Options that the commands of the rehearsal share, and the checks of their values."""

import re
import signal
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from festgate.rehearsal.stats.limits import MAX_MACHINE_RATE, MAX_MACHINE_USERS
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
MAX_PORT = 65_535
Format: TypeAlias = Annotated[
    Literal["text", "markdown", "json", "junit", "github"],
    typer.Option(
        "--format", help="Format of the report on standard output; github: annotations of a workflow."
    ),
]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder of the kept runs.")]
LocustArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[-- OPTION...]",
        help="Options of the locustfile's own, and the user classes to run, as for locust: -- --tenant acme Buyer.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tags", help="Run only tasks with this tag; may be repeated, as --exclude-tags."),
]
ExcludeTags = Annotated[
    list[str] | None, typer.Option("--exclude-tags", help="Leave out the tasks with this tag.")
]
Stages = Annotated[
    str,
    typer.Option(
        help="A load that changes, in place of --users or --rate: '2m:200, 5m:1000, 1m:0' grows to 200 users in 2"
        " minutes and to 1,000 in 5, and ends with none; '2m:20/s, 5m:20/s' are arrivals. '0s:50' is a step."
    ),
]
Workers = Annotated[
    int, typer.Option(min=1, help="Load generator processes, each with an equal share of the load.")
]


_STAGE = re.compile(r"\s*(?P<duration>[^:]+):\s*(?P<to>\d+(?:\.\d+)?)\s*(?P<unit>/s|/min)?\s*")
_PER_SECOND = {"": 1.0, "/s": 1.0, "/min": 1 / 60}


def find_run(name: str, runs: Path) -> "Run":
    """Return the run with that name, or in that folder; end the command if there is none."""
    from festgate.rehearsal.runs.store import NoSuchRun, read_run  # noqa: PLC0415

    folder = runs / name
    try:
        return read_run(folder if folder.is_dir() else Path(name))
    except NoSuchRun as error:
        fail(str(error))


def make_load(users: int | None, spawn_rate: float | None, rate: float | None, *, constant: bool) -> "Load":
    """Return an open loop if a rate is given, else a closed loop, of ten users by default."""
    from festgate.rehearsal.runs.plan import MAX_USERS, Rate, Users  # noqa: PLC0415

    if rate is not None:
        if spawn_rate is not None:
            fail("--spawn-rate is for a closed loop; in an open loop, --rate determines the arrivals.")
        return Rate(rate, "constant" if constant else "poisson", users or MAX_USERS)
    if constant:
        fail("--constant is for an open loop: give a --rate as well.")
    count = users or 10
    return Users(count, spawn_rate or float(count))


def choose_load(
    stages: str, users: int | None, spawn_rate: float | None, rate: float | None, *, constant: bool
) -> "Load":
    """Return the load of the stages, if there are any, or else a steady one; end the command if both are given."""
    if not stages:
        return make_load(users, spawn_rate, rate, constant=constant)
    if rate is not None or spawn_rate is not None:
        fail("--stages determine the load: leave out --rate and --spawn-rate.")
    return make_staged_load(stages, users, constant=constant)


def make_staged_load(text: str, users: int | None, *, constant: bool) -> "Load":
    """Return the load of stages such as `2m:200, 5m:1000/s`; end the command for anything else."""
    from festgate.rehearsal.runs.plan import MAX_USERS, Rate, Users  # noqa: PLC0415
    from festgate.rehearsal.runs.stages import Stage, seconds_of  # noqa: PLC0415

    stages, units = [], set()
    for part in text.split(","):
        match = _STAGE.fullmatch(part)
        if match is None:
            fail(
                f"--stages: {part.strip()!r} is not a stage: write DURATION:USERS or DURATION:RATE/s, as 2m:200."
            )
        unit = match["unit"] or ""
        stages.append(Stage(parse_seconds(match["duration"]), float(match["to"]) * _PER_SECOND[unit]))
        # 0 is the same in every unit.
        units |= {unit} if unit or stages[-1].to else set()
    highest = max(stage.to for stage in stages)
    if "" in units and len(units) > 1:
        fail(
            f"--stages {text!r} has users and arrivals: give each stage the unit /s or /min, or none of them."
        )
    if not highest or not seconds_of(stages):
        fail(f"--stages {text!r} has no load: give a stage some time, and users or arrivals.")
    if "" not in units:
        arrivals: Literal["poisson", "constant"] = "constant" if constant else "poisson"
        return Rate(highest, arrivals, users or MAX_USERS, stages=tuple(stages))
    if constant:
        fail("--constant is for an open loop: give the stages rates, as 2m:20/s.")
    if users is not None:
        fail("--users and --stages both determine the number of users. Leave out one of them.")
    fraction = next((stage.to for stage in stages if stage.to != int(stage.to)), None)
    if fraction is not None:
        fail(f"--stages {text!r}: {fraction:g} is not a number of users. Rates have the unit /s or /min.")
    return Users(int(highest), highest, stages=tuple(stages))


def make_times(
    load: "Load", duration: str, warm_up: str, defaults: tuple[str, str] = ("60s", "10s")
) -> tuple[float, float]:
    """Return the measured time and the warm-up, which is the beginning of the stages if there are any."""
    from festgate.rehearsal.runs.stages import seconds_of  # noqa: PLC0415

    if not load.stages:
        return parse_seconds(duration or defaults[0]), parse_seconds(warm_up or defaults[1])
    if duration:
        fail("--stages determine the duration: leave out --duration.")
    whole, cut = seconds_of(load.stages), parse_seconds(warm_up or "0s")
    if cut >= whole:
        fail(f"--warm-up {warm_up}: the stages end after {whole:g} s, so nothing would be measured.")
    return whole - cut, cut


def make_plan(
    journey: str,
    load: "Load",
    *,
    seed: int | None,
    machines: int = 1,
    **more: Any,  # noqa: ANN401  (fields of a plan)
) -> "Plan":
    """Return a plan for a journey's name or file, by default with a random seed.

    Ends the command for any other journey, and for a load that this number of machines cannot generate.
    """
    from festgate.rehearsal.runner.servers import new_seed  # noqa: PLC0415
    from festgate.rehearsal.runs.plan import Plan, journey_file  # noqa: PLC0415

    _check_load(load, machines)
    try:
        file = journey_file(journey)
    except FileNotFoundError as error:
        fail(str(error))
    name = journey if file.stem == journey.replace("-", "_") else str(file)
    fields: dict[str, Any] = {"host": "", **more}
    return Plan(journey=name, load=load, seed=new_seed() if seed is None else seed, **fields)


def _check_load(load: "Load", machines: int) -> None:
    if load.kind == "users":
        figures = [(load.users, "users"), (load.spawn_rate, "new users a second")]
    else:
        figures = [(load.rate, "visits a second"), (load.most_users, "users")]
    for figure, unit in figures:
        limit = machines * (MAX_MACHINE_RATE if unit == "visits a second" else MAX_MACHINE_USERS)
        if figure > limit:
            fail(
                f"{figure:,.10g} {unit} are too many for {'one machine' if machines == 1 else f'{machines} machines'}:"
                f" {limit:,} is the limit. Reduce the load, or share it among more machines with `festgate rehearse"
                " --join-at`."
            )


def locust_arguments(
    own: list[str] | None, tags: list[str] | None, exclude_tags: list[str] | None
) -> tuple[str, ...]:
    """Return the arguments for Locust's parser."""
    words = list(own or ())
    for option, values in (("--tags", tags), ("--exclude-tags", exclude_tags)):
        if values:
            words += [option, *values]
    return tuple(words)


def check_workers(plan: "Plan") -> None:
    """End the command if there are more workers than users."""
    users = plan.load.users if plan.load.kind == "users" else plan.load.most_users
    if plan.workers > users:
        fail(f"--workers {plan.workers}: there are only {users} users to share among them.")


def parse_address(option: str, text: str) -> tuple[str, int]:
    """Return host and port of `192.0.2.7:5557` or `name:5557`; end the command for anything else."""
    host, _, port = text.rpartition(":")
    if not host or ":" in host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        fail(f"{option} {text!r}: write HOST:PORT, with a name or an IPv4 address.")
    return host, int(port)


def parse_seconds(text: str) -> float:
    """Return the seconds of `90`, `90s`, `5m` or `1h`; end the command for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if match is None:
        fail(f"{text!r} is not a duration: write 90s, 5m or 1h.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def check_metrics(metrics: "Iterable[Metric]", *targets: str) -> None:
    """End the command if processor time is to be measured of a server that the rehearsal does not start."""
    address = next((text for text in targets if text.startswith(("http://", "https://"))), "")
    if address and any(metric.kind == "cpu" for metric in metrics):
        fail(
            f"cpu cannot be measured of {address}: processor time is only known of a target that the rehearsal starts"
            " itself. Give a command with {port} in it, or no address for a temporary portal."
        )


def check_label(text: str) -> str:
    """Return the label; end the command if it cannot be part of a folder's name."""
    if not re.fullmatch(r"[\w.-]*", text):
        fail(
            f"--label {text!r}: use only letters, digits, `.`, `-` and `_`, as it becomes part of a folder's name."
        )
    return text


def require_extra() -> None:
    """End the command if packages are missing. From now on, SIGTERM ends what the command has started, too."""
    signal.signal(signal.SIGTERM, _interrupt)
    if find_spec("numpy") is None or find_spec("locust") is None:
        fail('The rehearsal needs more packages: pip install "festgate[rehearsal]"')


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
