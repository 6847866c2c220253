"""Texts of a file as an event can hold them: cleaned of invisible characters, on one line, and cut to their limits."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from festgate.kit.text import DECOMPOSED, JOINERS, REGION_FLAG, is_noncharacter, normalized
from festgate.portal.catalogue.details import MAX_LENGTHS

TEXTS: Final = ("title", "summary", "description", "category", "place")
_BREAKS: Final = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_ODD_BREAKS: Final = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
_KEPT: Final = f"{JOINERS}\n\t"
_JOIN: Final = re.compile(r"[ \t]*\n\s*")
_LIST: Final = re.compile(r",?[ \t]*\n[\s,]*")
_ADDRESS: Final = re.compile(r"https?://(?:[^\s/@]*@)?([^\s/:?#]+)", re.IGNORECASE)


def clean(name: str, text: str, note: Callable[[str], None]) -> str:
    """Return a text of an event without invisible characters, and on one line unless it is the description.

    `note` is called with a sentence for each kind of change.
    """
    if text.isascii() and text.isprintable():
        return text
    odd = len(_ODD_BREAKS.findall(text))
    if odd:
        note(f"{name}: {_count(odd, 'unusual line separator was', 'unusual line separators were')} replaced.")
    text = _BREAKS.sub("\n", text)
    visible = _visible(text)
    dropped = len(text) - len(visible)
    if dropped:
        note(f"{name}: {_count(dropped, 'invisible character was', 'invisible characters were')} left out.")
    return visible if name == "description" else _one_line(name, visible, note)


def _visible(text: str) -> str:
    """Return the text without control and format characters and non-characters; flags of regions are kept."""
    dropped = {ord(sign): None for sign in set(text) if not _is_visible(sign)}
    if not dropped:
        return text
    parts = []
    at = 0
    for flag in REGION_FLAG.finditer(text):
        parts += [text[at : flag.start()].translate(dropped), flag[0]]
        at = flag.end()
    return "".join([*parts, text[at:].translate(dropped)])


def _is_visible(sign: str) -> bool:
    return sign in _KEPT or not (unicodedata.category(sign) in {"Cc", "Cf", "Cs"} or is_noncharacter(sign))


def _one_line(name: str, text: str, note: Callable[[str], None]) -> str:
    stripped = text.strip("\n\t ")
    if "\n" in stripped:
        note(f"{name}: line breaks became {'commas' if name == 'place' else 'spaces'}.")
        stripped = _LIST.sub(", ", stripped) if name == "place" else _JOIN.sub(" ", stripped)
    if "\t" in stripped:
        note(f"{name}: tabs became spaces.")
        stripped = stripped.replace("\t", " ")
    return stripped


def fit(fields: dict[str, str], note: Callable[[str], None]) -> None:
    """Cut the texts that are too long, at a word. What the title and the place lose is in the description."""
    whole = {}
    for name in ("title", "place", "category"):
        text = _composed(fields[name], MAX_LENGTHS[name])
        if len(text) > MAX_LENGTHS[name]:
            fields[name] = _shortened_place(text) if name == "place" else cut(text, MAX_LENGTHS[name])
            whole[name] = text
    limit = MAX_LENGTHS["description"]
    described = _composed(fields["description"], limit)
    before, after = whole.get("title", "")[:limit], whole.get("place", "")[: limit // 2]
    room = limit - sum(len(part) + 2 for part in (before, after) if part)
    if len(described) > room:
        described = cut(described, room) if room > 0 else ""
        note(f"description: it is longer than {limit:,} characters, and was cut.")
    fields["description"] = "\n\n".join(part for part in (before, described, after) if part)[:limit]
    for name in whole:
        rest = "" if name == "category" else "; the whole of it is in the description"
        note(f"{name}: it is longer than {MAX_LENGTHS[name]} characters, and was cut{rest}.")


def cut(text: str, limit: int) -> str:
    """Return the beginning of a text that is too long: `limit` characters or fewer, to the end of a word."""
    head = text[: limit - 1]
    if not text[limit - 1].isspace():
        words = re.match(r"(?s)(.*\S)\s", head)
        # A text without spaces, as in Japanese, is cut anywhere.
        head = words[1] if words and len(words[1]) > limit // 2 else head
    return head.rstrip(" \t\n,;:-(\u2013") + "…"


def _shortened_place(text: str) -> str:
    """Return a place that is cut at a word; a long link is shortened to its host."""
    link = _ADDRESS.match(text)
    limit = MAX_LENGTHS["place"]
    if link and not re.search(r"\s", text[:limit]):
        return link[1][:limit]
    return cut(text, limit)


def _composed(text: str, limit: int) -> str:
    """Return the text as it will be stored, as far as that matters for its length."""
    text = text.strip()
    try:
        return normalized("NFC", text, DECOMPOSED * limit)
    except ValueError:  # too long by far, or with too many marks, which is refused later
        return text


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {many}"
