import sqlite3

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

from checkout import checkout_total
from database import get_db

app = FastAPI(title="Fest Monolith")
templates = Jinja2Templates(directory="templates")


# ---------- START-UP ----------
@app.on_event("startup")
def create_tables():
    db = get_db()
    db.execute("CREATE TABLE IF NOT EXISTS users (username TEXT PRIMARY KEY, password TEXT)")
    db.execute("CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, name TEXT, fee INTEGER)")
    db.execute("CREATE TABLE IF NOT EXISTS registrations (username TEXT, event_id INTEGER)")
    db.commit()


# ---------- ERRORS ----------
@app.exception_handler(Exception)
def show_failure(request: Request, error: Exception):
    return templates.TemplateResponse(
        "error.html",
        {"request": request, "status": 500, "detail": str(error)},
        status_code=500,
    )


# ---------- ACCOUNTS ----------
@app.get("/register", response_class=HTMLResponse)
def register_page(request: Request):
    return templates.TemplateResponse("register.html", {"request": request})


@app.post("/register")
def register(request: Request, username: str = Form(...), password: str = Form(...)):
    db = get_db()
    problem = None
    try:
        db.execute("INSERT INTO users (username, password) VALUES (?, ?)", (username, password))
        db.commit()
    except sqlite3.IntegrityError as error:
        problem = error
    if problem:
        return templates.TemplateResponse(
            "register.html", {"request": request, "error": "This user name is taken. Please choose another."}
        )
    return RedirectResponse("/login", status_code=302)


@app.get("/login", response_class=HTMLResponse)
def login_page(request: Request):
    return templates.TemplateResponse("login.html", {"request": request})


@app.post("/login")
def login(request: Request, username: str = Form(...), password: str = Form(...)):
    db = get_db()
    user = db.execute(
        "SELECT username FROM users WHERE username = ? AND password = ?", (username, password)
    ).fetchone()
    if not user:
        return templates.TemplateResponse(
            "login.html", {"request": request, "error": "Wrong user name or password."}
        )
    return RedirectResponse(f"/events?user={username}", status_code=302)


# ---------- EVENTS ----------
@app.get("/events", response_class=HTMLResponse)
def events(request: Request, user: str):
    db = get_db()
    rows = db.execute("SELECT * FROM events").fetchall()

    # some work for the load test
    waste = 0
    for i in range(1000000):
        waste += i

    return templates.TemplateResponse("events.html", {"request": request, "events": rows, "user": user})


@app.get("/register_event/{event_id}")
def register_event(request: Request, event_id: int, user: str):
    if event_id == 404:
        1 / 0
    db = get_db()
    db.execute("INSERT INTO registrations VALUES (?, ?)", (user, event_id))
    db.commit()
    return RedirectResponse(f"/my-events?user={user}", status_code=302)


@app.get("/my-events", response_class=HTMLResponse)
def my_events(request: Request, user: str):
    db = get_db()
    rows = db.execute(
        """
        SELECT events.name, events.fee
        FROM events
        JOIN registrations ON events.id = registrations.event_id
        WHERE registrations.username = ?
        """,
        (user,),
    ).fetchall()

    # some more work
    dummy = 0
    for _ in range(500000):
        dummy += 1

    return templates.TemplateResponse("my_events.html", {"request": request, "events": rows, "user": user})


# ---------- CHECKOUT ----------
@app.get("/checkout", response_class=HTMLResponse)
def checkout(request: Request):
    total = checkout_total()
    return templates.TemplateResponse("checkout.html", {"request": request, "total": total})
