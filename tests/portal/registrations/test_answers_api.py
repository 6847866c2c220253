"""Questions and answers for programs, over HTTP."""

from pathlib import Path

from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from tests.journeys.stage import Guest, announce, before_opening, invite
from tests.rig.server import Serve


def prepare(data: Path) -> tuple[list[Guest], list[int]]:
    with before_opening(data) as database:
        event = database.write(announce, "Open Stage", fee=0)
        questions = [
            database.write(catalogue.add_question, event.slug, details)
            for details in (
                QuestionDetails("choice", "Size", choices=("S", "M"), is_required=True, is_at_door=True),
                QuestionDetails("choices", "Workshops", choices=("Arduino", "ROS")),
                QuestionDetails("text", "College", per="order"),
            )
        ]
        return database.write(invite, 2), questions


def test_a_program_answers_before_it_confirms(tmp_path: Path, serve: Serve) -> None:
    (guest, other), (size, workshops, college) = prepare(tmp_path / "fest")
    server = serve(data=tmp_path / "fest")
    with guest.program(server) as api, other.program(server) as stranger:
        asked = api.get("/events/open-stage/questions").json()
        assert [question["id"] for question in asked] == [size, workshops, college]
        assert (asked[0]["choices"], asked[0]["required"], asked[2]["per"]) == (["S", "M"], True, "order")
        seat = api.post("/events/open-stage/registrations").json()
        assert seat["state"] == "held"
        refused = api.post(f"/registrations/{seat['id']}/confirm")
        assert (refused.status_code, refused.json()["code"]) == (409, "answers-needed")
        address = f"/registrations/{seat['id']}/answers"
        wrong = api.put(address, json={"answers": [{"question": size, "answer": "XL"}]})
        assert (wrong.status_code, list(wrong.json()["fields"])) == (422, [f"question-{size}"])
        assert api.put(address, json={"answers": [{"question": 999, "answer": "M"}]}).status_code == 404
        given = [
            {"question": size, "answer": "M"},
            {"question": workshops, "answer": ["ROS", "Arduino"]},
            {"question": college, "answer": "IIT Madras"},
        ]
        saved = api.put(address, json={"answers": given}).json()
        assert [item["answer"] for item in saved] == ["M", ["Arduino", "ROS"], "IIT Madras"]
        assert api.put(address, json={"answers": [{"question": college, "answer": ""}]}).json()[2] == {
            "question": asked[2],
            "answer": None,
        }
        assert api.post(f"/registrations/{seat['id']}/confirm").json()["state"] == "confirmed"
        assert stranger.get(address).status_code == 404
        assert stranger.put(address, json={"answers": given}).status_code == 404
        assert api.get(address).json() == [*saved[:2], {"question": asked[2], "answer": None}]
