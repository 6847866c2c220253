"""The fest portal, a monolith: all routes are in this file and run in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote

from accounts import add_user, is_user
from checkout import total_payable
from database import prepare
from events import all_events
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from registrations import add_registration, events_of

FORM = {
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "properties": {"username": {"type": "string"}, "password": {"type": "string"}},
                    "required": ["username", "password"],
                }
            }
        }
    }
}


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Create the database before the first request."""
    prepare()
    yield


app = FastAPI(title="Fest Monolith", lifespan=lifespan)
templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def page(request: Request, name: str, status: int = 200, **shown: object) -> HTMLResponse:
    """Render a template."""
    return templates.TemplateResponse(request, name, {"user": None, **shown}, status_code=status)


async def form_of(request: Request) -> tuple[str, str]:
    """Return the user name and the password of a form."""
    fields = parse_qs((await request.body()).decode())
    return fields.get("username", [""])[0], fields.get("password", [""])[0]


@app.exception_handler(Exception)
def monolith_failure(request: Request, error: Exception) -> HTMLResponse:
    """Render the page that a visitor sees after an error."""
    return page(request, "failure.html", 500, error=type(error).__name__)


@app.get("/register", response_class=HTMLResponse)
def register_form(request: Request) -> HTMLResponse:
    """Show the form for a new account."""
    return page(request, "register.html")


@app.post("/register", openapi_extra=FORM)
async def register(request: Request) -> Response:
    """Make an account."""
    username, password = await form_of(request)
    if not username or not password:
        return page(request, "register.html", 400, problem="A name and a password, please.")
    if not add_user(username, password):
        return page(request, "register.html", 409, problem="That name is taken.")
    return RedirectResponse("/login", 302)


@app.get("/login", response_class=HTMLResponse)
def login_form(request: Request) -> HTMLResponse:
    """Show the form to sign in."""
    return page(request, "login.html")


@app.post("/login", openapi_extra=FORM)
async def login(request: Request) -> Response:
    """Sign in."""
    username, password = await form_of(request)
    if not is_user(username, password):
        return page(request, "login.html", 401, problem="No such name with that password.")
    return RedirectResponse(f"/events?user={quote(username)}", 302)


@app.get("/events", response_class=HTMLResponse)
def events(request: Request, user: str) -> HTMLResponse:
    """Show all events."""
    interest = 0
    for number in range(3_000_000):
        interest += number
    return page(request, "events.html", user=user, events=all_events())


@app.get("/register_event/{event_id}")
def register_event(event_id: int, user: str) -> Response:
    """Register for an event."""
    if event_id == 404:
        1 / 0
    add_registration(user, event_id)
    return RedirectResponse(f"/my-events?user={quote(user)}", 302)


@app.get("/my-events", response_class=HTMLResponse)
def my_events(request: Request, user: str) -> HTMLResponse:
    """Show the events that a user has registered for."""
    interest = 0
    for number in range(1_500_000):
        interest += number
    return page(request, "my_events.html", user=user, events=events_of(user))


@app.get("/checkout", response_class=HTMLResponse)
def checkout(request: Request) -> HTMLResponse:
    """Show the total price."""
    return page(request, "checkout.html", total=total_payable())
