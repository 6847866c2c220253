"""Files of drills: those that come with Festgate are whole, and what is wrong with another is said in one sentence."""

from pathlib import Path

import pytest

from festgate.drills.file import FOLDER, BadDrill, drills, find_drill, read_drill
from festgate.drills.plan import Arm, Flood, HostileText, Poison, Restart, SlowConnections, Strike
from festgate.drills.proxy import Toxic

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
    assert [step.action for step in drill.method] == [
        Arm("module.checkout", "raise", 0.0, 3, 0.5),
        Flood("/checkout", 20),
    ]
    assert drill.method[1].at == 1.0
    assert drill.may_harm("POST /checkout")
    assert not drill.may_harm("/events")
    assert (drill.tolerance.noticed, drill.needs_process) == (2.0, "")


def test_the_set_has_every_kind_of_trouble_that_it_is_there_for() -> None:
    found = drills()
    assert len(found) == len(list(FOLDER.glob("*.toml")))
    actions = [step.action for drill in found for step in drill.method]
    assert {type(action) for action in actions} == {
        Arm,
        Flood,
        HostileText,
        SlowConnections,
        Poison,
        Restart,
        Strike,
    }
    struck = {(action.point, action.effect) for action in actions if isinstance(action, Arm)}
    assert struck >= {
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
    assert {action.signal for action in actions if isinstance(action, Strike)} == {"KILL", "STOP"}
    assert {("clock", -3600.0), ("clock", 3600.0)} <= {
        (action.point, action.seconds) for action in actions if isinstance(action, Arm)
    }
    assert {Poison("mail", Toxic("down")), Poison("database", Toxic("down"))} <= set(actions)


@pytest.mark.parametrize("drill", drills(), ids=lambda drill: drill.name)
def test_each_drill_says_what_is_feared_what_must_hold_and_when_it_has_to_be_over(drill: object) -> None:
    found = find_drill(str(getattr(drill, "name", "")))
    assert len(found.description.split()) > 15
    assert {probe.probe for probe in found.probes} >= {"ready", "check"}
    assert found.tolerance.recovered > 0
    armed = any(isinstance(step.action, Arm) for step in found.method)
    assert bool(found.rollbacks) or not armed


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        ('title = "Mine"\n', "", "title is lacking"),
        ("lasts = 4", "lasts = -1", "lasts is -1; write a number from 0 to 600"),
        ("lasts = 4", "lats = 4", "nothing here is called lats; did you mean lasts?"),
        ("[steady-state-hypothesis]", "[steady]", "steady-state-hypothesis is lacking"),
        ('probe = "ready"', 'probe = "redy"', "probe = 'redy' is unknown; did you mean ready?"),
        ('path = "/events"', 'path = "events"', "begin it with /"),
        ('action = "arm"', 'action = "am"', "method 1: action = 'am' is unknown; did you mean arm?"),
        ('"module.checkout"', '"modul.checkout"', "did you mean module.checkout?"),
        ('effect = "raise"', 'effect = "explode"', "effect = 'explode' is unknown"),
        ("share = 0.5", "share = 5", "share is 5; write a number from 0 to 1"),
        ("times = 3", "times = 0", "times is 0; write a whole number"),
        ("people = 20", "people = 20000", "method 2: people is 20000; write a whole number from 1 to 1000"),
        ("at = 1", "at = 9", "'a crowd' is to be done after 9 s, and the drill lasts 4 s"),
        (
            'struck = "checkout"',
            'struck = "chekout"',
            "tolerance: struck = 'chekout' is unknown; did you mean",
        ),
        ("noticed-within = 2", "notice-within = 2", "did you mean noticed-within?"),
        ("[tolerance]", "[[tolerance]]", "tolerance is no table; begin it with [tolerance]"),
        ('title = "Mine"', "title = Mine", "mine.toml is not TOML"),
        ("[[method]]", "[method]", "is not TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert old in WHOLE
    with pytest.raises(BadDrill) as caught:
        read_drill(written(tmp_path, WHOLE.replace(old, new)))
    said = str(caught.value)
    assert sentence in said
    assert said.startswith("mine.toml")


def test_a_toxic_of_no_bandwidth_and_a_name_that_is_none_are_refused(tmp_path: Path) -> None:
    poison = WHOLE.replace(
        'action = "flood"\npath = "/checkout"\npeople = 20', 'action = "poison"\nproxy = "mail"\n'
    )
    narrow = written(tmp_path, poison.replace('"mail"\n', '"mail"\ntoxic = "bandwidth"\nrate = 0\n'))
    with pytest.raises(BadDrill, match="use the toxic `down`"):
        read_drill(narrow)
    with pytest.raises(BadDrill, match="did you mean checkout-raises"):
        find_drill("checkout-raise")
    with pytest.raises(BadDrill, match=r"missing\.toml cannot be read"):
        find_drill(str(tmp_path / "missing.toml"))
