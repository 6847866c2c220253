"""Keyboard layouts, and text that was typed on the wrong one.

A hand scanner is a keyboard: for each character of a code it presses a key of the layout that it is set to. A computer
that is set to another layout reads another character from the same key. A table of each layout's characters by key
undoes that.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import permutations
from typing import Final

LAYOUTS: Final[Mapping[str, tuple[str, str]]] = {
    "American": (
        "`1234567890-= qwertyuiop[]\\ asdfghjkl;' zxcvbnm,./",
        '~!@#$%^&*()_+ QWERTYUIOP{}| ASDFGHJKL:" ZXCVBNM<>?',
    ),
    "British": (
        "`1234567890-= qwertyuiop[]# asdfghjkl;' zxcvbnm,./",
        '¬!"£$%^&*()_+ QWERTYUIOP{}~ ASDFGHJKL:@ ZXCVBNM<>?',
    ),
    "German": (
        "^1234567890ß´ qwertzuiopü+# asdfghjklöä yxcvbnm,.-",  # noqa: RUF001
        "°!\"§$%&/()=?` QWERTZUIOPÜ*' ASDFGHJKLÖÄ YXCVBNM;:_",
    ),
    "French": (
        "²&é\"'(-è_çà)= azertyuiop^$* qsdfghjklmù wxcvbn,;:!",
        "\x001234567890°+ AZERTYUIOP¨£µ QSDFGHJKLM% WXCVBN?./§",
    ),
    "Belgian": (
        "²&é\"'(§è!çà)- azertyuiop^$µ qsdfghjklmù wxcvbn,;:=",
        "³1234567890°_ AZERTYUIOP¨*£ QSDFGHJKLM% WXCVBN?./+",
    ),
    "Swiss German": (
        "§1234567890'^ qwertzuiopü¨$ asdfghjklöä yxcvbnm,.-",
        '°+"*ç%&/()=?` QWERTZUIOPè!£ ASDFGHJKLéà YXCVBNM;:_',
    ),
    "Swiss French": (
        "§1234567890'^ qwertzuiopè¨$ asdfghjkléà yxcvbnm,.-",
        '°+"*ç%&/()=?` QWERTZUIOPü!£ ASDFGHJKLöä YXCVBNM;:_',
    ),
    "Spanish": (
        "º1234567890'¡ qwertyuiop`+ç asdfghjklñ´ zxcvbnm,.-",  # noqa: RUF001
        'ª!"·$%&/()=?¿ QWERTYUIOP^*Ç ASDFGHJKLÑ¨ ZXCVBNM;:_',
    ),
    "Italian": (
        "\\1234567890'ì qwertyuiopè+ù asdfghjklòà zxcvbnm,.-",
        '|!"£$%&/()=?^ QWERTYUIOPé*§ ASDFGHJKLç° ZXCVBNM;:_',
    ),
    "Portuguese": (
        "\\1234567890'« qwertyuiop+´~ asdfghjklçº zxcvbnm,.-",  # noqa: RUF001
        '|!"#$%&/()=?» QWERTYUIOP*`^ ASDFGHJKLÇª ZXCVBNM;:_',
    ),
    "Brazilian": (
        "'1234567890-= qwertyuiop´[] asdfghjklç~ zxcvbnm,.;",  # noqa: RUF001
        '"!@#$%¨&*()_+ QWERTYUIOP`{} ASDFGHJKLÇ^ ZXCVBNM<>:',
    ),
    "Swedish": (
        "§1234567890+´ qwertyuiopå¨' asdfghjklöä zxcvbnm,.-",  # noqa: RUF001
        '½!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLÖÄ ZXCVBNM;:_',
    ),
    "Danish": (
        "½1234567890+´ qwertyuiopå¨' asdfghjklæø zxcvbnm,.-",  # noqa: RUF001
        '§!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLÆØ ZXCVBNM;:_',
    ),
    "Norwegian": (
        "|1234567890+\\ qwertyuiopå¨' asdfghjkløæ zxcvbnm,.-",
        '§!"#¤%&/()=?` QWERTYUIOPÅ^* ASDFGHJKLØÆ ZXCVBNM;:_',
    ),
    "Czech": (
        ";+ěščřžýáíé=´ qwertzuiopú)¨ asdfghjklů§ yxcvbnm,.-",  # noqa: RUF001
        "°1234567890%ˇ QWERTZUIOP/(' ASDFGHJKL\"! YXCVBNM?:_",
    ),
    "Hungarian": (
        "0123456789öüó qwertzuiopőúű asdfghjkléá yxcvbnm,.-",
        "§'\"+!%/=()ÖÜÓ QWERTZUIOPŐÚŰ ASDFGHJKLÉÁ YXCVBNM?:_",
    ),
    "Turkish": (
        '"1234567890*- qwertyuıopğü, asdfghjklşi zxcvbnmöç.',  # noqa: RUF001
        "é!'^+%&/()=?_ QWERTYUIOPĞÜ; ASDFGHJKLŞİ ZXCVBNMÖÇ:",
    ),
    "Russian": (
        "ё1234567890-= йцукенгшщзхъ\\ фывапролджэ ячсмитьбю.",
        'Ё!"№;%:?*()_+ ЙЦУКЕНГШЩЗХЪ/ ФЫВАПРОЛДЖЭ ЯЧСМИТЬБЮ,',
    ),
    "Dvorak": (
        "`1234567890[] ',.pyfgcrl/=\\ aoeuidhtns- ;qjkxbmwvz",
        '~!@#$%^&*(){} "<>PYFGCRL?+| AOEUIDHTNS_ :QJKXBMWVZ',
    ),
}
"""The characters of each layout by key, row after row from the upper left: alone, and with Shift. The layouts are those
of Windows; `\\x00` is a key without a character."""
COMMON: Final = frozenset({"American", "German", "French"})
"""The first one is the layout of scanners from the factory; the others stand for QWERTZ and AZERTY."""


def undo(text: str) -> Iterator[str]:
    """Yield the texts that a scanner may have sent if the computer's layout is another one, the likeliest first."""
    seen = {text}
    for table in _tables():
        scanned = text.translate(table)
        if scanned not in seen:
            seen.add(scanned)
            yield scanned


@cache
def _tables() -> tuple[Mapping[int, str], ...]:
    """Return tables from the typed to the scanned character: for pairs of layouts, and for each kind of Caps Lock.

    One layout of each pair is common: all pairs would take 5 ms for each code that cannot be read, and these take 1 ms.
    """
    pairs = [pair for pair in permutations(LAYOUTS, 2) if not COMMON.isdisjoint(pair)]
    pairs.sort(key=lambda pair: "American" not in pair)
    return tuple(table for pair in pairs for table in _tables_of(*pair))


def _tables_of(scanner: str, computer: str) -> Iterator[dict[int, str]]:
    """Yield a table each for Caps Lock off, one that swaps the case of letters, and one that is a Shift Lock."""
    scanned = "".join(LAYOUTS[scanner])
    alone, shifted = LAYOUTS[computer]
    for typed in (alone + shifted, _swap_case(alone + shifted), shifted + alone):
        # Of two keys with the same character, the first counts.
        yield {ord(there): here for there, here in zip(reversed(typed), reversed(scanned), strict=True)}


def _swap_case(signs: str) -> str:
    return "".join(swapped if len(swapped := sign.swapcase()) == 1 else sign for sign in signs)
