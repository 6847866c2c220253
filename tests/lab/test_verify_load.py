"""Locustfiles are judged by what they do: each variant is run beside the original, and its requests are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, Starter
from festgate.lab.student.folder import write_starter
from festgate.lab.verify import load_changes, recordings
from festgate.lab.verify.findings import SubmissionFinding
from festgate.lab.verify.protections import protections

GET = 'self.client.get("/events?user=locust_user")'
CHECKED = """with self.client.get("/events?user=locust_user", catch_response=True) as response:
            """
WAIT = "wait_time = between(1, 2)"
HOST = 'host = "http://localhost:8000"'
READ = (
    "load/events.py: wait_time = between(1, 2) became wait_time = between(3, 4)"
    " (Locust is not installed beside Festgate)"
)
STATUSES = {"/events": 422, "/my-events": 422, "/checkout": 200}


def load_findings(starter: Starter, app: Path, tree: Path) -> list[SubmissionFinding]:
    """Return the findings about the locustfiles of an app."""
    with load_changes.compare_loads(starter, app, tree, STATUSES) as wait:
        return wait()


@dataclass(frozen=True)
class Variant:
    """A change of a locustfile, and the findings that are just."""

    old: str
    new: str
    findings: Mapping[str, str]
    """The code of each finding, and a part of its evidence."""
    base: str = "load/events.py"
    imports: str = ""


EQUIVALENT = {"load-equivalent": "its requests are the same: harmless"}
VARIANTS = {
    # The same requests, written differently.
    "parameters": Variant(GET, 'self.client.get("/events", params={"user": "locust_user"})', EQUIVALENT),
    "f_string": Variant(
        GET, 'self.client.get(f"/{chr(101)}vents?user={USER}")', EQUIVALENT, imports='USER = "locust_user"'
    ),
    "constant": Variant(
        GET, "self.client.get(PAGE)", EQUIVALENT, imports='PAGE = "/events?user=locust_user"'
    ),
    "request": Variant(GET, 'self.client.request("GET", "/events?user=locust_user")', EQUIVALENT),
    "printed": Variant(GET, f"answer = {GET}\n        print(answer.status_code)", EQUIVALENT),
    "same_pause": Variant(
        WAIT, "def wait_time(self):\n        return random.uniform(1, 2)", EQUIVALENT, imports="import random"
    ),
    "weight": Variant("    @task\n", "    @task(3)\n", EQUIVALENT),
    # What counts as a failure.
    "fails_unless_200": Variant(
        GET,
        f'{CHECKED}if response.status_code != 200:\n                response.failure("no page")',
        EQUIVALENT,
    ),
    "fails_otherwise_success": Variant(
        GET,
        f"{CHECKED}if response.status_code == 200:\n                response.success()\n"
        '            else:\n                response.failure("no")',
        EQUIVALENT,
    ),
    "checks_the_page": Variant(
        GET,
        f'{CHECKED}if "Hackathon" not in response.text:\n                response.failure("no events")',
        {"load-equivalent": "it also counts a wrong page as a failure, which is stricter: harmless"},
    ),
    "always_success": Variant(
        GET,
        f"{CHECKED}response.success()",
        {"errors-swallowed": "line 16: responses of status 404, 422, 500 count"},
    ),
    "not_found_is_success": Variant(
        GET,
        f"{CHECKED}if response.status_code == 404:\n                response.success()",
        {"errors-swallowed": "responses of status 404 count as successes"},
    ),
    "an_exception_is_caught": Variant(
        GET, f"try:\n            {GET}\n        except Exception:\n            pass", EQUIVALENT
    ),
    # Pauses.
    "shorter_pause": Variant(
        WAIT, "wait_time = between(0, 0.1)", {"wait-changed": "pauses of 1 to 2 s (mean 1.5 s) became "}
    ),
    "constant_pause": Variant(
        WAIT,
        "wait_time = constant(1)",
        {"wait-changed": " (mean 1.5 s) became 1 s"},
        imports="from locust import constant",
    ),
    "no_pause": Variant(WAIT, "", {"wait-changed": "became 0 s"}),
    "pacing": Variant(
        WAIT,
        "wait_time = constant_throughput(0.5)",
        {"wait-changed": "became "},
        imports="from locust import constant_throughput",
    ),
    "sleep": Variant(
        GET,
        f"{GET}\n        time.sleep(3)",
        {"wait-changed": "became 4 to 5 s (mean 4.5 s)"},
        imports="import time",
    ),
    # Hosts.
    "address": Variant(
        HOST,
        'host = "http://127.0.0.1:8000"',
        {"host-changed": "http://localhost:8000 became http://127.0.0.1:8000"},
    ),
    "no_host": Variant(HOST, "", {"host-changed": "http://localhost:8000 became no host"}),
    "complete_address": Variant(
        GET,
        'self.client.get("http://127.0.0.1:9000/events?user=locust_user", name="/events?user=locust_user")',
        {"host-changed": "became 127.0.0.1:9000, http://localhost:8000"},
    ),
    # People.
    "no_person": Variant(
        GET,
        'self.client.get("/events")',
        {"requests-rejected": "/events without `user`, to which the starter answers 422"},
    ),
    "random_people": Variant(
        GET,
        'self.client.get(f"/events?user=visitor{random.random()}")',
        {
            "person-changed": "/events for locust_user became 12 different people",
            "grouping-changed": "1 row became 12",
        },
        imports="import random",
    ),
    "random_people_in_one_row": Variant(
        GET,
        'self.client.get(f"/events?user=visitor{random.random()}", name="/events")',
        {
            "person-changed": "became 12 different people",
            "load-equivalent": "the rows are named /events: harmless",
        },
        imports="import random",
    ),
    "another_person": Variant(
        GET, GET.replace("locust_user", "asha"), {"person-changed": "/events for locust_user became asha"}
    ),
    "person_for_checkout": Variant(
        '"/checkout"',
        '"/checkout?user=asha"',
        {"load-equivalent": "changes no response: harmless"},
        base="load/checkout.py",
    ),
    # Requests.
    "name": Variant(
        GET,
        'self.client.get("/events?user=locust_user", name="events")',
        {"load-equivalent": "the rows are named events: harmless"},
    ),
    "one_name_for_all": Variant(
        'self.client.get("/checkout")',
        'self.client.get("/checkout", name="/my-events?user=locust_user")',
        {"grouping-changed": "the row /my-events?user=locust_user mixes several pages"},
        base="load/journey.py",
    ),
    "parameter": Variant(
        "locust_user", "locust_user&limit=3", {"load-changed": "GET /events became GET /events?limit=3"}
    ),
    "another_page": Variant("/events?", "/my-events?", {"load-changed": "GET /events became GET /my-events"}),
    "post": Variant(GET, GET.replace("get(", "post("), {"load-changed": "GET /events became POST /events"}),
    "body": Variant(
        GET,
        'self.client.post("/events?user=locust_user", data={"a": "b"})',
        {"load-changed": "became POST /events with a=b"},
    ),
    "twice": Variant(GET, f"{GET}\n        {GET}", {"load-changed": "requests of a task: 1 became 2"}),
    "left_out": Variant(
        '        self.client.get("/checkout")\n',
        "",
        {"load-changed": "GET /checkout, GET /events"},
        base="load/journey.py",
    ),
    "closed_connection": Variant(
        GET,
        GET.replace('")', '", headers={"Connection": "close"})'),
        {"load-changed": "the header connection was keep-alive and is close"},
    ),
    "another_header": Variant(
        GET,
        GET.replace('")', '", headers={"X-Lab": "1"})'),
        {"load-equivalent": "the header x-lab differs: harmless"},
    ),
    "fast_client": Variant("HttpUser", "FastHttpUser", {"load-changed": "HttpUser became FastHttpUser"}),
    "signs_up": Variant(
        "    @task\n",
        '    def on_start(self):\n        self.client.post("/register", data={"username": "asha"})\n\n    @task\n',
        {"load-changed": "when a user starts, nothing became POST /register with username=asha"},
    ),
    "beside": Variant(
        GET,
        'requests.get("http://localhost:8000/events?user=locust_user")',
        {"load-changed": "outside Locust's statistics"},
        imports="import requests",
    ),
    # Files that do not run.
    "syntax": Variant(GET, "self.client.get(", {"load-broken": "SyntaxError"}),
    "missing_module": Variant(
        "from locust",
        "import nothing_of_the_kind\nfrom locust",
        {"load-broken": "line 3: ModuleNotFoundError: No module named 'nothing_of_the_kind'"},
    ),
    "no_task": Variant("    @task\n", "", {"load-broken": "No tasks defined on EventsUser"}),
    "no_user": Variant("HttpUser)", "object)", {"load-broken": "no user class sends a request"}),
    "task_fails": Variant(
        GET,
        "self.clinet.get('/events')",
        {"load-broken": "line 15: AttributeError: 'EventsUser' object has no attribute 'clinet'"},
    ),
    "exits": Variant(
        "from locust", "raise SystemExit('no')\nfrom locust", {"load-broken": "line 3: SystemExit: no"}
    ),
    "without_end": Variant(
        GET, f"while True:\n            {GET}", {"load-changed": "requests of a task: 1 became "}
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[SubmissionFinding]]:
    """The findings about all variants, by their names: a starter with as many locustfiles is compared once."""
    folder = tmp_path_factory.mktemp("load")
    loads = {}
    for name, variant in VARIANTS.items():
        text = (BUILT_IN.folder / variant.base).read_text(encoding="utf-8")
        assert variant.old in text, name
        changed = text.replace(variant.old, variant.new)
        if variant.imports:
            changed = changed.replace("\n\nfrom locust", f"\n\n{variant.imports}\nfrom locust")
        for side, content in (("starter", text), ("lab", changed)):
            file = folder / side / "load" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        loads[name] = f"load/{name}.py"
    (folder / "starter" / "main.py").write_text('EVENTS = ["Hackathon"]', encoding="utf-8")
    starter = Starter(folder / "starter", load=loads)
    all_findings = load_findings(starter, folder / "lab", folder / "lab")
    return {
        name: [finding for finding in all_findings if finding.evidence.startswith(f"{file}: ")]
        for name, file in loads.items()
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_a_changed_locustfile_gets_the_findings_that_are_just(
    findings: dict[str, list[SubmissionFinding]], name: str
) -> None:
    expected = VARIANTS[name].findings
    assert {finding.code for finding in findings[name]} == set(expected), findings[name]
    for finding in findings[name]:
        assert expected[finding.code] in finding.evidence
        assert finding.meaning


def edited(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_starter(BUILT_IN, tmp_path / "lab")
    return tmp_path / "lab"


def codes(findings: list[SubmissionFinding]) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.route, finding.evidence) for finding in findings]


def test_unchanged_locustfiles_are_not_run(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(load_changes, "recorded")
    file = lab / "load" / "events.py"
    text = file.read_text(encoding="utf-8").replace('"""One request."""', '"""Mine."""  # a comment')
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert load_findings(BUILT_IN, lab, lab) == []


def test_a_moved_or_combined_locustfile_is_found_by_its_name_or_its_route(lab: Path) -> None:
    tree = lab.parent
    (tree / "elsewhere").mkdir()
    (lab / "load" / "events.py").rename(tree / "elsewhere" / "events.py")
    edited(tree, "elsewhere/events.py", "between(1, 2)", "between(3, 4)")
    (lab / "load" / "my_events.py").unlink()
    (lab / "load" / "checkout.py").unlink()
    (tree / "locustfile.py").write_text(
        "from locust import HttpUser, between, task\n\n\nclass All(HttpUser):\n"
        "    host = 'http://localhost:8000'\n    wait_time = between(1, 2)\n\n    @task\n    def all(self):\n"
        "        self.client.get('/my-events?user=locust_user')\n        self.client.get('/check' + 'out')\n",
        encoding="utf-8",
    )
    (lab / "load" / "journey.py").unlink()
    assert codes(load_findings(BUILT_IN, lab, tree)) == [
        ("load-missing", "/checkout", "load/checkout.py"),
        ("load-missing", "", "load/journey.py"),
        (
            "wait-changed",
            "/events",
            "elsewhere/events.py: pauses of 1 to 2 s (mean 1.5 s) became 3 to 4 s (mean 3.5 s)",
        ),
        (
            "load-equivalent",
            "/my-events",
            "locustfile.py: it is written differently, and its requests are the same: harmless",
        ),
    ]


def test_a_locustfile_that_does_not_end_is_named_and_the_others_are_run(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "START_PROCESSOR", 1)
    monkeypatch.setattr(recordings, "FILE_PROCESSOR", 0)
    edited(lab, "load/checkout.py", "from locust", "while True: pass\nfrom locust")
    edited(lab, "load/events.py", "localhost", "127.0.0.1")
    assert codes(load_findings(BUILT_IN, lab, lab)) == [
        ("load-broken", "/checkout", "load/checkout.py: it does not end"),
        ("host-changed", "/events", "load/events.py: http://localhost:8000 became http://127.0.0.1:8000"),
    ]


def test_a_locustfile_reads_its_own_folder_and_nothing_of_the_teachers(lab: Path, tmp_path: Path) -> None:
    secret = tmp_path / "grades.csv"
    secret.write_text("anu,3", encoding="utf-8")
    (lab / "load" / "users.csv").write_text("asha", encoding="utf-8")
    (lab / "load" / "names.py").write_text(
        "from pathlib import Path\nNAMES = Path(__file__).with_name('users.csv').read_text()",
        encoding="utf-8",
    )
    edited(lab, "load/events.py", "from locust", "from names import NAMES\nfrom locust")
    edited(lab, "load/events.py", '"/events?user=locust_user"', 'f"/events?user={NAMES}"')
    edited(lab, "load/my_events.py", "from locust", f"SECRET = open({str(secret)!r}).read()\nfrom locust")
    findings = codes(load_findings(BUILT_IN, lab, lab))
    assert findings[0] == ("person-changed", "/events", "load/events.py: /events for locust_user became asha")
    if not protections().missing:
        assert findings[1][2].startswith(
            "load/my_events.py: line 3: PermissionError: [Errno 13] Permission denied"
        )


def test_where_locust_is_missing_a_changed_locustfile_is_read(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "find_spec", lambda _name: None)
    edited(lab, "load/events.py", "between(1, 2)", "between(3, 4)")
    edited(lab, "load/checkout.py", "class", "class class")
    recordings.recordings_of_starter.cache_clear()
    assert codes(load_findings(BUILT_IN, lab, lab)) == [
        ("load-broken", "/checkout", "load/checkout.py: it cannot be read as Python"),
        ("load-unrecorded", "/events", READ),
    ]


def test_a_locustfile_that_is_nested_too_deeply_is_reported(lab: Path) -> None:
    edited(lab, "load/events.py", "from locust", f"DEPTH = {'-' * 50_000}1\nfrom locust")
    (finding,) = load_findings(BUILT_IN, lab, lab)
    assert (finding.code, finding.route) == ("load-broken", "/events")


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"error": null, "requests": 3}', "\x00", "[" * 100_000])
def test_a_recording_that_a_locustfile_has_tampered_with_is_reported(written: str) -> None:
    assert recordings._recording(written).error == "Its recording cannot be read."  # noqa: SLF001
