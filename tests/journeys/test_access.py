"""Access: redirects to other sites, forms on other sites, and data of other people."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urljoin, urlsplit

import pytest

from tests.journeys.served_fest import FORM_HEADERS, PASSWORD, Fest, assert_unchanged, message_of
from tests.rig.wire import form

# Access does not depend on the kind of database.
pytestmark = pytest.mark.parametrize("served_fest", ["sqlite"], indirect=True)


@pytest.fixture
def fest(served_fest: Fest) -> Iterator[Fest]:
    """Provide the fest, and assert that the test changes nothing."""
    with assert_unchanged(served_fest):
        yield served_fest


OTHER_SITES = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nset-cookie: a=b",
    "/\x00//evil.example",
    " //evil.example",
    "https://evil.example",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/%0d%0aset-cookie:%20a=b",
    "/.//evil.example",
    "/..//evil.example",
    "/\u2028/evil.example",
    "/ü/evil.example",
    "http://[",
    "/" + "x" * 3900,
    "",
)


@pytest.mark.parametrize("target", OTHER_SITES)
def test_next_never_leads_to_another_site(fest: Fest, target: str) -> None:
    signed_in = fest.post("/login", {"username": "asha", "password": PASSWORD, "next": target})
    assert signed_in.status == 303
    assert "\r" not in signed_in.location
    leads_to = urlsplit(urljoin("http://fest.example/login", signed_in.location.replace("\\", "/")))
    assert (leads_to.scheme, leads_to.netloc) == ("http", "fest.example")
    for page in ("/login", "/register"):
        shown = fest.send("GET", f"{page}?next={quote(target)}")
        if shown.status == 200:
            (kept,) = re.findall(r'name="next" value="([^"]*)"', shown.text)
            assert kept.startswith("/")
            assert not kept.startswith(("//", "/\\"))
        else:
            assert message_of(shown)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "nonsense"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "http://localhost", "sec-fetch-site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/events/hackathon/register",
        "/registrations/{seat}/cancel",
        "/checkout",
        "/orders/{ref}/cancel",
        "/logout",
        "/login",
        "/register",
    ],
)
def test_a_form_on_another_site_is_refused_and_changes_nothing(
    fest: Fest, path: str, headers: dict[str, str], status: int
) -> None:
    path = path.format(seat=fest.seat, ref=fest.ref)
    answer = fest.send("POST", path, FORM_HEADERS | headers, form({"payment_method": "sandbox"}), fest.owner)
    assert answer.status == status
    assert "only from the fest" in message_of(answer)
    assert fest.rows("SELECT state FROM registrations_seats ORDER BY id") == [("confirmed",), ("held",)]
    assert "Sign out" in fest.send("GET", "/events", guest=fest.owner).text


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/orders/{ref}"),
        ("GET", "/orders/{ref}/cancel"),
        ("POST", "/orders/{ref}/cancel"),
        ("GET", "/tickets/{code}"),
        ("GET", "/tickets/{code}.svg"),
        ("GET", "/tickets/{code}.ics"),
        ("GET", "/registrations/{seat}/cancel"),
        ("POST", "/registrations/{seat}/cancel"),
        ("GET", "/api/v1/orders/{ref}"),
        ("POST", "/api/v1/orders/{ref}/cancel"),
        ("GET", "/api/v1/tickets/{code}"),
        ("POST", "/api/v1/registrations/{seat}/cancel"),
    ],
)
def test_data_of_another_person_returns_404(fest: Fest, method: str, path: str) -> None:
    path = path.format(ref=fest.ref, code=fest.code, seat=fest.seat)
    headers = fest.other.bearer if path.startswith("/api/") else FORM_HEADERS
    answer = fest.send(method, path, headers, guest=fest.other)
    assert answer.status == 404
    assert message_of(answer) == "This page does not exist, or you do not have access to it."
    organiser = fest.organiser.bearer if path.startswith("/api/") else FORM_HEADERS
    if not path.startswith("/api/v1/registrations/"):  # organisers may cancel these
        assert fest.send(method, path, organiser, guest=fest.organiser).status == 404
    states = fest.rows("SELECT state FROM registrations_seats ORDER BY id")
    assert states == [("confirmed",), ("held",)]


@pytest.mark.parametrize(
    "path", ["/organise", "/organise/events/new", "/organise/events/robo-race", "/organise/orders"]
)
def test_organiser_pages_are_only_for_organisers(fest: Fest, path: str) -> None:
    assert fest.send("GET", path).location == f"/login?next={path}"
    answer = fest.send("GET", path, guest=fest.other)
    assert answer.status == 403
    assert message_of(answer)


@pytest.mark.parametrize(
    "path", ["/organise/events/new", "/organise/events/robo-race/edit", "/organise/events/robo-race/cancel"]
)
def test_an_attendee_cannot_change_events(fest: Fest, path: str) -> None:
    assert fest.post(path, {"title": "Mine", "fee": "0"}, fest.other).status == 403
    assert fest.rows("SELECT DISTINCT state FROM catalogue_events") == [("published",)]


@pytest.mark.parametrize("parameter", ["user", "username", "person", "person_id", "session", "token"])
def test_a_query_parameter_cannot_select_an_account(fest: Fest, parameter: str) -> None:
    for value in (fest.owner.username, str(fest.owner.id), fest.owner.session):
        query = f"{parameter}={quote(value)}"
        anonymous = fest.send("GET", f"/my-events?{query}")
        assert (anonymous.status, anonymous.location) == (303, f"/login?next={quote(f'/my-events?{query}')}")
        assert "No events yet" in fest.send("GET", f"/my-events?{query}", guest=fest.other).text
        assert fest.post(f"/events/hackathon/register?{query}", {}).location.startswith("/login")
