"""The journey through ticket types, quantities, promo codes, teams, passes and waiting lists, against the demo fest."""

import json
from pathlib import Path

import pytest

from festgate.rehearsal.journeys.shared.forms import Form, read_form
from tests.journeys.stage import check_data, query_file
from tests.rehearsal.test_journeys import run
from tests.rig.server import Serve, festgate

QUANTITIES = {
    "format": "festgate-programme-1",
    "currency": "INR",
    "quotas": [{"name": "Hall", "capacity": 500}],
    "events": [
        {
            "slug": "film-night",
            "title": "Film Night",
            "place": "Main Lawn",
            "starts_at": "2099-03-14T19:00+05:30",
            "ends_at": "2099-03-14T22:00+05:30",
            "capacity": 800,
            "max_per_person": 4,
            "types": [
                {"name": "Chair", "fee": 200, "max_per_order": 4, "quotas": ["Hall"]},
                {"name": "Blanket", "fee": 100, "max_per_order": 2},
            ],
        },
        # Few seats, so that people wait until others change their mind.
        {
            "slug": "puppet-show",
            "title": "Puppet Show",
            "place": "Library steps",
            "starts_at": "2099-03-14T10:00+05:30",
            "ends_at": "2099-03-14T11:00+05:30",
            "capacity": 2,
            "waiting_list": "open",
            "types": [{"fee": 50}],
        },
    ],
}
FORM = b"""<form class="form" method="post" action="/a"><input type="hidden" name="shown" value="1=5">
<input type="radio" name="ticket" value="1" required disabled>
<input type="radio" name="ticket" value="2" required checked>
<select id="n" name="count-3"><option value="0">0</option><option value="1">1</option></select>
<button type="submit">Register</button></form><select name="other"></select>"""
LOCUSTFILE = """
from festgate.rehearsal.journeys import tickets

class Buyer(tickets.TicketBuyer):
    events = (
        *("film-night", "puppet-show", "treasure-hunt", "ai-workshop"),
        *("pottery-corner", "stage-pass", "gaming-tournament"),
    )
"""

MISSING_PLACE = """
from festgate.rehearsal.journeys import tickets

class Buyer(tickets.TicketBuyer):
    events = ("stage-pass",)

    def open_event(self, offer):
        return super().open_event(offer).replace(b"Also admits to: ", b"Also admits to: Silent Films, ")
"""


def test_people_use_ticket_types_codes_teams_passes_and_waiting_lists_and_all_invariants_hold(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--demo")
    programme = tmp_path / "more.json"
    programme.write_text(json.dumps(QUANTITIES), encoding="utf-8")
    imported = festgate("programme", "import", str(programme), "--publish", data=server.data)
    assert imported.returncode == 0, imported.stderr
    own = tmp_path / "buyer.py"
    own.write_text(LOCUSTFILE, encoding="utf-8")
    enough = {
        "GET /events/{slug}?code": 2,
        "POST /events/{slug}/register": 6,
        "POST /events/{slug}/teams": 1,
        "POST /events/{slug}/wait": 2,
        "POST /registrations/{id}/cancel": 1,
        "POST /waiting/{id}/leave": 1,
        "POST /my-events/{slug}/questions": 1,
        "GET /tickets/{code}": 4,
    }
    outcome = run(own, server.url, tmp_path, enough, users=10, code="DEMO20")
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    server.stop()
    check_data(server.data)
    ((teams,),) = query_file(server.data, "SELECT count(*) FROM registrations_teams")
    ((waiting,),) = query_file(server.data, "SELECT count(*) FROM registrations_waiting")
    ((used,),) = query_file(server.data, "SELECT count(*) FROM registrations_seats WHERE code_id IS NOT NULL")
    ((places,),) = query_file(
        server.data, "SELECT count(*) FROM registrations_seats WHERE pass_seat_id IS NOT NULL"
    )
    ((answers,),) = query_file(server.data, "SELECT count(*) FROM registrations_answers")
    assert min(teams, waiting - 3, used, places, answers) > 0


def test_a_pass_with_a_place_less_than_the_page_of_the_event_promised_is_a_failure(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--demo")
    own = tmp_path / "buyer.py"
    own.write_text(MISSING_PLACE, encoding="utf-8")
    outcome = run(own, server.url, tmp_path, {"failed GET /my-events": 1}, users=1)
    assert outcome.failures["GET /my-events"] == outcome.requests["GET /my-events"] > 0


@pytest.mark.parametrize(
    "page, form",
    [
        (b"", None),
        (b'<form method="post" action="/a"><input type="hidden" name="x" value="1"></form>', None),
        (
            FORM,
            Form({"shown": "1=5"}, {"ticket": ("2",), "count-3": ("0", "1")}),
        ),
    ],
)
def test_a_form_is_read_with_what_can_be_chosen(page: bytes, form: Form | None) -> None:
    assert read_form(page, "/a") == form
