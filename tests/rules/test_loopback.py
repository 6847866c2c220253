"""Tests open no socket to another machine."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig.loopback import is_this_machine
from tests.rules.project import ROOT


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "::1%lo", "localhost", "", None, b"127.1.1.1"]
)
def test_this_machine_is_allowed(host: object) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.org", "127.0.0.1.example.org", 7])
def test_other_addresses_and_names_are_not_allowed(host: object) -> None:
    assert not is_this_machine(host)


EXAMPLES = """
import socket

import pytest


@pytest.mark.parametrize("family, host", [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")])
def test_connects(family, host):
    with socket.socket(family, socket.SOCK_DGRAM) as one, pytest.raises(OSError):
        one.connect((host, 9))


def test_sends():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, pytest.raises(OSError):
        one.sendto(b"hello", ("192.0.2.1", 9))


def test_looks_up():
    with pytest.raises(OSError):
        socket.getaddrinfo("example.org", 80)


def test_connects_to_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
"""


def test_a_test_that_connects_to_another_machine_fails_even_if_it_swallows_the_exception(
    tmp_path: Path,
) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import *\nfrom tests.conftest import _on_this_machine\n"
    )
    (tmp_path / "test_planted.py").write_text(EXAMPLES)
    config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *config, "--tb=line", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert "5 passed, 4 errors" in result.stdout, result.stdout + result.stderr
    assert "left this machine" in result.stdout


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_server_of_a_test_on_loopback_can_be_reached(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as server, socket.socket(socket.AF_INET, kind) as client:
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        client.connect(server.getsockname())
        assert client.getpeername() == server.getsockname()
