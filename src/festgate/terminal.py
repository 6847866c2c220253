"""The exit codes of `festgate`, and ending a command with a sentence on standard error."""

import sys
from typing import Final, NoReturn

import typer

WRONG_USE: Final = 2
"""The command cannot be carried out as it was given."""


class CommandFailed(typer.Exit):
    """The end of a command with a sentence on standard error."""

    def __init__(self, sentence: str, code: int) -> None:
        """Keep the sentence for commands that also write it in another format."""
        super().__init__(code)
        self.sentence = sentence


def fail(sentence: str, code: int = WRONG_USE) -> NoReturn:
    """Print the sentence on standard error and end the command with the code."""
    sys.stderr.write(f"{sentence}\n")
    raise CommandFailed(sentence, code)
