"""Every link of the documentation that points inside the project has a target."""

import re
from pathlib import Path
from urllib.parse import unquote

from tests.rules.project import ROOT, files, name

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+[\"'][^)]*)?\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(?P<target>[^\s>]+)", re.MULTILINE)
SOURCE = re.compile(r"(?:src|srcset|href)=\"(?P<target>[^\"\s]+)")
HEADING = re.compile(r"^#{1,6}\s+(?P<title>.+?)\s*#*\s*$", re.MULTILINE)
ANCHOR = re.compile(r"(?:id|name)=\"(?P<name>[^\"]+)\"")


def anchors(page: str) -> set[str]:
    """Return the anchors of a page, made from its headings in the usual way."""
    taken: dict[str, int] = {}
    names = {match["name"] for match in ANCHOR.finditer(page)}
    for match in HEADING.finditer(FENCE.sub("", page)):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["title"])
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = taken.get(slug, 0)
        taken[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def targets(page: str) -> list[str]:
    """Return the targets of the page's links and pictures, except those shown as code."""
    prose = CODE.sub("", FENCE.sub("", page))
    return [match["target"] for pattern in (LINK, REFERENCE, SOURCE) for match in pattern.finditer(prose)]


def broken(path: Path) -> list[str]:
    """Return the broken links of a page; links to other sites are not followed."""
    page = path.read_text(encoding="utf-8")
    errors = []
    for target in targets(page):
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
            continue
        place, _, anchor = unquote(target).partition("#")
        aim = (ROOT / place.lstrip("/") if place.startswith("/") else path.parent / place) if place else path
        if not aim.exists() or not aim.resolve().is_relative_to(ROOT):
            errors.append(f"{name(path)}: {target}: there is no such file")
        elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text(encoding="utf-8")):
            errors.append(f"{name(path)}: {target}: there is no such heading")
    return errors


def test_every_link_inside_the_project_has_a_target() -> None:
    assert not [line for path in files(".md") for line in broken(path)]


def test_the_targets_and_anchors_of_a_page_are_parsed() -> None:
    page = (
        "# A title\n\n[a](#a-title) [b](#b-title) ![c](no.png) [d][d]\n\n[d]: docs/none.md\n\n`[e](none)`\n"
    )
    assert targets(page) == ["#a-title", "#b-title", "no.png", "docs/none.md"]
    assert anchors(page) == {"a-title"}


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    start = ROOT / "README.md"
    seen = {start}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        for target in targets(path.read_text(encoding="utf-8")):
            place = unquote(target).partition("#")[0]
            aim = (path.parent / place).resolve()
            reached = [aim, *([aim / "README.md"] if aim.is_dir() else [])]
            for page in reached:
                if page.suffix == ".md" and page.is_file() and page not in seen:
                    seen.add(page)
                    waiting.append(page)
    pages = {path for path in files(".md") if path.relative_to(ROOT).parts[0] == "docs"}
    assert not sorted(map(name, pages - seen))
