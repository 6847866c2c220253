"""The whole exercise of a student: from `festgate lab new` to a report, with all seven parts done.

The suite loads and compares one of the three routes. A request to either of the others keeps a core busy for a tenth of
a second, so their runs are written as the commands keep them; `make torture` loads and compares all three, and verifies
the solution.
"""

import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.student.load import code_handed_out, code_now
from festgate.lab.student.runs import load_fingerprint, side_of
from festgate.rehearsal.runs.store import list_runs
from tests.lab import solutions
from tests.lab.kept_runs import KeptRuns
from tests.lab.practice import Student, serving, status_of
from tests.rehearsal.test_report_page import DRAWN, SIDEWAYS
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.find_browser import find
from tests.rig.lengths import LONG, length, torture
from tests.rig.waiting import until

pytestmark = torture

LOADED: tuple[str, ...] = length(("checkout",), tuple(ROUTES))
"""The routes that are loaded and compared."""
KEPT = tuple(name for name in ROUTES if name not in LOADED)
STARTED = "Application startup complete."
HOSTILE = "</blockquote><script>document.title = 'mine'</script><img src=x onerror=alert(1)>"
ANSWERS = {
    "Which number shows it?": "The median of 19 requests fell from 330 ms to 9 ms, in the runs that lie in `runs`.",
    "What was the bottleneck?": f"A loop that nobody needs. {HOSTILE}",
}
SHORT = {"checkout": (120, "1"), "events": (60, "2.5"), "my-events": (60, "2.5")}
"""The users and the seconds of the runs of each route."""
EXITS: Mapping[str, tuple[int, ...]] = {
    "Improved": (0,),
    "No relevant difference": (0,),
    "Changed, perhaps within the margin": (0, 3),
    "Inconclusive": (3,),
    "Regressed": (1,),
}
"""The exit codes of `lab compare`, by its verdict."""


@dataclass(frozen=True)
class Exercise:
    """The commands of a student, and their results."""

    student: Student
    commands: Mapping[str, "subprocess.CompletedProcess[str]"]


def load_routes(
    student: Student, address: str, when: str, names: tuple[str, ...]
) -> dict[str, "subprocess.CompletedProcess[str]"]:
    """Load these routes at once, for a second or two."""
    short = ("lab", "--host", address, "--duration", "1.5s", "--warm-up", "0s")
    with ThreadPoolExecutor(len(names)) as terminals:
        commands = terminals.map(lambda name: student.types("load", name, *short), names)
    return {f"load {name}, {when}": command for name, command in zip(names, commands, strict=True)}


def change_running_code(student: Student, change: solutions.Change) -> None:
    """Change the code of a running app, and wait until the app has restarted."""
    log = student.folder / "serve.log"
    before = log.read_text(encoding="utf-8").count(STARTED)
    change(student.lab)
    until(lambda: log.read_text(encoding="utf-8").count(STARTED) > before, "the app with its new code", 60)


def compare_route(student: Student, name: str) -> "subprocess.CompletedProcess[str]":
    """Compare a route with short runs; when they are too short for this machine, with the advised length."""
    users, seconds = SHORT[name]
    for _ in range(4):
        words = ("--users", str(users), "--warm-up", "0", "--seconds", seconds)
        done = student.types("compare", name, "lab", *words, seconds=480)
        advised = re.search(r"Run longer, (\d+) s", done.stderr)
        if not advised:
            break
        seconds = advised[1]
    return done


def write_run(student: Student, name: str, when: str) -> None:
    """Write a run of a route, with the code that it has now."""
    KeptRuns(student.lab).run(name, code_now(BUILT_IN, student.lab, name), f"{name}-{when}")


def write_pairs(student: Student, name: str) -> None:
    """Write a comparison of a route with the starter."""
    codes = code_handed_out(BUILT_IN, name), code_now(BUILT_IN, student.lab, name)
    KeptRuns(student.lab).pairs(f"{name}-pair", 70, *codes, route=name)


def answer_questions(student: Student) -> None:
    """Write a sentence below each question of report.md."""
    report = student.lab / "report.md"
    lines = []
    for line in report.read_text(encoding="utf-8").splitlines():
        lines.append(line)
        if line.startswith("### "):
            lines += [
                "",
                ANSWERS.get(line.removeprefix("### "), "The code that the page has to run shows it."),
            ]
    report.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    student = Student(tmp_path_factory.mktemp("student"))
    commands = {"new": student.types("new", "lab")}
    with serving(student) as address, ThreadPoolExecutor(1) as terminal:
        httpx.post(
            f"{address}/register",
            data={"username": "asha", "password": "sesame"},
            trust_env=False,
            verify=False,
        )
        for number in (1, 9):
            httpx.get(f"{address}/register_event/{number}?user=asha", trust_env=False, verify=False)
        commands["crash"] = student.types("crash", "lab", "--host", address)
        change_running_code(student, solutions.fix_crashes)
        assert status_of(f"{address}/checkout") == 200
        commands["repaired"] = student.types("crash", "lab", "--host", address)
        commands["same"] = student.types("compare", "events", "lab")
        commands |= load_routes(student, address, "before", ("checkout",))
        change_running_code(student, lambda lab: solutions.speed_up(lab, "checkout"))
        # At the same time as the next steps, which spoils its figures: here it only has to finish.
        comparing = terminal.submit(compare_route, student, "checkout")
        if LONG:
            commands |= load_routes(student, address, "before", ("events", "my-events"))
        for name in KEPT:
            write_run(student, name, "before")
        for name in ("events", "my-events"):
            change_running_code(student, lambda lab, name=name: solutions.speed_up(lab, name))  # type: ignore[misc]
        commands |= load_routes(student, address, "after", LOADED)
        for name in KEPT:
            write_run(student, name, "after")
        if LONG:
            commands["verify"] = student.types("verify", "lab", "--without-load", seconds=360)
        commands["compare checkout"] = comparing.result()
    commands["status, two open"] = student.types("status", "lab")
    for name in ("events", "my-events"):
        if name in KEPT:
            write_pairs(student, name)
        else:
            commands[f"compare {name}"] = compare_route(student, name)
    commands["status, unanswered"] = student.types("status", "lab")
    answer_questions(student)
    commands["hints"] = student.types("hint", "lab")
    commands["hint"] = student.types("hint", "warm-up-not-cut", "lab")
    commands["report"] = student.types("report", "lab", "--browser", str(find()))
    commands["status"] = student.types("status", "lab")
    return Exercise(student, commands)


def test_status_shows_each_step_as_done(exercise: Exercise) -> None:
    codes = {
        name: command.returncode
        for name, command in exercise.commands.items()
        if name.startswith(("new", "load"))
    }
    assert set(codes.values()) == {0}, codes
    assert (exercise.commands["crash"].returncode, exercise.commands["repaired"].returncode) == (1, 0)
    two, unanswered, last = (
        exercise.commands[name] for name in ("status, two open", "status, unanswered", "status")
    )
    assert "/events: not compared yet: `festgate lab compare events`." in two.stdout
    assert "/checkout: not compared yet" not in two.stdout
    assert "6 of 7 parts are done." in unanswered.stdout
    assert last.stdout.endswith("7 of 7 parts are done.\n"), last.stdout
    assert last.returncode == 0


@pytest.mark.parametrize("name", LOADED)
def test_the_starter_and_the_app_are_run_in_turn_and_kept_with_their_fingerprints(
    exercise: Exercise, name: str
) -> None:
    users, _ = SHORT[name]
    compare, lab = exercise.commands[f"compare {name}"], exercise.student.lab
    assert re.search(rf"6 pairs of runs of .+ s with {users} users, about \d+ min\.", compare.stdout)
    assert compare.stderr.startswith("Run 1 of 12, before: ")
    # Earlier runs may have been too short for this machine.
    runs = [run for run in reversed(list_runs(lab / "runs")) if run.plan.label.startswith(f"{name}-")][-12:]
    # ABBA BAAB ABBA: in pairs, each side first as often as second.
    assert "".join(side_of(run)[0] for run in runs) == "baababbabaab"
    codes = {"before": code_handed_out(BUILT_IN, name), "after": code_now(BUILT_IN, lab, name)}
    assert all(run.server["build"] == codes[side_of(run)] for run in runs)
    assert all(run.generator["journey"] == load_fingerprint(BUILT_IN, BUILT_IN.folder, name) for run in runs)
    assert all(not run.measured().failed.any() for run in runs)
    assert {run.plan.load.shown for run in runs} == {f"{users} users"}
    verdict = re.search(rf"^/{name}: (.+)\np50 .+95 % interval", compare.stdout, re.MULTILINE)
    assert verdict, compare.stdout
    assert compare.returncode in EXITS[verdict[1]]
    if name != "checkout":
        # Millions of steps less show over HTTP, on any machine.
        assert verdict[1] == "Improved"


def test_a_weakness_of_a_comparison_has_a_hint(exercise: Exercise) -> None:
    printed = exercise.commands["compare checkout"].stdout
    assert (
        "The start of the run is included in the figures: no warm-up\n  lab/hints/checkout-warm-up-not-cut.html\n"
        in printed
    )
    page = (exercise.student.lab / "hints" / "checkout-warm-up-not-cut.html").read_text(encoding="utf-8")
    assert "Where would you begin to count?" in page
    assert "warm-up-not-cut" in exercise.commands["hints"].stdout
    assert "With a chart: lab/hints/checkout-warm-up-not-cut.html\n" in exercise.commands["hint"].stdout


if LONG:

    def test_the_solution_passes_verification(exercise: Exercise) -> None:
        verify = exercise.commands["verify"]
        assert verify.returncode == 0, verify.stdout
        assert verify.stdout.startswith(
            "lab: passed. All three routes improved, and all pages respond as before.\n"
        )


def test_unchanged_code_is_refused_at_once(exercise: Exercise) -> None:
    same = exercise.commands["same"]
    assert same.returncode == 2
    assert same.stderr.startswith("The code behind /events is unchanged, so there is nothing to compare.")
    assert "`festgate lab hint same-build`" in same.stderr


def test_the_report_shows_every_part_and_is_accessible(browser: Browser, exercise: Exercise) -> None:
    command = exercise.commands["report"]
    assert command.stdout == "7 of 7 parts are done. The report is lab/report.html\n", command.stderr
    report = (exercise.student.lab / "report.html").as_uri()
    wrong = []
    with visit(browser, viewport=PHONE, offline=True) as visitor:
        requests: list[str] = []
        visitor.context.on("request", lambda request: requests.append(request.url))
        page = visitor.context.new_page()
        page.goto(report)
        page.wait_for_function(DRAWN)
        for size, scheme in ((PHONE, "light"), (DESK, "dark")):
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            wrong += violations(page)
            if page.evaluate(SIDEWAYS):
                wrong.append(f"scrolls sideways at {size['width']}")
        shown = page.get_by_role("heading", level=2).all_inner_texts()
        assert shown[:7] == [
            "7 of 7 parts are done",
            "The seven parts",
            "The app",
            "The crash",
            "/checkout",
            "/events",
            "/my-events",
        ]
        assert any(heading.startswith("Hint for /checkout: The start of the run is") for heading in shown)
        assert any(heading.startswith("Hint for your report: ") for heading in shown)
        pictures = page.locator(".screens img")
        widths = pictures.evaluate_all("all => all.map(each => each.complete && each.naturalWidth)")
        assert widths == [1000] * 4
        names = [str(picture.get_attribute("alt")) for picture in pictures.all()]
        assert [name.partition(".")[0] for name in names] == [
            "The crash",
            "/events",
            "/my-events",
            "/checkout",
        ]
        assert "as asha" in names[2]
        assert page.locator("blockquote", has_text=HOSTILE).count() == len(ROUTES)
        assert page.locator("img[src=x]").count() == 0
        assert page.get_by_role("table", name="/checkout, all pairs").count() == 1
        # Only the page itself: it contains its images.
        assert [address for address in requests if not address.startswith("data:")] == [report]
        assert [*wrong, *visitor.problems] == []


def test_no_temporary_file_is_left(exercise: Exercise) -> None:
    left = {entry.name for entry in exercise.student.lab.iterdir()} - {"__pycache__"}
    written = {"crash.html", "crash.json", "fest.db", "hints", "report.html", "runs"}
    assert (
        left == {entry.name for entry in BUILT_IN.folder.iterdir() if entry.name != "__pycache__"} | written
    )
