"""Changes of the code behind a route, and answers in the report."""

from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.student.answers import answers_in
from festgate.lab.student.code import UnreadableCode, fingerprint_of
from festgate.lab.student.folder import write_starter
from tests.lab.practice import CRASH, Student


@pytest.fixture
def student(tmp_path: Path) -> Student:
    student = Student(tmp_path)
    write_starter(BUILT_IN, student.lab)
    return student


def changed(student: Student) -> set[str]:
    """Return the routes whose code is not as it was handed out."""
    return {
        name
        for name, route in BUILT_IN.paths.items()
        if fingerprint_of(BUILT_IN, student.lab, route) != fingerprint_of(BUILT_IN, BUILT_IN.folder, route)
    }


@pytest.mark.parametrize("route", ROUTES)
def test_only_the_route_that_was_sped_up_has_changed(student: Student, route: str) -> None:
    student.speeds_up(route)
    assert changed(student) == {route}


def test_fixing_the_crash_comments_and_layout_are_not_a_change(student: Student) -> None:
    student.fixes_checkout()
    student.edits("main.py", '    """Show all events."""\n', "    # All nine,\n\n    # as they are.\n")
    student.edits("load/events.py", "between(1, 2)", "between(0, 1)")
    (student.lab / "runs").mkdir()
    (student.lab / "runs" / "kept.py").write_text("kept = 1\n", encoding="utf-8")
    assert changed(student) == set()


@pytest.mark.parametrize(
    "fix",
    [
        "    try:\n        1 / 0\n    except ZeroDivisionError:\n        pass\n",
        "    try:\n        1 / 0\n    except (ValueError, ArithmeticError) as error:\n        print(error)\n",
        "    try:\n        1 / 0\n    except:\n        total = total\n    finally:\n        pass\n",
        "    with contextlib.suppress(ZeroDivisionError):\n        1 / 0\n",
        "    # 1 / 0\n",
        "    1 / 1\n",
    ],
)
def test_no_fix_of_the_crash_is_a_change(student: Student, fix: str) -> None:
    student.edits("checkout/__init__.py", CRASH, fix)
    assert changed(student) == set()


def test_a_try_around_a_whole_function_is_a_fix_and_one_for_a_cache_is_a_change(
    student: Student,
) -> None:
    file = student.lab / "checkout/__init__.py"
    head, body = file.read_text(encoding="utf-8").split("    total = 0\n")
    inside = "".join(f"    {line}\n" for line in f"    total = 0\n{body}".splitlines())
    file.write_text(
        f"{head}    try:\n{inside}    except Exception:\n        return total\n", encoding="utf-8"
    )
    assert changed(student) == set()
    student.edits(
        "events/__init__.py",
        "    with connect() as connection:\n",
        "    try:\n        return KEPT[0]\n    except IndexError:\n        pass\n    with connect() as connection:\n",
    )
    assert changed(student) == {"checkout", "events"}


def test_a_function_that_moves_to_another_file_has_not_changed(student: Student) -> None:
    text = (student.lab / "events/__init__.py").read_text(encoding="utf-8")
    (student.lab / "programme.py").write_text(text, encoding="utf-8")
    (student.lab / "events/__init__.py").write_text("from programme import all_events\n", encoding="utf-8")
    assert changed(student) == set()


def test_the_code_that_a_route_reaches_counts(student: Student) -> None:
    student.edits("registrations/__init__.py", "registrations.username = ?", "username = ?")
    assert changed(student) == {"my-events"}
    student.edits("templates/events.html", "range(26)", "range(25)")
    assert changed(student) == {"my-events", "events"}
    student.edits("main.py", 'app = FastAPI(title="Fest Monolith"', 'app = FastAPI(title="Fest"')
    assert changed(student) == set(ROUTES)


def test_code_that_runs_for_every_request_counts_for_every_route(student: Student) -> None:
    with (student.lab / "main.py").open("a", encoding="utf-8") as file:
        file.write(
            '\n\n@app.middleware("http")\nasync def keep(request, call):\n    return await call(request)\n'
        )
    assert changed(student) == set(ROUTES)


def test_all_code_counts_where_the_route_is_not_found(student: Student) -> None:
    student.edits("main.py", '@app.get("/events", ', '@app.get("/all-events", ')
    before = fingerprint_of(BUILT_IN, student.lab, "/events")
    student.edits("accounts/__init__.py", "return True", "return 1 == 1")
    assert fingerprint_of(BUILT_IN, student.lab, "/events") != before


def test_invalid_python_is_reported_with_its_file_and_line(student: Student) -> None:
    student.edits("checkout/__init__.py", "def total_payable() -> int:", "def total_payable( -> int:")
    with pytest.raises(UnreadableCode, match=r"^checkout/__init__\.py, line \d+: "):
        fingerprint_of(BUILT_IN, student.lab, "/checkout")


def test_an_answer_has_some_words_and_a_number_where_the_question_wants_one(
    student: Student,
) -> None:
    assert all(answer.missing for answer in answers_in(BUILT_IN, student.lab))
    report = student.lab / "report.md"
    question = "### Which number shows it?\n"
    text = report.read_text(encoding="utf-8")
    _, first, second, _ = text.split(question)
    written = [
        "The median of all requests fell.\n",
        "The median fell from 330 ms to 9 ms, 28 requests each.\n",
        "<!-- The median of 28 requests fell to 9 ms. -->\n",
    ]
    parts = zip([text.split(question)[0], first, second], written, strict=True)
    report.write_text(
        "".join(f"{before}{question}\n{answer}" for before, answer in parts) + text.split(question)[3],
        encoding="utf-8",
    )
    missing = {
        answer.topic: answer.missing
        for answer in answers_in(BUILT_IN, student.lab)
        if "number" in answer.question
    }
    assert missing == {
        "/checkout": "/checkout: Which number shows it? The answer contains no number.",
        "/events": "",
        "/my-events": "/my-events: Which number shows it?",
    }


def test_notes_named_py_that_no_file_imports_do_not_count_as_code(student: Student) -> None:
    (student.lab / "notes.py").write_text("1. run the server\n2. run locust\n", encoding="utf-8")
    assert changed(student) == set()
    main = student.lab / "main.py"
    main.write_text("import notes\n" + main.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UnreadableCode, match=r"notes\.py, line 1: this is not valid Python"):
        changed(student)
