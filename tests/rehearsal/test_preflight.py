"""The check whether the target answers, and at which of its addresses."""

import socket

import pytest

from festgate.ports import free_port
from festgate.rehearsal.runner.preflight import NotThere, check_target
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
def test_an_unreachable_target_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(NotThere, match=sentence):
        check_target(url.replace("{free}", str(free_port())))


def test_a_port_that_speaks_no_http_is_one_sentence() -> None:
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
