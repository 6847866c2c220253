"""What is done to a portal in a drill, where the system does not have what it takes."""

import pytest

from festgate.drills.plan import Restart, Strike
from festgate.drills.portal import Portal, Refuses
from festgate.drills.stage import Stage

OF_WINDOWS = "BREAK"
"""As little known on Linux and macOS as KILL is on Windows."""


def test_a_signal_that_the_system_does_not_have_is_refused_with_where_to_go() -> None:
    stage = Stage(Portal("http://127.0.0.1:1", ""))
    with pytest.raises(Refuses, match=r"^This system has no signal SIGBREAK, .* on Linux or macOS\.$"):
        stage.do(Strike(OF_WINDOWS), 1.0)  # type: ignore[arg-type]
    assert stage.struck == []


def test_only_a_portal_of_the_drill_itself_is_restarted() -> None:
    with pytest.raises(Refuses):
        Stage(Portal("http://127.0.0.1:1", "")).do(Restart(), 1.0)
