"""The documentation agrees with the code: commands, settings, diagrams, decisions."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from festgate.cli import app
from festgate.portal.backoffice.module import MAX_EVENT_BODY
from festgate.portal.checkout.records import OrderState
from festgate.portal.registrations.queries import SeatState
from festgate.settings import Settings, load_settings
from tests.portal.checkout.test_order_machine import MOVES
from tests.rules.project import ROOT, files, name, pyproject

DOCS = ROOT / "docs"
CODE = re.compile(r"^```\w*\n(?P<block>.*?)^```$|`(?P<words>[^`\n]+)`", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"(?:^|&& |\$\(|ExecStart=)(?:\$ )?(?:[A-Z_]+=\S+ )*(?:[\w./-]*/)?festgate (?P<words>[a-z-][^\n|;&)']*)",
    re.MULTILINE,
)
"""`festgate ...` where a line of a shell script or of a systemd unit has a command."""
MOVE = re.compile(r"^\s*(?P<before>\w+|\[\*\]) --> (?P<after>\w+)(?:: (?P<why>.+))?$", re.MULTILINE)
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives considered"]
MAX_DECISION = 60


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def pages() -> list[Path]:
    return [path for path in files(".md") if path.name != "CHANGELOG.md"]


def codes(page: str) -> Iterator[str]:
    """Return everything that is shown as code."""
    for match in CODE.finditer(page):
        yield match["block"] or match["words"]


def error_of_command(words: list[str]) -> str | None:
    """Return the error in a command of the docs, an unknown name or option; None if there is none."""
    command: Any = typer.main.get_command(app)
    # Words after two hyphens are a locustfile's own.
    rest = words[: words.index("--")] if "--" in words else list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    if getattr(command, "commands", {}) and rest and not rest[0].startswith("-"):
        return f"there is no command {rest[0]}"
    known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
    unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else None


def wrong_commands(path: Path) -> list[str]:
    errors = []
    for shown in codes(path.read_text(encoding="utf-8")):
        for match in COMMAND.finditer(shown.replace("\\\n", " ")):
            words = shlex.split(match["words"].strip(" .,:"), comments=True)
            if wrong := error_of_command(words):
                errors.append(f"{name(path)}: festgate {' '.join(words)}: {wrong}")
    return errors


def test_every_command_in_the_docs_exists() -> None:
    assert not [line for path in pages() for line in wrong_commands(path)]


@pytest.mark.parametrize(
    "line, wrong",
    [
        ("serve --demo --port 9000", None),
        ("events import events.csv --dry-run", None),
        ("events inport events.csv", "there is no command inport"),
        ("events import events.csv --try", "there is no option --try"),
    ],
)
def test_an_unknown_command_or_option_is_detected(line: str, wrong: str | None) -> None:
    assert error_of_command(line.split()) == wrong


def test_every_target_of_make_in_the_docs_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    mentioned = {
        target
        for path in pages()
        for shown in codes(path.read_text(encoding="utf-8"))
        for target in re.findall(r"^(?:\$ )?make ([a-z]+)", shown, re.MULTILINE)
    }
    assert {"run", "test"} <= mentioned <= targets


def test_every_settings_file_in_the_docs_is_accepted(tmp_path: Path) -> None:
    read = 0
    for path in pages():
        for block in BLOCK.finditer(path.read_text(encoding="utf-8")):
            if block["kind"] == "toml":
                file = tmp_path / "festgate.toml"
                file.write_text(block["text"], encoding="utf-8")
                settings = load_settings({"FESTGATE_CONFIG": str(file)})
                assert settings.model_fields_set == tomllib.loads(block["text"]).keys()
                read += 1
    assert read


def test_every_environment_variable_in_the_docs_is_a_setting() -> None:
    known = {f"FESTGATE_{field.upper()}" for field in Settings.model_fields} | {"FESTGATE_CONFIG"}
    misspelt = {"FESTGATE_FEST_NAM"}  # the tutorial shows the error for this setting
    journeys = ROOT / "src" / "festgate" / "rehearsal" / "journeys"
    for file in journeys.rglob("*.py"):
        known |= set(re.findall(r"\bFESTGATE_REHEARSAL_[A-Z]+", file.read_text("utf-8")))
    named = {
        name for path in pages() for name in re.findall(r"\bFESTGATE_[A-Z_]+[A-Z]", path.read_text("utf-8"))
    }
    assert not named - known - misspelt


def drawn(page: str) -> dict[str, set[str]]:
    """Return the transitions of the first state diagram of a page: the next states of each state."""
    diagram = next(block["text"] for block in BLOCK.finditer(text(page)) if block["kind"] == "mermaid")
    moves: dict[str, set[str]] = {}
    for move in MOVE.finditer(diagram):
        moves.setdefault(move["before"], set()).add(move["after"])
        moves.setdefault(move["after"], set())
        assert move["why"], f"{page}: {move[0].strip()} has no label"
    assert len(diagram.strip().splitlines()) == 1 + sum(map(len, moves.values())), (
        "a line that is not a transition"
    )
    return moves


def reachable(moves: Mapping[str, set[str]], state: str) -> set[str]:
    """Return the states that can follow, directly or later."""
    seen = {state}
    waiting = [state]
    while waiting:
        new = moves[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def test_the_diagram_of_order_states_agrees_with_the_property_test() -> None:
    moves = drawn("docs/explanation/orders.md")
    assert moves.pop("[*]") == {"pending"}
    assert set(moves) == set(get_args(OrderState))
    assert {state: reachable(moves, state) for state in moves} == MOVES


def test_the_diagram_of_seat_states_is_complete() -> None:
    moves = drawn("docs/explanation/seats.md")
    assert moves.pop("[*]") == {"held", "confirmed"}
    assert set(moves) == set(get_args(SeatState))


def test_every_fact_is_explained() -> None:
    page = text("docs/explanation/outbox-and-mail.md")
    facts = {
        fact
        for path in files("facts.py")
        for fact in re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert facts
    assert not {fact for fact in facts if f"`{fact}`" not in page}


def test_the_body_limit_of_the_proxy_is_that_of_the_portal() -> None:
    (size,) = re.findall(r"client_max_body_size (\d+)k;", text("docs/how-to/run-behind-nginx.md"))
    assert int(size) * 1024 == MAX_EVENT_BODY


def decisions() -> list[Path]:
    return sorted(path for path in (DOCS / "decisions").glob("*.md") if path.name != "README.md")


def test_decision_records_are_numbered_and_short_and_have_the_usual_headings() -> None:
    for number, path in enumerate(decisions(), start=1):
        page = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04}-"), path.name
        assert page.startswith(f"# {number:04} · "), path.name
        assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS, path.name
        assert len(page.splitlines()) <= MAX_DECISION, path.name
        assert path.name in text("docs/decisions/README.md")


def test_every_test_that_the_security_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", text("docs/explanation/security.md")))
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 50
    assert named - defined == set()


def test_every_dependency_has_a_documented_reason_and_licence() -> None:
    project = pyproject()["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    declared = {canonicalize_name(Requirement(line).name) for line in (*project["dependencies"], *extras)}
    listed: dict[str, str] = {}
    for names, licence in re.findall(
        r"^\| ([a-z0-9, -]+) \| ([A-Z]+\w*) \|", text("docs/decisions/0001-dependencies.md"), re.MULTILINE
    ):
        listed |= {canonicalize_name(package): licence for package in names.split(", ")}
    assert set(listed) == declared
    for package, licence in listed.items():
        # tzdata and uvloop are not installed everywhere; their lines are checked where they are.
        try:
            package_metadata = metadata(package)
        except ModuleNotFoundError:
            continue
        words = [
            word
            for field in ("License-Expression", "License", "Classifier")
            for word in package_metadata.get_all(field) or []
        ]
        assert any(licence in word for word in words), (
            f"the metadata of {package} do not name the licence {licence}"
        )
