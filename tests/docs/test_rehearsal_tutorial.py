"""The tutorial of the rehearsal, followed: load is generated, and limits are met and not met."""

from pathlib import Path

from tests.docs.terminal import Terminal, read


def test_a_reader_of_the_tutorial_rehearses_an_opening_day(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.follow(read("tutorials/rehearse-your-opening-day.md"))
    runs = sorted((terminal.folder / "festgate-runs").iterdir())
    assert [run.name.partition("-")[2] for run in runs] == ["events", "attendee", "opening_day"]
    assert all((run / "report.html").stat().st_size for run in runs)
