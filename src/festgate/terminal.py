"""The exit codes of `festgate`, and ending a command with a sentence on standard error."""

import sys
from typing import Final, NoReturn

import typer

WRONG_USE: Final = 2
"""The command cannot be carried out as it was given."""


def fail(sentence: str, code: int = WRONG_USE) -> NoReturn:
    """Print the sentence on standard error and end the command with the code."""
    sys.stderr.write(f"{sentence}\n")
    raise typer.Exit(code)
