"""Rules for every file of the project."""

import re

from tests.rules.project import ROOT, files, lines, name

# Written so that this file does not match itself.
LATER = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X|HAC[K])\b")
REGISTRY = re.compile(
    r"python[h]osted|[p]ypi\.org|registry\.[n]pmjs|deb\.[d]ebian|crates\.[i]o|rubygems\.[o]rg"
)
MACHINE = re.compile(r"(/[w]ork/|/[r]oot/|/tmp/[a-z]+-[a-z0-9]|/home/[a-z]+/|/[U]sers/[a-z]+/)")
DISABLED_TEST = re.compile(
    r"pytest\.(mark\.)?(ski[p]|ski[p]if|xfai[l])\b|assert Tru[e]\b|pytest\.importorski[p]"
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "service", "services"}


def matching_lines(pattern: re.Pattern[str], *endings: str) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:120]}"
        for path in files(*endings)
        for number, line in enumerate(lines(path), start=1)
        if pattern.search(line)
    ]


def test_no_file_has_a_reminder_for_later() -> None:
    code = (".py", ".html", ".js", ".css", ".svg", ".toml", "Makefile", "run", ".txt", ".xml", ".ics")
    assert not matching_lines(LATER, *code)


def test_no_file_names_a_package_registry() -> None:
    assert not matching_lines(REGISTRY)


def test_no_file_contains_a_path_of_a_developers_machine() -> None:
    assert not matching_lines(MACHINE)


def test_every_test_runs_and_can_fail() -> None:
    assert not matching_lines(DISABLED_TEST, ".py")


def test_no_file_or_folder_has_a_vague_name() -> None:
    vague = [
        name(path)
        for path in files(".py")
        if VAGUE & {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts}
    ]
    assert not vague


def test_every_text_file_has_unix_line_ends_and_a_final_newline() -> None:
    binary = (".png", ".jpg", ".ico", ".woff2", ".gif", ".webp", ".xz")
    wrong_files = [
        name(path)
        for path in files()
        if path.suffix not in binary
        and (content := path.read_bytes())
        and (not content.endswith(b"\n") or b"\r" in content.replace(b"\r\n", b"\r"))
    ]
    assert not wrong_files
