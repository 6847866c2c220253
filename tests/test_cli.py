"""The command line: every command is found, and does not import the code of other commands."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from festgate.cli import PLACES


@pytest.mark.parametrize("module", PLACES)
def test_every_command_is_in_the_module_that_declares_it(module: str) -> None:
    part = typer.Typer()
    import_module(module).mount(part)
    assert set(typer.main.get_group(part).commands) == set(PLACES[module])


def test_a_command_does_not_import_the_code_of_other_commands() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "festgate", "compare", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Compare kept runs" in result.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in result.stderr.splitlines() if "|" in line}
    assert "festgate.rehearsal.cli.comparison" in imported
    assert not imported & {"sqlalchemy", "festgate.kit.cli", "festgate.portal.accounts", "numpy", "locust"}


def test_help_writes_nothing_to_standard_error() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "festgate", "--help"], capture_output=True, text=True, check=True
    )
    assert "festgate" in result.stdout
    assert result.stderr == ""
