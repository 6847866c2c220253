"""Text that people type, made fit to keep and to show."""

import unicodedata

JOINERS = "\u200c\u200d"
"""Invisible, but Malayalam, Bengali and Persian are not spelled right without them."""


def tidy(text: str, *, lines: bool = False) -> str:
    """The text normalised (NFC) and trimmed. `ValueError` where it holds what nobody can see or type.

    Cc are control characters, Cf invisible marks that can hide or reverse a name, Cs halves of characters. With
    `lines`, line breaks (of any kind, kept as one) and tabs may be in it.
    """
    also = f"{JOINERS}\n\t" if lines else JOINERS
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n") if lines else text)
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in also for sign in text):
        msg = "Control characters and invisible marks cannot be part of this."
        raise ValueError(msg)
    return text.strip()


def tidy_lines(text: str) -> str:
    """As `tidy`, with line breaks."""
    return tidy(text, lines=True)
