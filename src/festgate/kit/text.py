"""Text that people type, made fit to keep and to show."""

import unicodedata

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties, as far as it is not in category Cf; and the blank of
# Braille, which is no space to any program and nothing to any eye.
_UNSEEN_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),
)
JOINERS = "\u200c\u200d"
"""Invisible, but Malayalam, Bengali and Persian are not spelled right without them."""


def is_unseen(sign: str) -> bool:
    """Whether the character shows nothing: an invisible mark, a filler, a variation selector, a tag, a blank."""
    point = ord(sign)
    return unicodedata.category(sign) == "Cf" or any(first <= point <= last for first, last in _UNSEEN_RANGES)


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
    text = text.strip()
    if text and all(is_unseen(sign) or sign.isspace() for sign in text):
        msg = "This shows nothing: write something that can be read."
        raise ValueError(msg)
    return text


def tidy_lines(text: str) -> str:
    """As `tidy`, with line breaks."""
    return tidy(text, lines=True)
