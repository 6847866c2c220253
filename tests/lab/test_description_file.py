"""The file lab.toml: a teacher reads it, corrects it, and gets a message about each mistake in it."""

import shutil
from pathlib import Path

import pytest

from festgate.lab.description.file import (
    description,
    is_edited,
    read_description,
    starter_of,
    write_description,
)
from festgate.lab.description.reading import read_starter
from festgate.lab.description.starter import BadStarter
from tests.lab.practice import Student
from tests.lab.test_description import APP, HANDOUT, TOTAL


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    """Return a copy of the course's handout."""
    return Path(shutil.copytree(HANDOUT, tmp_path / "handout", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def file(handout: Path) -> Path:
    """Return the handout's lab.toml."""
    write_description(handout / "lab.toml", read_starter(handout))
    return handout / "lab.toml"


def corrected(file: Path, old: str, new: str) -> Path:
    """Replace a text that the file holds once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def test_a_description_reads_back_as_the_starter_that_was_read(handout: Path, file: Path) -> None:
    assert read_description(file) == read_starter(handout).starter
    assert starter_of(handout) == read_description(file)


def test_a_starter_without_a_file_is_read_from_its_code(handout: Path) -> None:
    assert starter_of(handout) == read_starter(handout).starter
    assert not (handout / "lab.toml").exists()


def test_what_a_teacher_corrects_counts(handout: Path, file: Path) -> None:
    corrected(file, 'person = "user"', 'person = "name"')
    corrected(file, "must_be_fixed = false", "must_be_fixed = true")
    starter = starter_of(handout)
    assert starter.person == "name"
    assert all(crash.must_be_fixed for crash in starter.crashes)


def test_texts_with_quotes_backslashes_and_other_letters_survive(tmp_path: Path) -> None:
    code = APP + "def total():\n    raise ValueError('न \"x\" \\\\ é')\n"
    (tmp_path / "main.py").write_text(code, encoding="utf-8")
    reading = read_starter(tmp_path)
    write_description(tmp_path / "lab.toml", reading)
    assert read_description(tmp_path / "lab.toml").crashes == reading.starter.crashes
    assert reading.starter.crashes


def test_a_file_of_windows_editors_is_read(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_description(file).app == "main:app"


def test_only_a_change_of_a_teacher_counts_as_an_edit(file: Path) -> None:
    assert not is_edited(file)
    corrected(file, 'database = "fest.db"', 'database = "other.db"')
    assert is_edited(file)
    file.write_text('app = "main:app"\n', encoding="utf-8")
    assert is_edited(file)


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            'app = "main:app"',
            'app = "main"',
            r"lab.toml, app: 'main' is not a module and a name. Write it as",
        ),
        ('app = "main:app"', 'app = "other:app"', r"app: other.py is not in "),
        ('app = "main:app"', "app = 1", r"lab.toml, app: 1 is not a text. Put it in quotes."),
        ('app = "main:app"', "", r"lab.toml: app is missing. Add it"),
        (
            'app = "main:app"',
            'app = "main:app"\nspeed = 1',
            r"speed is not a known key. Allowed are app, person,",
        ),
        ('person = "user"', 'person = ""', r"person: The text is empty."),
        ('person = "user"', "person = user", r"lab.toml is not valid TOML: "),
        ('form = ["username", "password"]', 'form = ["mail"]', r"form: Two texts are allowed"),
        (
            'checkout = "/checkout"',
            'checkout = "checkout"',
            r"paths, checkout: 'checkout' does not begin with",
        ),
        ('checkout = "/checkout"', "", r"paths: checkout is missing. Write its path"),
        (
            'checkout = "/checkout"',
            'checkout = "/checkout"\npay = "/p"',
            r"paths: pay is not a known name. Allowed",
        ),
        (
            'login = "/login"',
            'sign-in = "/login"',
            r"others: sign-in is not a known name. Allowed are register,",
        ),
        ('"locust/events_locustfile.py"', '"locust/e.py"', r"load, events: locust/e.py is not in "),
        (
            '"locust/events_locustfile.py"',
            '"../e.py"',
            r"load, events: '../e.py' is not a path inside the folder",
        ),
        (
            '"locust/events_locustfile.py"',
            '"locust\\\\e.py"',
            r"is not a path inside the folder. Write it with /",
        ),
        ('fill = "insert_events.py"', 'fill = "/etc/passwd"', r"fill: '/etc/passwd' is not a path inside"),
        ('database = "fest.db"', 'database = "/fest.db"', r"database: '/fest.db' is not a path inside"),
        ("line = 9\n", "line = 0\n", r"crashes, 1, line: 0 is too small. Lines are counted from 1."),
        ("line = 9\n", 'line = "9"\n', r"crashes, 1, line: '9' is not a whole number."),
        ('file = "checkout/__init__.py"', "", r"crashes, 1: file is missing."),
        (
            'replacement = ""\nmust_be_fixed = true',
            'replacement = "x ="\nmust_be_fixed = true',
            r"crashes, 1, replacement: 'x =' is not a statement of Python.",
        ),
        ("must_be_fixed = true", "must_be_fixed = 1", r"crashes, 1, must_be_fixed: 1 is not true or false."),
        (
            '"fastapi==0.128.0"',
            '"--index-url=http://x"',
            r"packages: '--index-url=http://x' is not a package",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(
    file: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(BadStarter, match=message):
        read_description(corrected(file, old, new))


def test_a_missing_route_has_to_be_added(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP.replace("/checkout", "/sum") + TOTAL, encoding="utf-8")
    with pytest.raises(
        BadStarter, match=r"No route was found for the page checkout\. Run `festgate lab describe`"
    ):
        starter_of(tmp_path)
    reading = read_starter(tmp_path)
    assert '# checkout = "/..."' in description(reading)
    write_description(tmp_path / "lab.toml", reading)
    with pytest.raises(BadStarter, match="checkout is missing"):
        starter_of(tmp_path)
    corrected(tmp_path / "lab.toml", '# checkout = "/..."  (add it)', 'checkout = "/sum"')
    assert starter_of(tmp_path).paths["checkout"] == "/sum"


def test_the_command_writes_the_file_and_keeps_an_edited_one(tmp_path: Path, handout: Path) -> None:
    teacher, file = Student(tmp_path), handout / "lab.toml"
    shown = teacher.types("describe", "handout", "--print")
    assert (shown.returncode, file.exists()) == (0, False)
    written = teacher.types("describe", "handout")
    assert written.returncode == 0
    assert file.read_text(encoding="utf-8") == shown.stdout
    for part in ("main:app", "/checkout, loaded by locust/", "insert_events.py, run by hand", "to be fixed"):
        assert part in written.stdout
    corrected(file, 'person = "user"', 'person = "name"')
    refused = teacher.types("describe", "handout")
    assert (refused.returncode, refused.stderr.count("--force")) == (2, 1)
    assert starter_of(handout).person == "name"
    assert teacher.types("describe", "handout", "--force").returncode == 0
    assert starter_of(handout).person == "user"
    nothing = teacher.types("describe", "elsewhere")
    assert (nothing.returncode, nothing.stderr) == (2, "elsewhere does not exist.\n")
