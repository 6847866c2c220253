"""Effects of Windows, macOS and their programs on the files of a lab, reproduced here."""

import socket
import sys
from pathlib import Path

import pytest

from festgate.lab.description.starter import BUILT_IN, ROUTES
from festgate.lab.student.code import fingerprint_of
from festgate.lab.student.folder import load_file, write_starter
from festgate.lab.student.runs import load_fingerprint
from festgate.lab.verify.intake import copy_submission
from festgate.rehearsal.runner import servers
from tests.lab import solutions
from tests.lab.practice import Student
from tests.rehearsal.target import Target, answering, serving

FINDERS = (".DS_Store", "events/._main.py", "._report.md", "Thumbs.db")
NO_UTF8 = b"\x00\x05\x16\x07\xff\xfe"


@pytest.fixture
def student(tmp_path: Path) -> Student:
    student = Student(tmp_path)
    write_starter(BUILT_IN, student.lab)
    return student


def looked_at_in_finder(folder: Path) -> None:
    for name in FINDERS:
        (folder / name).write_bytes(NO_UTF8)


def written(folder: Path, first: str) -> list[str]:
    """Return the command of a server that runs `first`, and then answers every request with 501."""
    answers = "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.BaseHTTPRequestHandler)"
    text = f"import http.server, sys\n{first}\n{answers}.serve_forever()\n"
    (folder / "app.py").write_text(text, encoding="utf-8")
    return [sys.executable, "app.py", "{port}"]


def test_other_line_ends_and_a_byte_order_mark_are_not_a_change(student: Student) -> None:
    solutions.save_on_windows(student.lab)
    assert {route: fingerprint_of(BUILT_IN, student.lab, route) for route in BUILT_IN.paths.values()} == {
        route: fingerprint_of(BUILT_IN, BUILT_IN.folder, route) for route in BUILT_IN.paths.values()
    }
    for name in ROUTES:
        assert load_file(BUILT_IN, student.lab, name).read_bytes().startswith(solutions.BOM)
        assert load_fingerprint(BUILT_IN, student.lab, name) == load_fingerprint(
            BUILT_IN, BUILT_IN.folder, name
        )


def test_looking_into_a_folder_changes_nothing(student: Student, tmp_path: Path) -> None:
    before = copy_submission(BUILT_IN, student.lab, _made(tmp_path / "one")).content
    looked_at_in_finder(student.lab)
    assert copy_submission(BUILT_IN, student.lab, _made(tmp_path / "other")).content == before
    assert all(
        fingerprint_of(BUILT_IN, student.lab, route) == fingerprint_of(BUILT_IN, BUILT_IN.folder, route)
        for route in BUILT_IN.paths.values()
    )
    opened = _made(tmp_path / "opened")
    (opened / ".DS_Store").write_bytes(NO_UTF8)
    assert student.types("new", str(opened)).returncode == 0
    assert (opened / "main.py").is_file()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_an_app_may_print_characters_that_the_console_cannot_encode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = written(tmp_path, "print('₹ 450', flush=True)")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    with servers.serving(command, tmp_path) as server:
        assert server.pid
    assert "₹ 450" in (tmp_path / "server.log").read_text(encoding="utf-8")


def test_a_proxy_is_not_used_for_a_server_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = written(tmp_path, "import time; time.sleep(1)")
    # It answers 502 to everything, as a proxy does for a server that it cannot reach.
    with answering(lambda _path: (502, b"of the proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with servers.serving(command, tmp_path) as server:
            port = int(server.url.rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), 5).close()


def test_a_port_on_which_another_program_answers_for_localhost_is_refused(student: Student) -> None:
    with serving(Target(lambda _path: (200, b"another"), "::1")) as other:
        done = student.types("serve", "lab", "--port", str(other.port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"Port {other.port} cannot be used: another program answers on ::1.")
