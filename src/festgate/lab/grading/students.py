"""Read the name, number and section of a student, from the head of a report and from the name of the submission."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

Field = Literal["name", "number", "section", "account"]
FIELDS: Final[tuple[Field, ...]] = ("name", "number", "section", "account")
HEAD: Final = 40
"""Lines of a report in which its author is named."""
MAX_LENGTH: Final = 80
"""Characters of a field."""
_LABELS: Final[tuple[tuple[Field, str], ...]] = (
    (
        "number",
        (
            r"(?:s\.?r\.?n\.?|u\.?s\.?n\.?|p\.?r\.?n\.?|(?:univ(?:ersity)?\.?\s+)?roll|reg(?:istration|d?\.?)?"
            r"|enrol(?:l)?ment|matriculation|student\s*(?=id|no|num)|id(?=\s*(?:no|num|:|-)))"
            r"\s*\.?\s*(?:no\.?|number|num\.?|id|\#)?"
        ),
    ),
    ("name", r"(?:(?:student|full)(?:['\u2019]s)?\s+)?name|submitted\s+by|author|done\s+by|prepared\s+by"),
    ("section", r"(?:class\s+(?:and|&)\s+)?sec(?:tion)?\.?|division|batch|class"),
)
_LABEL: Final = re.compile(
    "|".join(rf"(?P<{name}>(?<![\w/])(?:{pattern})(?![\w/]))" for name, pattern in _LABELS), re.IGNORECASE
)
_BETWEEN: Final = re.compile(r"\s*(?:[:=|\t]|-(?=\s)|\u2013|\u2014)+\s*")
"""The characters between a label and its value."""
_END: Final = re.compile(r"\t|\||\s{3,}|[;,]\s*$|\s+[-\u2013\u2014]\s*$")
_NUMBER: Final = re.compile(
    r"(?=[A-Z0-9]*[0-9]{2})(?=[A-Z0-9]*[A-Z])[A-Z0-9]{6,16}|[0-9]{6,14}", re.IGNORECASE
)
_SECTION: Final = re.compile(
    r"(?:section|sec|division|batch)\b\s*[-:.]?\s*(?P<value>[A-Z0-9]{1,4})(?!\w)", re.IGNORECASE
)
_MOODLE: Final = re.compile(r"(?P<name>.+?)_(?P<account>\d+)_assignsubmission_[a-z]+_", re.IGNORECASE)
_CANVAS: Final = re.compile(r"(?P<name>[^_\W\d]+)(?:_late)?_(?P<account>\d+)_\d+_", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{2,}\.?")
_OTHER_WORDS: Final = re.compile(
    "app|assignment|cc|cloud|computing|code|copy|exercise|fest|festgate|final|finalised|folder|group|handin|lab|main|master"
    "|mono|monolith|new|only|other|portal|project|report|sec|section|src|submissions?|task|team|the|updated|version|zip",
    re.IGNORECASE,
)
"""Words in the name of a folder that are no name of a person."""


@dataclass(frozen=True, slots=True)
class Student:
    """The author of a submission, as far as it names one."""

    name: str = ""
    number: str = ""
    """The roll or registration number of the school."""
    section: str = ""
    account: str = ""
    """The number or name by which a gradebook knows the student: Moodle's participant, Canvas's user, GitHub's name."""
    unsure: frozenset[Field] = frozenset()
    """Fields that were guessed, or that two places give differently."""


def student_of(names: Student, heads: Iterable[Student]) -> Student:
    """Combine what the submission's name and the heads of its reports give; labels in a report come first."""
    student = Student()
    for read in (*heads, names):
        student = _combined(student, read)
    return student


def students_by_name(names: Sequence[str]) -> dict[str, Student]:
    """Read the names of all submissions; those of GitHub Classroom are recognised by their common beginning."""
    parts = [name.casefold().split("-") for name in names]
    common = 0
    while len(names) > 1 and all(
        len(part) > common + 1 and part[common] == parts[0][common] for part in parts
    ):
        common += 1
    return {name: _by_name(name, common) for name in names}


def student_in_head(lines: Sequence[str]) -> Student:
    """Read the first lines of a report."""
    fields: dict[Field, str] = {}
    unsure: set[Field] = set()
    bare = [re.sub(r"[*#>`]|</?\w+>", " ", line).strip() for line in lines[:HEAD]]
    for line in bare:
        for field, value in _labelled(line):
            fields.setdefault(field, value)
    for line in bare:
        for field, value in _unlabelled(line, named="name" in fields):
            if field not in fields:
                fields[field] = value
                unsure.add(field)
    return Student(**fields, unsure=frozenset(unsure))


def _labelled(line: str) -> Iterable[tuple[Field, str]]:
    labels = [
        (match, between)
        for match in _LABEL.finditer(line)
        if (between := _BETWEEN.match(line, match.end())) is not None or match["name"]
    ]
    for number, (match, between) in enumerate(labels):
        start = match.end() if between is None else between.end()
        end = labels[number + 1][0].start() if number + 1 < len(labels) else len(line)
        field: Field = next(name for name in FIELDS if name != "account" and match[name])
        value = _END.split(line[start:end].strip(" |\t"), maxsplit=1)[0].strip(" ,;:|-(")
        if between is None and not re.fullmatch(
            r"submitted\s+by|done\s+by|prepared\s+by", match[0], re.IGNORECASE
        ):
            continue
        inner = re.search(r"\((?P<value>[^()]+)\)?", value) if field == "name" else None
        if inner is not None:
            # The number is often in brackets behind the name.
            value = value[: inner.start()].strip()
            if _NUMBER.fullmatch(inner["value"].strip()):
                yield "number", inner["value"].strip().upper()
        if field == "number":
            number_in = _NUMBER.search(value)
            value = number_in[0].upper() if number_in else value.partition(" ")[0]
        if field == "name" and not _WORD.search(value):
            continue
        if value and len(value) <= MAX_LENGTH:
            yield field, value


def _unlabelled(line: str, *, named: bool) -> Iterable[tuple[Field, str]]:
    """Yield a number, a section and a name from a short line such as `Meera Nair, 1AB22CS001, Section C`."""
    if len(line) > MAX_LENGTH or line.endswith((".", ":")):
        return
    section = _SECTION.search(line)
    if section is not None:
        yield "section", section["value"].upper()
    number = re.search(rf"(?<![\w/.]){_NUMBER.pattern}(?![\w/.])", line, re.IGNORECASE)
    if number is None or not re.search(r"[A-Z]", number[0], re.IGNORECASE):
        return
    yield "number", number[0].upper()
    words = line[: number.start()].strip(" ,;:-|()\u2013\u2014\t")
    if (
        not named
        and words
        and all(_WORD.fullmatch(word) or len(word.strip(".")) == 1 for word in words.split())
    ):
        yield "name", words


def _by_name(name: str, common: int) -> Student:
    for pattern in (_MOODLE, _CANVAS):
        match = pattern.match(name)
        if match is not None:
            # Moodle writes the name as it shows it, Canvas in small letters without spaces.
            moodle = pattern is _MOODLE
            known = re.sub(r"[\s_]+", " ", match["name"]).strip()
            guessed: frozenset[Field] = frozenset() if moodle else frozenset({"name"})
            return Student(name=known[:MAX_LENGTH], account=match["account"], unsure=guessed)
    stem = re.sub(r"\.(?:zip|rar|7z|tar|gz|tgz|pdf|docx)$", "", name, flags=re.IGNORECASE)
    if common:
        account = stem.split("-", common)[common][:MAX_LENGTH]
        return replace(_guessed(account), account=account)
    return _guessed(stem)


def _guessed(stem: str) -> Student:
    parts = [part for part in re.split(r"[\s_\-.,()+]+", stem) if part]
    number = next((part.upper() for part in parts if _NUMBER.fullmatch(part)), "")
    words = [
        word
        for part in parts
        for word in re.findall(r"[^\W\d_][^\W\d_A-Z]*|[A-Z]+(?![a-z])", part)
        if not any(character.isdigit() for character in part)
    ]
    known = " ".join(
        word if word[:1].isupper() else word.capitalize()
        for word in words
        if not _OTHER_WORDS.fullmatch(word)
    )
    student = Student(name=known[:MAX_LENGTH], number=number)
    return replace(student, unsure=_filled(student))


def _combined(student: Student, read: Student) -> Student:
    """Add the missing fields of `student`; a certain value replaces a guess; two different ones are unsure."""
    fields: dict[Field, str] = {}
    unsure = set(student.unsure)
    for field in FIELDS:
        ours, theirs = getattr(student, field), getattr(read, field)
        fields[field] = ours or theirs
        if not theirs:
            continue
        if not ours or (field in student.unsure and field not in read.unsure):
            fields[field] = theirs
            unsure.discard(field)
            if field in read.unsure:
                unsure.add(field)
        elif field in student.unsure and _same(ours, theirs):
            unsure.discard(field)  # two places agree
        elif field not in read.unsure and not _same(ours, theirs):
            unsure.add(field)
    return Student(**fields, unsure=frozenset(unsure))


def _same(one: str, other: str) -> bool:
    """Return whether two texts have the same words or letters, in any order; the shorter may leave words out."""
    first, second = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    letters = [sorted("".join(words)) for words in (first, second)]
    return first <= second or second <= first or letters[0] == letters[1]


def _filled(student: Student) -> frozenset[Field]:
    return frozenset(field for field in FIELDS if getattr(student, field))
