"""Hints written: a page of its own for each, and the section that it is in a report."""

from pathlib import Path

from festgate.files import write_atomically
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Hint, Material
from festgate.lab.student import folder as places
from festgate.lab.student.folder import ROUTES
from festgate.rehearsal.report import Compared
from festgate.rehearsal.report.document import Chart, Document, Notice, Section
from festgate.rehearsal.report.page import page
from festgate.rehearsal.verdict.findings import LoadFinding


def findings_of(found: Compared) -> tuple[LoadFinding, ...]:
    """What forbids a comparison, and what weakens it."""
    return (*found.comparison.refusals, *found.comparison.flags)


def write_hints(lab: Path, name: str, found: Compared) -> list[tuple[Hint, LoadFinding, Path]]:
    """A page for each finding of a comparison of a route, into the folder `hints`. Raises OSError."""
    material = Material(found.before, found.after)
    return [
        (hint := HINTS[finding.code], finding, write_hint(lab, name, hint, finding.figure, material))
        for finding in findings_of(found)
    ]


def write_hint(lab: Path, name: str, hint: Hint, figure: str, material: Material | None) -> Path:
    """The page of one hint, whole or not at all; `name` is the route's, or empty. Raises OSError."""
    folder = lab / places.HINTS
    folder.mkdir(exist_ok=True)
    path = folder / "-".join(part for part in (name, f"{hint.code}.html") if part)
    write_atomically(path, page(hint_document(name, hint, figure, material)))
    return path


def hint_document(name: str, hint: Hint, figure: str, material: Material | None) -> Document:
    """A page that holds one hint."""
    chart = _drawn(hint, material)
    return Document(
        title=f"A hint for {ROUTES.get(name, 'your report')}",
        tone="warn",
        verdict=hint.title,
        words=_told(hint, figure),
        sections=(
            Section(
                "In your own runs",
                words=() if chart else (_why_not(hint, material),),
                charts=(chart,) if chart else (),
            ),
            Section("The question", notices=(_asked(hint),)),
        ),
        product="Festgate lab",
    )


def hint_section(name: str, hint: Hint, figure: str, material: Material | None) -> Section:
    """A hint as a part of a report: what happened, the question, and the picture, or why there is none."""
    chart = _drawn(hint, material)
    return Section(
        f"Hint for {ROUTES.get(name, 'your report')}: {hint.title}",
        words=(*_told(hint, figure), *(() if chart else (_why_not(hint, material),))),
        notices=(_asked(hint),),
        charts=(chart,) if chart else (),
    )


def _told(hint: Hint, figure: str) -> tuple[str, ...]:
    return (hint.happened, *((f"Here: {figure}.",) if figure else ()))


def _asked(hint: Hint) -> Notice:
    return Notice("plain", hint.question)


def _drawn(hint: Hint, material: Material | None) -> Chart | None:
    if not hint.picture or material is None or not material.runs:
        return None
    # Altair takes 0.3 s to import, and only a picture needs it.
    from festgate.lab.hints.pictures import PICTURES  # noqa: PLC0415

    return PICTURES[hint.picture](material)


def _why_not(hint: Hint, material: Material | None) -> str:
    if hint.no_picture:
        return hint.no_picture
    if material is None or not material.runs:
        return "There is no run yet to show it with: `festgate lab load events` plays one."
    return "There is no picture: the runs that were looked at have nothing of it."
