"""Reading a drill from its file (TOML), with a sentence for each thing that is wrong with it."""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, get_args

from festgate.drills.plan import (
    MODULES,
    Action,
    Arm,
    Cleanse,
    Disarm,
    Drill,
    Flood,
    HostileText,
    Manner,
    Poison,
    Probe,
    ProbeKind,
    Restart,
    Setup,
    SlowConnections,
    Step,
    Strike,
    Tolerance,
)
from festgate.drills.proxy import KINDS, Toxic
from festgate.effects import EFFECTS, MAX_ARMED_SECONDS

FOLDER: Final = Path(__file__).parent / "plans"
MAX_PEOPLE: Final = 1_000
"""Of a flood, and of slow clients."""
MAX_WORKERS: Final = 8
MAX_HOSTILE: Final = 10_000
"""Requests of a hostile client."""
FARTHEST: Final = 366 * 86_400.0
"""Seconds that the clock may jump, ahead or back."""
POINTS: Final = (
    *(f"{kind}.{module}" for kind in ("module", "import", "outbox") for module in MODULES),
    *("database.read", "database.write", "mail.send", "payments.begin", "payments.look_up", "clock", "loop"),
)
"""Where the portal's code can be made to fail."""


class BadDrill(Exception):
    """A drill that cannot be read; the sentence says where, what, and what to do."""


@dataclass(frozen=True)
class _Table:
    """One table of the file, whose keys are taken one by one; what is left over at the end is a mistake."""

    where: str
    """`checkout-raises.toml, method 1`."""
    values: dict[str, Any]

    def refuse(self, what: str) -> NoReturn:
        msg = f"{self.where}: {what}"
        raise BadDrill(msg)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default, f'write {key} = "..."')
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.refuse(f'{key} is {value!r}; write it as text: {key} = "..."')
        return " ".join(value.split())

    def number(
        self, key: str, default: float | None = None, *, least: float = 0.0, most: float = MAX_ARMED_SECONDS
    ) -> float:
        value = self._take(key, default, f"write {key} = 2.5")
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.refuse(f"{key} is {value!r}; write a number from {least:g} to {most:g}")
        return float(value)

    def count(self, key: str, default: int | None, most: int) -> int:
        value = self._take(key, default, f"write {key} = 1")
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            self.refuse(f"{key} is {value!r}; write a whole number from 1 to {most}")
        return value

    def flag(self, key: str) -> bool:
        value = self._take(key, default=False, remedy="")
        if not isinstance(value, bool):
            self.refuse(f"{key} is {value!r}; write true or false")
        return value

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        value, known = self.text(key, default), tuple(choices)
        if value not in known and value != default:
            self.refuse(f"{key} = {value!r} is unknown{_nearest(value, known)}. There are {', '.join(known)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [], "")
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.refuse(f'{key} is {value!r}; write a list of texts: {key} = ["...", "..."]')
        return tuple(value)

    def table(self, key: str, *, needed: bool = False) -> "_Table":
        value = self._take(key, None if needed else {}, f"begin it with [{key}]")
        if not isinstance(value, dict):
            self.refuse(f"{key} is no table; begin it with [{key}]")
        return _Table(f"{self.where}, {key}", dict(value))

    def tables(self, key: str, *, needed: bool = True) -> list["_Table"]:
        value = self._take(key, None if needed else [], f"begin each entry with [[{key}]]")
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.refuse(f"{key} is no list of tables; begin each entry with [[{key}]]")
        if needed and not value:
            self.refuse(f"{key} is empty; write at least one [[{key}]]")
        return [
            _Table(f"{self.where}, {key} {number}", dict(each)) for number, each in enumerate(value, start=1)
        ]

    def done(self, known: Iterable[str]) -> None:
        """Refuse what nobody asked for."""
        for key in self.values:
            self.refuse(f"nothing here is called {key}{_nearest(key, tuple(known))}")

    def _take(self, key: str, default: object, remedy: str) -> Any:  # noqa: ANN401  (whatever the file has)
        if key not in self.values and default is None:
            self.refuse(f"{key} is lacking; {remedy}")
        return self.values.pop(key, default)


def drills() -> list[Drill]:
    """Those that come with Festgate, by name."""
    return [read_drill(path) for path in sorted(FOLDER.glob("*.toml"))]


def find_drill(name: str) -> Drill:
    """One that comes with Festgate, by its name, or the one in a file. Raises BadDrill."""
    ours = FOLDER / f"{name}.toml"
    if "/" not in name and "\\" not in name and ours.is_file():
        return read_drill(ours)
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_drill(path)
    known = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    msg = f"There is no drill {name}{_nearest(name, known)}. `festgate drill list` shows them; a file ends in .toml."
    raise BadDrill(msg)


def read_drill(path: Path) -> Drill:
    """The drill in a file. Raises BadDrill."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise BadDrill(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not TOML: {error}."
        raise BadDrill(msg) from None
    root = _Table(path.name, values)
    title, description = root.text("title"), root.text("description")
    tags, lasts, settle = root.texts("tags"), root.number("lasts", 8.0), root.number("settle", 0.0)
    setup = _setup(root.table("configuration"))
    hypothesis, probes = _hypothesis(root.table("steady-state-hypothesis", needed=True))
    method = tuple(_step(table) for table in root.tables("method"))
    rollbacks = tuple(_step(table) for table in root.tables("rollbacks", needed=False))
    tolerance = _tolerance(root.table("tolerance", needed=True))
    root.done(
        (
            *("title", "description", "tags", "lasts", "settle", "configuration"),
            *("steady-state-hypothesis", "method", "rollbacks", "tolerance"),
        )
    )
    late = next((step for step in method if step.at >= lasts), None)
    if late is not None:
        root.refuse(
            f"{late.name!r} is to be done after {late.at:g} s, and the drill lasts {lasts:g} s; lengthen it"
        )
    return Drill(
        name=path.stem,
        title=title,
        description=description,
        hypothesis=hypothesis,
        probes=probes,
        method=method,
        rollbacks=rollbacks,
        tolerance=tolerance,
        lasts=lasts,
        settle=settle,
        setup=setup,
        tags=tags,
        path=path,
    )


def _setup(table: _Table) -> Setup:
    made = Setup(table.count("workers", 1, MAX_WORKERS), table.flag("mail"), table.flag("database"))
    table.done(("workers", "mail", "database"))
    return made


def _hypothesis(table: _Table) -> tuple[str, tuple[Probe, ...]]:
    title = table.text("title")
    probes = []
    for each in table.tables("probes"):
        kind: ProbeKind = each.choice("probe", get_args(ProbeKind))  # type: ignore[assignment]
        path = each.text("path") if kind == "answers" else ""
        if path and not path.startswith("/"):
            each.refuse(f"path = {path!r} is no address of the portal; begin it with /")
        probes.append(Probe(each.text("name"), kind, path))
        each.done(("name", "probe", "path"))
    table.done(("title", "probes"))
    return title, tuple(probes)


def _step(table: _Table) -> Step:
    name, at = table.text("name"), table.number("at", 0.0)
    kind = table.choice("action", ACTIONS)
    action = ACTIONS[kind](table)
    table.done(("name", "at", "action", *_KEYS.get(kind, ())))
    return Step(name, action, at)


def _arm(table: _Table) -> Arm:
    point = table.choice("point", POINTS)
    effect = table.choice("effect", EFFECTS)
    times = table.count("times", None, 1_000_000) if "times" in table.values else None
    jump = effect == "jump"
    seconds = table.number(
        "seconds", 0.0, least=-FARTHEST if jump else 0.0, most=FARTHEST if jump else MAX_ARMED_SECONDS
    )
    return Arm(point, effect, seconds, times, table.number("share", 1.0, most=1.0))  # type: ignore[arg-type]


def _strike(table: _Table) -> Strike:
    return Strike(table.choice("signal", ("KILL", "STOP", "TERM")))  # type: ignore[arg-type]


def _flood(table: _Table) -> Flood:
    return Flood(table.text("path"), table.count("people", None, MAX_PEOPLE))


def _hostile_text(table: _Table) -> HostileText:
    return HostileText(table.count("requests", None, MAX_HOSTILE))


def _slow_clients(table: _Table) -> SlowConnections:
    return SlowConnections(table.count("count", None, MAX_PEOPLE))


def _poison(table: _Table) -> Poison:
    proxy = table.choice("proxy", ("mail", "database"))
    kind = table.choice("toxic", KINDS)
    seconds, jitter = table.number("seconds", 0.0), table.number("jitter", 0.0)
    rate = table.number("rate", None if kind == "bandwidth" else 0.0, most=1e9)
    if kind == "bandwidth" and not rate:
        table.refuse("rate is 0; write how many bytes a second may pass, or use the toxic `down`")
    return Poison(proxy, Toxic(kind, seconds, jitter, rate))  # type: ignore[arg-type]


def _nothing(kind: type[Action], _table: _Table) -> Action:
    return kind()  # type: ignore[call-arg]


ACTIONS: Final[Mapping[str, Callable[[_Table], Action]]] = {
    "arm": _arm,
    "disarm": partial(_nothing, Disarm),
    "restart": partial(_nothing, Restart),
    "signal": _strike,
    "flood": _flood,
    "hostile-text": _hostile_text,
    "slow-clients": _slow_clients,
    "poison": _poison,
    "cleanse": partial(_nothing, Cleanse),
}
"""What can be done, by its name in a file."""
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "arm": ("point", "effect", "seconds", "times", "share"),
    "signal": ("signal",),
    "flood": ("path", "people"),
    "hostile-text": ("requests",),
    "slow-clients": ("count",),
    "poison": ("proxy", "toxic", "seconds", "jitter", "rate"),
}


def _tolerance(table: _Table) -> Tolerance:
    struck = table.choice("struck", MODULES, "")
    manner = table.choice("manner", get_args(Manner), "resting")
    noticed = table.number("noticed-within") if "noticed-within" in table.values else None
    made = Tolerance(
        struck=struck or None,  # type: ignore[arg-type]
        harmed=table.texts("harmed"),
        waiting=table.texts("may-wait"),
        manner=manner,  # type: ignore[arg-type]
        noticed=noticed,
        contained=table.number("contained-within", 0.0),
        recovered=table.number("recovered-within", 10.0),
    )
    table.done(
        ("struck", "harmed", "may-wait", "manner", "noticed-within", "contained-within", "recovered-within")
    )
    return made


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""
