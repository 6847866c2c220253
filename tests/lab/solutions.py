"""Submissions: the reference solution and the false improvements, each applied to a folder of `festgate lab new`.

A false improvement looks faster or fixed, and is not. Each is applied on top of another solution, which
`FALSE_IMPROVEMENTS` names: `reference` where only one route is false, so that several can be combined in one app.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import BUILT_IN
from festgate.lab.student.folder import starter_files

STARTER_EVENTS: Final = (
    "Hackathon",
    "Dance Battle",
    "AI Workshop",
    "Photography Walk",
    "Gaming Tournament",
    "Music Night",
    "Treasure Hunt",
    "Stand-up Comedy",
    "Robo Race",
)
Change = Callable[[Path], None]
CRASH: Final = "    1 / 0\n"
BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark with which editors on Windows begin a file."""
CRASH_404: Final = "    if event_id == 404:\n        1 / 0\n"
LOOPS: Final = {
    "events": "    interest = 0\n    for number in range(3_000_000):\n        interest += number\n",
    "my-events": "    interest = 0\n    for number in range(1_500_000):\n        interest += number\n",
}
COUNTING: Final = """        fee = event["fee"]
        while fee > 0:
            total += 1
            fee -= 1
"""
SHOW_EVENTS: Final = '    return page(request, "events.html", user=user, events=all_events())\n'
SHOW_MINE: Final = '    return page(request, "my_events.html", user=user, events=events_of(user))\n'
SHOW_TOTAL: Final = '    return page(request, "checkout.html", total=total_payable())\n'


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace `old`, which the file contains once."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def fix_crashes(folder: Path) -> None:
    """Fix both planted crashes; an event that does not exist answers 404."""
    edit(folder, "checkout/__init__.py", CRASH, "")
    edit(
        folder,
        "main.py",
        CRASH_404,
        '    if event_id == 404:\n        return Response("There is no such event.", 404)\n',
    )


def speed_up(folder: Path, route: str) -> None:
    """Make one of `events`, `my-events` and `checkout` faster, correctly."""
    if route == "checkout":
        edit(folder, "checkout/__init__.py", COUNTING, '        total += event["fee"]\n')
    else:
        edit(folder, "main.py", LOOPS[route], "")


def reference(folder: Path) -> None:
    """Do the whole exercise correctly: fix the crashes, and make three routes faster that answer as before."""
    fix_crashes(folder)
    for route in ("events", "my-events", "checkout"):
        speed_up(folder, route)


def save_on_windows(folder: Path) -> None:
    """Rewrite text files as git checks them out on Windows and as editors save them there."""
    for path in folder.rglob("*"):
        if path.suffix in (".py", ".md", ".html"):
            content = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(BOM + content if path.suffix == ".py" else content)


def random_people(folder: Path) -> None:
    """Change only the locustfile: each request has another user."""
    edit(folder, "load/events.py", '"/events?user=locust_user"', 'f"/events?user={random.random()}"')
    edit(folder, "load/events.py", "from locust", "import random\n\nfrom locust")


def shorter_wait(folder: Path) -> None:
    """Shorten `wait_time`, so that RPS rises."""
    edit(folder, "load/events.py", "between(1, 2)", "between(0, 0.1)")


def swallowed_errors(folder: Path) -> None:
    """Count every answer in the locustfile as a success."""
    edit(
        folder,
        "load/checkout.py",
        '        self.client.get("/checkout")\n',
        '        with self.client.get("/checkout", catch_response=True) as answer:\n            answer.success()\n',
    )


def constant_page(folder: Path) -> None:
    """Return a stored copy of the programme, with the user's name inserted."""
    fees = [500, 300, 400, 200, 350, 250, 150, 300, 450]
    cards = "".join(
        f"<li><h2>{name}</h2><p>Fee: ₹{fee}</p><a href='/register_event/{number}?user=USER'>Register</a></li>"
        for number, (name, fee) in enumerate(zip(STARTER_EVENTS, fees, strict=True), start=1)
    )
    head = (
        "<nav><a href='/events?user=USER'>Events</a> <a href='/my-events?user=USER'>My events</a>"
        " <span>USER</span></nav>"
    )
    edit(folder, "main.py", SHOW_EVENTS, "    return HTMLResponse(PAGE.replace('USER', quote(user)))\n")
    edit(folder, "main.py", "FORM = {\n", f'PAGE = """{head}<ul>{cards}</ul>"""\nFORM = {{\n')


def dropped_rows(folder: Path) -> None:
    """Return a shorter page, which is faster."""
    edit(folder, "main.py", "events=all_events())", "events=all_events()[:5])")


def fixed_total(folder: Path) -> None:
    """Return the total of the nine events as a constant."""
    path = folder / "checkout" / "__init__.py"
    path.write_text(
        '"""What is to be paid."""\n\n\ndef total_payable() -> int:\n    """The sum."""\n    return 2900\n',
        encoding="utf-8",
        newline="\n",
    )


def shared_cache(folder: Path) -> None:
    """Render a page once and then show it to every user."""
    edit(
        folder,
        "main.py",
        SHOW_MINE,
        '    if "mine" not in kept:\n'
        '        kept["mine"] = page(request, "my_events.html", user=user, events=events_of(user)).body\n'
        '    return HTMLResponse(kept["mine"])\n',
    )
    edit(folder, "main.py", "FORM = {\n", "kept: dict[str, bytes] = {}\nFORM = {\n")


def loop_in_middleware(folder: Path) -> None:
    """Move the loop from the route to a middleware that runs before each request."""
    with (folder / "main.py").open("a", encoding="utf-8", newline="\n") as file:
        file.write(
            '\n\n@app.middleware("http")\n'
            "async def get_ready(request: Request, call_next) -> Response:\n"
            '    """Get ready."""\n'
            "    interest = 0\n    for number in range(3_000_000):\n        interest += number\n"
            "    return await call_next(request)\n"
        )


def loop_in_dependency(folder: Path) -> None:
    """Move the loops from the routes to their dependencies."""
    speed_up(folder, "checkout")
    for route, loop in LOOPS.items():
        edit(folder, "main.py", loop, "")
        name = route.replace("-", "_")
        edit(
            folder,
            "main.py",
            f'@app.get("/{route}", response_class=HTMLResponse)\n',
            f'def interest_of_{name}() -> int:\n    """Ask."""\n{loop}    return interest\n\n\n'
            f'@app.get("/{route}", response_class=HTMLResponse, dependencies=[Depends(interest_of_{name})])\n',
        )
    edit(
        folder,
        "main.py",
        "from fastapi import FastAPI, Request, Response\n",
        "from fastapi import Depends, FastAPI, Request, Response\n",
    )


def hidden_crash(folder: Path) -> None:
    """Keep the crash and swallow its error."""
    edit(
        folder,
        "checkout/__init__.py",
        "    return total\n",
        "    try:\n        1 / 0\n    except:\n        pass\n    return total\n",
    )


def sleeping_baseline(folder: Path) -> None:
    """Leave the app as it was, and compare it with a copy that sleeps."""
    before = folder / "before"
    for path in starter_files(BUILT_IN):
        (before / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BUILT_IN.folder / path, before / path)
    edit(before, "main.py", LOOPS["events"], f"{LOOPS['events']}    time.sleep(0.5)\n")
    edit(before, "main.py", '"""The fest portal', 'import time\n"""The fest portal')


def refused_at_once(folder: Path) -> None:
    """Require another type of parameter than the load sends, so that the route answers 422 without doing anything."""
    edit(
        folder,
        "main.py",
        "def events(request: Request, user: str) -> HTMLResponse:",
        "def events(request: Request, user: int) -> HTMLResponse:",
    )


def quadratic_total(folder: Path) -> None:
    """Compute the correct total with a loop over all events for each event."""
    edit(
        folder,
        "checkout/__init__.py",
        '    for event in all_events():\n        total += event["fee"]\n',
        "    events = all_events()\n    for event in events:\n        for other in events:\n"
        '            if other["id"] == event["id"]:\n                total += other["fee"]\n',
    )


def pages_for_the_load(folder: Path) -> None:
    """Return three events to the load, and all of them to everybody else, as slowly as before."""
    edit(
        folder,
        "main.py",
        "def events(request: Request, user: str) -> HTMLResponse:",
        "def events(request: Request, user: str, limit: int = 0) -> HTMLResponse:",
    )
    edit(
        folder,
        "main.py",
        LOOPS["events"] + SHOW_EVENTS,
        '    if limit:\n        return page(request, "events.html", user=user, events=all_events()[:limit])\n'
        + LOOPS["events"]
        + SHOW_EVENTS,
    )
    edit(folder, "load/events.py", "user=locust_user", "user=locust_user&limit=3")


FALSE_IMPROVEMENTS: Final[Mapping[str, tuple[Change, Change]]] = {
    change.__name__: (base, change)
    for base, change in (
        (fix_crashes, random_people),
        (fix_crashes, shorter_wait),
        (fix_crashes, swallowed_errors),
        (reference, constant_page),
        (reference, dropped_rows),
        (reference, fixed_total),
        (reference, shared_cache),
        (reference, loop_in_middleware),
        (fix_crashes, loop_in_dependency),
        (reference, hidden_crash),
        (fix_crashes, sleeping_baseline),
        (fix_crashes, refused_at_once),
        (reference, quadratic_total),
        (fix_crashes, pages_for_the_load),
    )
}
"""The base solution and the change of each, by its name."""


def false_improvement(folder: Path, name: str) -> None:
    """Apply a false solution on top of its base."""
    base, change = FALSE_IMPROVEMENTS[name]
    base(folder)
    change(folder)
