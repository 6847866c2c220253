"""The answers of simulated visitors are accepted by the portal."""

from pathlib import Path

from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.rehearsal.journeys.shared.answers import fill_in
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.rig.server import Serve

QUESTIONS = (
    QuestionDetails("text", "Roll number", is_required=True),
    QuestionDetails("number", "Year", is_required=True),
    QuestionDetails("choice", "Size", choices=("S & smaller", "M"), is_required=True),
    QuestionDetails("choices", "Workshops", choices=("Arduino", "ROS"), is_required=True),
    QuestionDetails("date", "Date of birth", is_required=True),
    QuestionDetails("phone", "Phone", is_required=True, per="order"),
    QuestionDetails("consent", "I agree", is_required=True),
)


def prepare(data: Path) -> Guest:
    with before_opening(data) as database:
        event = database.write(announce, "Open Stage", fee=0)
        for details in QUESTIONS:
            database.write(catalogue.add_question, event.slug, details)
        return database.write(invite_one, "asha")


def test_a_simulated_visitor_answers_questions_of_every_kind(tmp_path: Path, serve: Serve) -> None:
    guest = prepare(tmp_path / "fest")
    server = serve(data=tmp_path / "fest")
    with guest.browser(server) as browser:
        address = browser.post("/events/open-stage/register").headers["location"]
        assert address == "/my-events/open-stage/questions"
        fields = fill_in(browser.get(address).content)
        assert fields is not None
        assert len(fields) == len(QUESTIONS) + 1
        answer = browser.post(address, data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/my-events")
        assert "Your seats" in browser.get("/my-events").text
        assert fill_in(browser.get("/my-events").content) is None
