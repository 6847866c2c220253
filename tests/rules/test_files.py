"""Rules for every file of the project."""

import re

from tests.rules.project import ROOT, files, lines, name

# Written so that this file does not match itself.
LATER = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|HAC[K])\b")
REGISTRY = re.compile(
    r"python[h]osted|[p]ypi\.org|registry\.[n]pmjs|deb\.[d]ebian|crates\.[i]o|rubygems\.[o]rg"
)
MACHINE = re.compile(r"(/[w]ork/|/[r]oot/|/tmp/[a-z]+-[a-z0-9]|/home/[a-z]+/|/[U]sers/[a-z]+/)")
NOT_RUN = re.compile(r"pytest\.(mark\.)?(ski[p]|ski[p]if|xfai[l])\b|assert Tru[e]\b|pytest\.importorski[p]")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "service", "services"}


def found(pattern: re.Pattern[str], *endings: str) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:120]}"
        for path in files(*endings)
        for number, line in enumerate(lines(path), start=1)
        if pattern.search(line)
    ]


def test_nothing_is_left_for_later() -> None:
    code = (".py", ".html", ".js", ".css", ".svg", ".toml", "Makefile", "run", ".txt", ".xml", ".ics")
    assert not found(LATER, *code)


def test_no_file_names_a_package_registry() -> None:
    assert not found(REGISTRY)


def test_no_file_names_a_path_of_someones_machine() -> None:
    assert not found(MACHINE)


def test_every_test_runs_and_can_fail() -> None:
    assert not found(NOT_RUN, ".py")


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = [
        name(path)
        for path in files(".py")
        if VAGUE & {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert not vague


def test_every_file_of_text_is_utf_8_with_unix_lines_and_ends_in_one() -> None:
    binary = (".png", ".jpg", ".ico", ".woff2", ".gif", ".webp", ".xz")
    crooked = [
        name(path)
        for path in files()
        if path.suffix not in binary
        and (content := path.read_bytes())
        and (not content.endswith(b"\n") or b"\r" in content.replace(b"\r\n", b"\r"))
    ]
    assert not crooked
