"""Searches by words, in columns with texts folded by `festgate.kit.text.searchable`: the same on both databases."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam

from festgate.kit.text import searchable

MAX_WORDS: Final = 5
"""Words of a search that are used; the column has to contain all of them."""


def words_of(text: str) -> list[str]:
    """Return the words of a search, folded; `lopez.maria` is one word, `lopez maria`, and must match as one.

    Punctuation alone is returned as it is: no column contains it. Raises ValueError as `searchable` does.
    """
    words = text.split()
    return [folded for word in words if (folded := searchable(word))][:MAX_WORDS] or words[:1]


def has_words(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the column contains the words whose `word_values` are the parameters."""
    return and_(*(column.like(bindparam(name), escape="\\") for name in _PARAMETERS))


def word_values(words: list[str]) -> dict[str, object]:
    r"""Return the parameters of `has_words`; `%`, `_` and `\` in a word have no special meaning."""
    padded = words + [""] * (MAX_WORDS - len(words))
    return {name: f"%{_escaped(word)}%" for name, word in zip(_PARAMETERS, padded, strict=True)}


_PARAMETERS: Final = tuple(f"word_{number}" for number in range(MAX_WORDS))


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
