"""Questions of `festgate events import` on a terminal: whether to update or cancel events that were imported before."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import typer

from festgate.kit.cells import one_line
from festgate.kit.cli import FOUND
from festgate.portal.catalogue.proposals import Change, Proposal
from festgate.terminal import fail

MAX_SHOWN: Final = 60
"""Characters of a value that a question shows."""

_YES_OR_NO: Final = {"y": "yes", "yes": "yes", "": "no", "n": "no", "no": "no"}


def ask(file: Path, unit: str, proposals: Sequence[Proposal]) -> Mapping[Proposal, bool]:
    """Ask about each proposal on a terminal, and return the answers; elsewhere, end the command with what it needs."""
    described = [describe(file, unit, proposal) for proposal in proposals]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail("\n".join([*described, describe_need(proposals), "Nothing was imported."]), FOUND)
    answers: dict[Proposal, bool] = {}
    for kind, verb in (("update", "Update"), ("cancel", "Cancel")):
        group = [proposal for proposal in proposals if proposal.kind == kind]
        for proposal in group:
            typer.echo(describe(file, unit, proposal), err=True)
        answers |= _ask_about(verb, group)
    return answers


def describe(file: Path, unit: str, proposal: Proposal) -> str:
    """Return a line that names the event and what would change."""
    seats = f", {proposal.taken} {'seat' if proposal.taken == 1 else 'seats'} taken" if proposal.taken else ""
    event = f"{file}, {unit} {proposal.line}: “{one_line(proposal.title)}” ({proposal.slug}{seats})"
    if proposal.kind == "cancel":
        return f"{event}: the calendar has cancelled it."
    changes = "; ".join(map(_describe_change, proposal.changes))
    doubt = "" if proposal.is_sure else " The file does not show that this is the newer version."
    return f"{event}: {changes}.{doubt}"


def describe_need(proposals: Sequence[Proposal]) -> str:
    """Return a sentence with the options that answer the proposals."""
    sentences = []
    updates = sum(proposal.kind == "update" for proposal in proposals)
    cancellations = len(proposals) - updates
    if updates:
        sentences.append(
            f"{_events(updates, 'has', 'have')} a change that needs consent: add --update to make it, or --no-update "
            "to leave it out."
        )
    if cancellations:
        sentences.append(
            f"{_events(cancellations, 'was', 'were')} cancelled in the calendar: add --cancel to cancel for good, with "
            "refunds, or --no-cancel to keep."
        )
    return " ".join(sentences)


def _ask_about(verb: str, proposals: Sequence[Proposal]) -> dict[Proposal, bool]:
    choice = "each"
    if len(proposals) > 1:
        question = f"{verb} all of these {len(proposals)} events, none, or ask for each? [none]:"
        choice = _reply(question, {"all": "all", "": "none", "none": "none", "each": "each"})
    if choice != "each":
        return dict.fromkeys(proposals, choice == "all")
    return {
        proposal: _reply(f"{verb} “{one_line(proposal.title)}”? [y/N]:", _YES_OR_NO) == "yes"
        for proposal in proposals
    }


def _reply(question: str, choices: Mapping[str, str]) -> str:
    """Ask until the answer is one of the choices; return its value."""
    while True:
        # Not with `input`, which writes to standard output if that is no terminal.
        typer.echo(f"{question} ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            raise typer.Abort
        if line.strip().casefold() in choices:
            return choices[line.strip().casefold()]


def _describe_change(change: Change) -> str:
    return f"{change.field}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(text: str) -> str:
    line = one_line(text)
    return (line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}...") or "(empty)"


def _events(count: int, one: str, more: str) -> str:
    return f"1 event {one}" if count == 1 else f"{count} events {more}"
