"""Drill files: the built-in drills are complete, and a mistake in a file gives one sentence with place and remedy."""

from pathlib import Path

import pytest

from festgate.drills.file import FOLDER, BadDrill, drills, find_drill, read_drill
from festgate.drills.plan import Arm, Drill, Flood, HostileText, Poison, Restart, SendSignal, SlowConnections

WHOLE = """
title = "Mine"
description = "What I fear."
lasts = 4

[steady-state-hypothesis]
title = "All is well"
probes = [{ name = "ready", probe = "ready" }, { name = "list", probe = "answers", path = "/events" }]

[[method]]
name = "checkout fails"
action = "arm"
point = "module.checkout"
effect = "raise"
times = 3
share = 0.5

[[method]]
name = "a crowd"
at = 1
action = "flood"
path = "/checkout"
people = 20

[tolerance]
struck = "checkout"
noticed-within = 2
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    drill = read_drill(written(tmp_path, WHOLE))
    assert (drill.name, drill.title, drill.lasts) == ("mine", "Mine", 4.0)
    assert [activity.action for activity in drill.method] == [
        Arm("module.checkout", "raise", 0.0, 3, 0.5),
        Flood("/checkout", 20),
    ]
    assert drill.method[1].at == 1.0
    assert drill.may_affect("POST /checkout")
    assert not drill.may_affect("/events")
    assert (drill.tolerance.noticed_within, drill.needs_process) == (2.0, "")


def test_the_built_in_drills_cover_every_action_and_fault_that_they_exist_for() -> None:
    built_in = drills()
    assert len(built_in) == len(list(FOLDER.glob("*.toml")))
    actions = [activity.action for drill in built_in for activity in drill.method]
    assert {type(action) for action in actions} == {
        Arm,
        Flood,
        HostileText,
        SlowConnections,
        Poison,
        Restart,
        SendSignal,
    }
    faults = {(action.point, action.effect) for action in actions if isinstance(action, Arm)}
    assert faults >= {
        ("module.checkout", "raise"),
        ("module.checkout", "hang"),
        ("module.catalogue", "burn"),
        ("import.tickets", "raise"),
        ("database.write", "full"),
        ("payments.begin", "delay"),
        ("payments.begin", "hang"),
        ("payments.begin", "double"),
        ("payments.begin", "lie"),
        ("clock", "jump"),
    }
    assert {action.signal for action in actions if isinstance(action, SendSignal)} == {"KILL", "STOP"}
    assert {("clock", -3600.0), ("clock", 3600.0)} <= {
        (action.point, action.seconds) for action in actions if isinstance(action, Arm)
    }
    assert {Poison("mail", "down"), Poison("database", "down")} <= set(actions)


@pytest.mark.parametrize("drill", drills(), ids=lambda drill: drill.name)
def test_each_drill_has_a_description_a_steady_state_a_recovery_time_and_a_rollback(drill: Drill) -> None:
    assert find_drill(drill.name) == drill
    assert len(drill.description.split()) > 15
    assert {probe.probe for probe in drill.steady_state.probes} >= {"ready", "check"}
    assert drill.tolerance.recovered_within > 0
    armed = any(isinstance(activity.action, Arm) for activity in drill.method)
    assert bool(drill.rollbacks) or not armed


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        ('title = "Mine"\n', "", "mine.toml: title is missing; add the key title."),
        ("lasts = 4", "lasts = -1", "mine.toml, lasts: -1 is too small; write at least 0."),
        ("lasts = 4", "lats = 4", "mine.toml: lats is not a known key. Did you mean lasts?"),
        (
            "[steady-state-hypothesis]",
            "[steady]",
            "steady-state-hypothesis is missing; begin it with [steady-state-hypothesis].",
        ),
        ('probe = "ready"', 'probe = "redy"', 'probes 1, probe: "redy" is unknown. Did you mean ready?'),
        ('path = "/events"', 'path = "events"', "begin it with /"),
        ('action = "arm"', 'action = "am"', 'method 1, action: "am" is unknown. Did you mean arm?'),
        (
            '"module.checkout"',
            '"modul.checkout"',
            'method 1, point: "modul.checkout" is unknown. Did you mean module.checkout?',
        ),
        (
            'effect = "raise"',
            'effect = "explode"',
            'method 1, effect: "explode" is unknown. Use one of raise, delay, hang,',
        ),
        ("share = 0.5", "share = 5", "method 1, share: 5 is too large; write at most 1."),
        ("times = 3", "times = 0", "method 1, times: 0 is too small; write at least 1."),
        ("people = 20", "people = 20000", "method 2, people: 20000 is too large; write at most 1000."),
        ("at = 1", "at = 9", "'a crowd' begins at 9 s, but the drill lasts 4 s; make lasts longer."),
        (
            'struck = "checkout"',
            'struck = "chekout"',
            'tolerance, struck: "chekout" is unknown. Did you mean checkout?',
        ),
        (
            "noticed-within = 2",
            "notice-within = 2",
            "mine.toml, tolerance: notice-within is not a known key. Did you mean noticed-within?",
        ),
        (
            "[tolerance]",
            "[[tolerance]]",
            "mine.toml, tolerance: this is not a table; begin it with [tolerance].",
        ),
        ('title = "Mine"', "title = Mine", "mine.toml is not valid TOML"),
        ("lasts = 4", "lasts = true", "mine.toml, lasts: true is not a number; write lasts = 2.5."),
        ("lasts = 4", "lasts = nan", "mine.toml, lasts: nan is not a number"),
        ("lasts = 4", 'tags = "all"', "mine.toml, tags: this is not a list; write tags = [...]."),
        ("lasts = 4", "tags = [1]", "mine.toml, tags 1: 1 is not text; put it in quotes."),
        ("lasts = 4", 'path = "x"', "mine.toml: path is not a known key. Use one of title, description,"),
        ('title = "Mine"', 'title = " "', "mine.toml, title: the text is empty; write some text"),
        ("times = 3", "times = 1.5", "method 1, times: 1.5 is not a whole number; write times = 1."),
        ("times = 3", "seconds = -1", "method 1: seconds is -1; write a number from 0 to 600."),
        ('action = "arm"\n', "", "mine.toml, method 1: action is missing; add the key action."),
        ('name = "a crowd"\n', "", "mine.toml, method 2: name is missing; add the key name."),
        ('point = "module', 'pont = "module', "method 1: pont is not a known key. Did you mean point?"),
        ('path = "/events"', 'path = "events"', "probes 2: path = 'events' is not a path of the portal"),
        ('probe = "ready"', 'probe = "ready", path = "/"', "remove it from the probe 'ready'."),
        (
            '[{ name = "ready"',
            '[3, { name = "ready"',
            "probes 1: this is not a table; begin it with [probes].",
        ),
        ("[[method]]", "[method]", "is not valid TOML"),
    ],
)
def test_each_mistake_is_reported_with_its_place_and_its_remedy(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in WHOLE
    with pytest.raises(BadDrill) as caught:
        read_drill(written(tmp_path, WHOLE.replace(old, new)))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("mine.toml")


def test_a_bandwidth_of_zero_and_an_unknown_drill_are_refused(tmp_path: Path) -> None:
    poison = WHOLE.replace(
        'action = "flood"\npath = "/checkout"\npeople = 20', 'action = "poison"\nproxy = "mail"\n'
    )
    narrow = written(tmp_path, poison.replace('"mail"\n', '"mail"\ntoxic = "bandwidth"\nrate = 0\n'))
    with pytest.raises(BadDrill, match="use the toxic `down`"):
        read_drill(narrow)
    with pytest.raises(BadDrill, match=r"no drill checkout-raise\. Did you mean checkout-raises\?"):
        find_drill("checkout-raise")
    with pytest.raises(BadDrill, match=r"missing\.toml cannot be read"):
        find_drill(str(tmp_path / "missing.toml"))
