"""Writes hints: each as a page, and as a section of the student's report."""

from pathlib import Path

from festgate.files import write_atomically
from festgate.lab.description.starter import Starter
from festgate.lab.hints.catalogue import HINTS
from festgate.lab.hints.hint import Hint, Material
from festgate.lab.student.folder import HINTS as HINTS_FOLDER
from festgate.rehearsal.report import Compared
from festgate.rehearsal.report.document import Chart, Document, Notice, Section
from festgate.rehearsal.report.page import page
from festgate.rehearsal.verdict.findings import LoadFinding


def findings_of(compared: Compared) -> tuple[LoadFinding, ...]:
    """Return the findings that forbid a comparison, and those that weaken it."""
    return (*compared.comparison.refusals, *compared.comparison.flags)


def write_hints(
    starter: Starter, lab: Path, name: str, compared: Compared
) -> list[tuple[Hint, LoadFinding, Path]]:
    """Write a page into the folder `hints` for each finding of a route's comparison. Raises OSError."""
    material = Material(compared.before, compared.after)
    return [
        (hint := HINTS[finding.code], finding, write_hint(starter, lab, name, hint, finding.figure, material))
        for finding in findings_of(compared)
    ]


def write_hint(
    starter: Starter, lab: Path, name: str, hint: Hint, figure: str, material: Material | None
) -> Path:
    """Write the page of one hint atomically; `name` is the route's name, or empty. Raises OSError."""
    folder = lab / HINTS_FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / "-".join(part for part in (name, f"{hint.code}.html") if part)
    write_atomically(path, page(hint_document(starter.paths.get(name, ""), hint, figure, material)))
    return path


def hint_document(path: str, hint: Hint, figure: str, material: Material | None) -> Document:
    """Build a page that holds one hint; `path` is the route's, or empty for a conclusion of the report."""
    chart = _chart(hint, material)
    return Document(
        title=f"A hint for {path or 'your report'}",
        tone="warn",
        verdict=hint.title,
        words=_explanation(hint, figure),
        sections=(
            Section(
                "In your own runs",
                words=() if chart else (_missing_picture(hint, material),),
                charts=(chart,) if chart else (),
            ),
            Section("The question", notices=(Notice("plain", hint.question),)),
        ),
        product="Festgate lab",
    )


def hint_section(path: str, hint: Hint, figure: str, material: Material | None) -> Section:
    """Build a section of a report: what happened, the question, and the picture or why there is none."""
    chart = _chart(hint, material)
    return Section(
        f"Hint for {path or 'your report'}: {hint.title}",
        words=(*_explanation(hint, figure), *(() if chart else (_missing_picture(hint, material),))),
        notices=(Notice("plain", hint.question),),
        charts=(chart,) if chart else (),
    )


def _explanation(hint: Hint, figure: str) -> tuple[str, ...]:
    return (hint.happened, *((f"Here: {figure}.",) if figure else ()))


def _chart(hint: Hint, material: Material | None) -> Chart | None:
    if not hint.picture or material is None or not material.runs:
        return None
    # Altair takes 0.3 s to import, and only a picture needs it.
    from festgate.lab.hints.pictures import PICTURES  # noqa: PLC0415

    return PICTURES[hint.picture](material)


def _missing_picture(hint: Hint, material: Material | None) -> str:
    if hint.no_picture:
        return hint.no_picture
    if material is None or not material.runs:
        return "There is no run to show this with yet: `festgate lab load events` makes one."
    return "There is no picture: these runs show nothing of this kind."
