"""Limits on exports, bulk actions and resent emails of one person."""

import pytest

from festgate.kit.clock import HOUR
from festgate.portal.accounts.facade import LimitReached, allow_use
from festgate.portal.accounts.use_limits import MAX_USES, Use
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase


@pytest.mark.parametrize("use", MAX_USES)
def test_each_use_is_limited_for_one_person_and_hour(database: OpenDatabase, join: Join, use: Use) -> None:
    meena, ravi = join("meena", role="organiser"), join("ravi", role="organiser")
    for _ in range(MAX_USES[use]):
        database.write(allow_use, meena.id, use)
    with pytest.raises(LimitReached, match=r"in the last hour\. Try again in 60 minutes\.") as refusal:
        database.write(allow_use, meena.id, use)
    assert refusal.value.retry_after == HOUR // 1000
    database.write(allow_use, ravi.id, use)
    database.clock.move(HOUR)
    database.write(allow_use, meena.id, use)


def test_one_use_does_not_count_for_another(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    for _ in range(MAX_USES["bulk"]):
        database.write(allow_use, meena.id, "bulk")
    database.write(allow_use, meena.id, "export")
