"""Whether the target is there, and at which of its addresses."""

import socket

import pytest

from festgate.rehearsal.runner.preflight import NotThere, check_target
from tests.rehearsal.target import answering, welcome
from tests.rig.ports import free_port


def test_a_target_that_answers_is_taken_as_it_is() -> None:
    with answering(welcome) as target:
        found = check_target(target.url)
    assert (found.url, list(found.notes)) == (target.url, [])
    assert "BaseHTTP" in found.server["server"]


def test_where_the_first_address_of_a_name_fails_it_says_so_and_uses_the_one_that_works() -> None:
    with answering(welcome) as target:
        found = check_target(f"http://localhost:{target.port}")
        first = socket.getaddrinfo("localhost", target.port, type=socket.SOCK_STREAM)[0][4][0]
        if first == "127.0.0.1":
            assert list(found.notes) == []
        else:
            assert found.url == f"http://127.0.0.1:{target.port}"
            (note,) = found.notes
            assert f"The first address of localhost is {first}, where nothing answers" in note


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("http://127.0.0.1:{free}", "Nothing answers at"),
        ("ftp://127.0.0.1", "is not a web address"),
        ("http://127.0.0.1:notaport", "has no address"),
    ],
)
def test_a_target_that_is_not_there_is_one_sentence(url: str, sentence: str) -> None:
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
