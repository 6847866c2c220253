"""The security log has account, address and outcome, and no secret code."""

import pytest
from structlog.testing import capture_logs

from festgate.kit import security_log
from festgate.kit.web.gate import _shown_path

CODE = "K7QW-9XTR-2M4P"


@pytest.mark.parametrize(
    "path, label, logged",
    [
        (f"/tickets/{CODE}", "/tickets/{code}", "/tickets/{code}"),
        (f"/tickets/{CODE}x/y", "other", "/tickets/***"),
        (f"/{CODE}", "other", "/***"),
        ("/events/robo-race", "/events/{slug}", "/events/robo-race"),
    ],
)
def test_a_logged_path_contains_no_code(path: str, label: str, logged: str) -> None:
    path_params = {"slug": "robo-race"} if "slug" in label else {"code": CODE}
    assert _shown_path({"path": path, "path_params": path_params}, label) == logged


@pytest.mark.parametrize(
    "method, route, name, status, cross_site, event, outcome",
    [
        ("POST", "/login", "sign-in", 303, False, "sign-in", "done"),
        ("POST", "/login", "sign-in", 401, False, "sign-in", "refused"),
        ("POST", "/login", "sign-in", 429, False, "limit-reached", "refused"),
        ("GET", "/organise", None, 403, False, "access-refused", "refused"),
        ("POST", "/login", "sign-in", 403, True, "cross-site-refused", "refused"),
        ("POST", "/webhooks/stripe", "webhook", 400, False, "webhook", "refused"),
        ("POST", "/orders/{ref}/paid", "order-marked-paid", 503, False, "order-marked-paid", "failed"),
    ],
)
def test_a_security_event_is_one_line_with_account_and_address(
    method: str, route: str, name: str | None, status: int, event: str, outcome: str, *, cross_site: bool
) -> None:
    security_log.begin()
    security_log.about(7)
    with capture_logs() as lines:
        security_log.note_request(name, method, route, status, "192.0.2.7", cross_site=cross_site)
    (line,) = lines
    assert (line["event"], line["outcome"], line["account"]) == (event, outcome, 7)
    assert (line["address"], line["security"]) == ("192.0.2.7", True)


@pytest.mark.parametrize("status, logged", [(200, []), (409, ["refused"])])
def test_a_question_before_an_action_is_not_logged_as_done(status: int, logged: list[str]) -> None:
    security_log.begin()
    security_log.note_question()
    with capture_logs() as lines:
        security_log.note_request("ticket-given", "POST", "/complimentary", status, "192.0.2.7")
    assert [line["outcome"] for line in lines] == logged


def test_other_requests_are_not_logged_as_security_events() -> None:
    with capture_logs() as lines:
        security_log.note_request(None, "POST", "/checkout", 303, "192.0.2.7")
    assert lines == []
