"""Actions that the system or the portal does not support."""

import pytest

from festgate.drills.plan import Restart, SendSignal
from festgate.drills.portal import DrillRefused, Portal
from festgate.drills.stage import Stage

WINDOWS_SIGNAL = "BREAK"
"""A signal that Linux and macOS do not have, as Windows does not have KILL."""


def test_a_signal_that_the_system_does_not_have_is_refused_with_a_remedy() -> None:
    stage = Stage(Portal("http://127.0.0.1:1", ""))
    with pytest.raises(DrillRefused, match=r"^This system has no signal SIGBREAK, .* on Linux or macOS\.$"):
        stage.do(SendSignal(WINDOWS_SIGNAL), 1.0)  # type: ignore[arg-type]
    assert stage.signalled == []


def test_only_a_temporary_portal_is_restarted() -> None:
    with pytest.raises(DrillRefused, match="Use a temporary portal"):
        Stage(Portal("http://127.0.0.1:1", "")).do(Restart(), 1.0)
