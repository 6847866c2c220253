"""The words of docs/glossary.md: refused words, and discouraged words whose counts may only fall."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.project import ROOT, files, name

# Written so that this file does not match itself.
REFUSED = (
    r"\b[Dd]e[e]ds?\b",
    r"\b_?(MO[S]T|LEA[S]T|LONGE[S]T|SHORTE[S]T|LARGE[S]T|SMALLE[S]T)_[A-Z]",
    r"\b[Ll]etter[b]ox",
    r"\b[Ee]-[m]ail",
    r"\bmail[b]ag\b",
    r"\b[Ww]hat sen[d]s\b",
    r"\bmodules? res[t]s?\b",
    r"\bmen[d] what\b",
    r"\b_wor[r]y\b",
    r"\b_fare[w]ell\b",
    r"\b(this|the) did not fi[t]\b",
    r"\byou we hop[e]\b",
    r"method-not-ta[k]en",
)
COUNTS = Path(__file__).with_name("words.toml")
"""The file with the last count of each habit."""


def sources(*endings: str) -> Iterator[Path]:
    """Yield the files that the rules apply to: not the migrations, and not the starter of the lab."""
    for path in files(*endings):
        file_name = name(path)
        if (
            path != Path(__file__)
            and "migrations/versions" not in file_name
            and "lab/starter" not in file_name
        ):
            yield path


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text of each file in which no refused word may occur, by its name."""
    return {
        name(path): path.read_text(encoding="utf-8")
        for path in sources(".py", ".html", ".md", ".toml", ".js", ".txt")
        if name(path) not in {"docs/glossary.md", "CHANGELOG.md"}
    }


@pytest.mark.parametrize("pattern", REFUSED)
def test_no_file_contains_a_refused_word(texts: dict[str, str], pattern: str) -> None:
    matches = [
        f"{file_name}:{len(text[: match.end()].splitlines())}: {match[0]}"
        for file_name, text in texts.items()
        for match in re.finditer(pattern, text)
    ]
    assert not matches


def habits() -> Counter[str]:
    """Count each habit in the code: vague names, speaking machines, docstrings that continue a name."""
    counts: Counter[str] = Counter()
    for path in sources(".py"):
        if path.relative_to(ROOT).parts[0] not in {"src", "tests", "bench"}:
            continue
        text = path.read_text(encoding="utf-8")
        counts["machines that tell or say"] += len(re.findall(r"\b(tells?|told|says?|said)\b", text))
        counts["who or whoever"] += len(re.findall(r"\b([Ww]ho|[Ww]hoever)\b", text))
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and node.id in {"found", "each"}
            ):
                counts["names that say nothing"] += 1
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node) or ""
                counts["docstrings that continue a name"] += bool(
                    re.match(r"(What|Of|As|Those|That|Which|For|Whether|Where|How)\b", docstring)
                )
    return counts


def test_the_counts_of_discouraged_words_do_not_grow() -> None:
    stored = tomllib.loads(COUNTS.read_text(encoding="utf-8"))
    counted = habits()
    grown = {
        habit: f"{count}, were {stored[habit]}" for habit, count in counted.items() if count > stored[habit]
    }
    assert set(stored) == set(counted)
    assert not grown, "write these in another way; lower the stored count where it has fallen"
