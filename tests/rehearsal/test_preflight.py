"""The check whether the target answers, and at which of its addresses."""

import socket
from pathlib import Path

import pytest

from festgate.ports import free_port
from festgate.rehearsal.runner.preflight import NotThere, check_target, check_targets
from festgate.rehearsal.runs.plan import Plan, Users
from tests.rehearsal.target import answering, welcome


def test_a_target_that_answers_is_used_unchanged() -> None:
    with answering(welcome) as target:
        checked = check_target(target.url)
    assert (checked.url, list(checked.notes)) == (target.url, [])
    assert "BaseHTTP" in checked.server["server"]


def test_a_name_whose_first_address_fails_gets_a_note_and_the_address_that_works() -> None:
    with answering(welcome) as target:
        checked = check_target(f"http://localhost:{target.port}")
        first = socket.getaddrinfo("localhost", target.port, type=socket.SOCK_STREAM)[0][4][0]
        if first == "127.0.0.1":
            assert list(checked.notes) == []
        else:
            assert checked.url == f"http://127.0.0.1:{target.port}"
            (note,) = checked.notes
            assert f"The first address of localhost is {first}, where nothing answers" in note


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("http://127.0.0.1:{free}", "Nothing answers at"),
        ("ftp://127.0.0.1", "is not a web address"),
        ("http://127.0.0.1:notaport", "has no address"),
    ],
)
def test_an_unreachable_target_is_reported_in_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(NotThere, match=sentence):
        check_target(url.replace("{free}", str(free_port())))


@pytest.mark.parametrize(
    "code, place",
    [
        ("class Visitor:\n    proxy_host = 'proxy'\n", "`proxy_host` in visitor.py, line 2"),
        ("class Visitor:\n    proxy_host, proxy_port = 'proxy', 1\n", "`proxy_host` in visitor.py, line 2"),
        ("def start(user):\n    user.client.proxies.update({})\n", "`proxies` in visitor.py, line 2"),
        (
            "def look(user):\n    user.client.get('/', proxies={'http': 'proxy'})\n",
            "`proxies` in visitor.py, line 2",
        ),
        ("import os\nos.environ['HTTPS_PROXY'] = 'proxy'\n", "`HTTPS_PROXY` in visitor.py, line 2"),
        ("import common\n", "`proxies` in common.py, line 1"),
        ("user.client.trust_env = True  # no proxies\n", ""),
        ("user.client.proxies = {'http': None, 'https': ''}\n", ""),
        ("class Visitor:\n    proxy_host: str | None = None\n", ""),
        ("import os\nos.environ['HTTP_PROXY'] = ''\nos.environ.pop('HTTPS_PROXY', None)\n", ""),
        ("def look(user):\n    user.client.get('/', proxies={})\n", ""),
        ("def look(user):\n    user.client.get('/proxies', name='proxies')\n", ""),
        ("def broken(\n", ""),
    ],
    ids=[
        *("fast", "both", "session", "request", "variable", "neighbour"),
        *("environment", "no proxies", "no host", "no variable", "no argument", "name", "syntax"),
    ],
)
def test_an_unreachable_target_is_refused_unless_the_code_names_a_proxy(
    tmp_path: Path, code: str, place: str
) -> None:
    (tmp_path / "common.py").write_text("user.client.proxies = make_them()\n", encoding="utf-8")
    file = tmp_path / "visitor.py"
    file.write_text(code, encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    if not place:
        with pytest.raises(NotThere, match="Start the server, or give its address"):
            check_target(url, file)
        return
    checked = check_target(url, file)
    assert (checked.url, checked.answered) == (url, False)
    (note,) = checked.notes
    assert f"names a proxy ({place})" in note
    with pytest.raises(NotThere, match="is not a web address"):
        check_target("ftp://127.0.0.1", file)


def test_a_slash_at_the_end_of_a_host_is_kept_for_a_locustfile_and_not_for_a_journey_of_festgate(
    tmp_path: Path,
) -> None:
    file = tmp_path / "visitor.py"
    file.write_text("", encoding="utf-8")
    with answering(welcome) as target:
        host = f"{target.url}/fest/"
        kept, cut = (
            check_targets(Plan(journey, host, Users(1, 1.0), 1.0), pytest.fail)
            for journey in (str(file), "events")
        )
    assert (kept.plan.host, cut.plan.host) == (host, f"{target.url}/fest")
    assert [len(checked.notes) for checked in (kept, cut)] == [1, 0]
    assert "/a becomes //a" in kept.notes[0]


def test_a_port_that_speaks_no_http_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]

        def hang_up() -> None:
            for _ in range(2):
                connection, _ = mute.accept()
                connection.close()

        from threading import Thread  # noqa: PLC0415

        thread = Thread(target=hang_up)
        thread.start()
        with pytest.raises(NotThere, match="does not answer as a web server"):
            check_target(f"http://127.0.0.1:{port}")
        thread.join()


def test_a_path_in_the_address_is_kept() -> None:
    with answering(lambda path: (200 if path.startswith("/fest") else 404, b"")) as target:
        checked = check_target(f"{target.url}/fest/")
    assert checked.url == f"{target.url}/fest/"
