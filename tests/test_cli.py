"""The command line as a whole: every command is found, and imports nothing of the others."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from festgate.cli import PLACES


@pytest.mark.parametrize("module", PLACES)
def test_every_command_is_where_the_program_looks_for_it(module: str) -> None:
    part = typer.Typer()
    import_module(module).mount(part)
    assert set(typer.main.get_group(part).commands) == set(PLACES[module])


def test_a_command_imports_nothing_of_the_others() -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "festgate", "compare", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Compare kept runs" in told.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in told.stderr.splitlines() if "|" in line}
    assert "festgate.rehearsal.cli.comparison" in imported
    assert not imported & {"sqlalchemy", "festgate.kit.cli", "festgate.portal.accounts", "numpy", "locust"}


def test_help_writes_nothing_on_standard_error() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "festgate", "--help"], capture_output=True, text=True, check=True
    )
    assert "festgate" in shown.stdout
    assert shown.stderr == ""
