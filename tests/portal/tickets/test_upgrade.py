"""Tickets of a database from before check-in existed are kept and can be checked in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from festgate.kit.db import schema
from festgate.kit.visitors import Visitor
from festgate.portal.door.admissions import admit
from festgate.portal.door.errors import TicketVoid
from festgate.portal.door.queries import Attendance, attendance_of
from festgate.portal.tickets.checks import CHECKS
from festgate.portal.tickets.facade import tickets_of
from festgate.settings import Settings
from tests.rig.database import open_database
from tests.rig.server import festgate

OLD_REVISION = "0001"
VALID_CODE, VOID_CODE = "7GK2M9QX04ZT8WAB", "7GK2M9QX04ZT8WAC"
INSERTS = """
INSERT INTO accounts_people (id, username, username_key, email, email_key, password_hash, role, created_at)
VALUES (1, 'asha', 'asha', 'a@example.org', 'a@example.org', 'x', 'attendee', 5),
    (2, 'meena', 'meena', 'm@example.org', 'm@example.org', 'x', 'staff', 5);
INSERT INTO catalogue_events (id, slug, state, title, category, place, starts_at, ends_at, sales_open_at,
    sales_close_at, fee_minor, currency, created_at, updated_at, version, summary, search, description)
VALUES (1, 'talk', 'published', 'Talk', '', 'Hall', 9, 10, 0, 9, 0, 'INR', 5, 5, 1, '', 'talk', '');
INSERT INTO catalogue_seats (event_id, capacity, taken, on_sale) VALUES (1, 9, 1, 1);
INSERT INTO registrations_seats (id, event_id, person_id, state, held_until, hold_ends_at, fee_minor, currency,
    taken_at, changed_at)
VALUES (1, 1, 1, 'confirmed', 9007199254740992, 9007199254740992, 0, 'INR', 6, 6),
    (2, 1, 1, 'cancelled', 0, 0, 0, 'INR', 5, 5);
INSERT INTO tickets_tickets (id, code, seat_id, person_id, event_id, state, issued_at)
VALUES (1, '7GK2M9QX04ZT8WAB', 1, 1, 1, 'valid', 7), (2, '7GK2M9QX04ZT8WAC', 2, 1, 1, 'void', 6)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def old_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Create a database with the first schema, a valid ticket and a void one."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    settings = Settings(data_dir=tmp_path / "fest", database_url=url)
    assert schema.revision(settings) is None
    config = Config()
    config.set_main_option("script_location", "festgate.portal:migrations")
    config.attributes["url"] = schema.alembic_url(settings.url)
    command.upgrade(config, OLD_REVISION)
    engine = create_engine(schema.alembic_url(settings.url))
    with engine.begin() as connection:
        for insert in INSERTS.split(";"):
            connection.execute(text(insert))
    yield settings
    with (
        pytest.raises(IntegrityError),
        engine.begin() as connection,
    ):  # the constraints of the old table are still in force
        connection.execute(text("UPDATE tickets_tickets SET state = 'torn'"))
    engine.dispose()


def test_tickets_of_the_first_schema_are_kept_and_can_be_checked_in(old_settings: Settings) -> None:
    assert schema.upgrade(old_settings) == OLD_REVISION
    assert schema.revision(old_settings) == schema.HEAD
    assert schema.integrity(old_settings) == []
    meena = Visitor(2, "meena", "m@example.org", "staff")
    with open_database(old_settings.url) as database:
        kept_tickets = database.read(tickets_of, 1)
        assert [
            (ticket.code, ticket.state, ticket.issued_at, ticket.admitted_at) for ticket in kept_tickets
        ] == [
            (VOID_CODE, "void", 6, None),
            (VALID_CODE, "valid", 7, None),
        ]
        assert database.read(attendance_of, 1) == Attendance(0, 1)
        assert database.write(admit, VALID_CODE, meena).admitted_by == "meena"
        with pytest.raises(TicketVoid):
            database.write(admit, VOID_CODE, meena)
        assert database.violations(CHECKS) == []
    if not old_settings.database_url:
        (copy,) = (old_settings.data_dir / "backups").iterdir()
        assert copy.name.endswith(f"-before-{schema.HEAD}.sqlite3")
        assert festgate("check", data=old_settings.data_dir).stdout == "All invariants hold.\n"
