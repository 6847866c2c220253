"""Text from hand scanners: what they add around a code, and codes that were typed on another keyboard layout."""

from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from festgate.kit.ids import ALPHABET
from festgate.portal.tickets.issue import CODE_LENGTH
from festgate.portal.tickets.keyboards import COMMON, LAYOUTS
from festgate.portal.tickets.qr import ForgedCode, qr_text
from festgate.portal.tickets.scans import (
    MAX_GUESSES,
    MAX_SCAN_LENGTH,
    NotACode,
    OtherKeyboard,
    Scan,
    read_scan,
)

SECRET = b"a secret of thirty-two bytes...."
CODE = "7GK2M9QX04ZTYWAB"
QR = qr_text(SECRET, CODE)
ADDRESS = f"https://fest.example/tickets/{CODE}"
PAIRS = [
    (scanner, computer)
    for scanner, computer in permutations(LAYOUTS, 2)
    if not COMMON.isdisjoint((scanner, computer)) and scanner != "Russian"  # which has no letters of a code
]
codes = st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH)


def type_on(scanner: str, computer: str, text: str, caps_lock: str = "off") -> str:
    """Return the text that the computer reads if the scanner presses the keys of its own layout."""
    keys = "".join(LAYOUTS[scanner])
    alone, shifted = LAYOUTS[computer]
    signs = shifted + alone if caps_lock == "shift" else alone + shifted
    typed = "".join(signs[keys.index(sign)] if sign in keys else "\0" for sign in text)
    return "".join(_swap(sign) for sign in typed) if caps_lock == "letters" else typed


def _swap(sign: str) -> str:
    return sign.swapcase() if len(sign.swapcase()) == 1 else sign


@pytest.mark.parametrize("text", [QR, ADDRESS])
@pytest.mark.parametrize(
    "before, after",
    [
        ("]Q1", ""),
        ("]Q2\\000026", "\r"),
        ("]d2", "\t"),
        ("\x02", "\x03"),
        ("\x02]Q1", "\x03\r\n"),
        ("\ufeff", "\n"),
        (" \u200e", "\u200b "),
        ("", "\x04"),
        ("\x1d", "\x1e"),
    ],
)
def test_characters_that_scanners_add_are_left_out(text: str, before: str, after: str) -> None:
    assert read_scan(SECRET, f"{before}{text}{after}").code == CODE


SIGNATURE = QR[-16:]
assert (QR, SIGNATURE) == ("FESTGATE1:7GK2M9QX04ZTYWAB:9A58B1DE6CA9B920", "9A58B1DE6CA9B920")


@pytest.mark.parametrize(
    "typed",
    [
        "FESTGATE1Ö7GK2M9QX04YTZWABÖ9A58B1DE6CA9B920",  # an American scanner on a German computer
        "festgate1ö7gk2m9qx04ytzwabö9a58b1de6ca9b920",  # the same with Caps Lock
        'festgate!ö/gk"m)qx=$ytzwabö)a%(b!de&ca)b)"=',  # the same with a Caps Lock that shifts digits
        "FESTGATE1>7GK2M9QX04YTZWAB>9A58B1DE6CA9B920",  # a German scanner on an American computer
        "FESTGQTE&MèGKé?çAXà'WTYZQBMçQ(_B&DE-CQçBçéà",  # an American scanner on a French computer
        "$A&FESTGQTE&MèGKé?çAXà'WTYZQBMçQ(_B&DE-CQçBçéà",  # the same with the prefix ]Q1
        "FESTGQTE!.&GK@:(AX)$WTYZQB.(Q%*B!DE^CQ(B(@)",  # a French scanner on an American computer
        'U>OYIAY>1S7IT2M9"Q04:YF<AXS9A58X1E>6JA9X920',  # an American scanner on a computer with Dvorak
        "АУЫЕПФЕУ1Ж7ПЛ2Ь9ЙЧ04ЯЕНЦФИЖ9Ф58И1ВУ6СФ9И920",  # an American scanner on a Russian computer  # noqa: RUF001
    ],
)
def test_a_ticket_typed_on_the_wrong_keyboard_is_read(typed: str) -> None:
    assert read_scan(SECRET, typed) == Scan(CODE)


@pytest.mark.parametrize("caps_lock", ["off", "letters", "shift"])
@pytest.mark.parametrize("text", [QR, f"]Q1{QR}", ADDRESS])
def test_every_pair_with_a_common_layout_is_undone(text: str, caps_lock: str) -> None:
    unread = []
    tried = 0
    for scanner, computer in PAIRS:
        typed = type_on(scanner, computer, text, caps_lock)
        if (
            "\0" in typed
        ):  # the scanner has no key for a character of the text, or the computer none for a key
            continue
        tried += 1
        scan = read_scan(SECRET, typed)
        assert len(scan.guesses) <= MAX_GUESSES
        if scan != Scan(CODE) if text.endswith(SIGNATURE) else CODE not in (scan.code, *scan.guesses):
            unread.append((scanner, computer, typed))
    assert (unread, tried > 20) == ([], True)


@given(code=codes, pair=st.sampled_from(PAIRS), caps_lock=st.sampled_from(["off", "letters", "shift"]))
def test_a_signed_code_is_read_from_every_other_keyboard(
    code: str, pair: tuple[str, str], caps_lock: str
) -> None:
    typed = type_on(*pair, qr_text(SECRET, code), caps_lock)
    assume("\0" not in typed)  # a key that gives no character
    assert read_scan(SECRET, typed) == Scan(code)


@given(code=codes, pair=st.sampled_from(PAIRS))
def test_a_forged_code_is_refused_on_every_keyboard(code: str, pair: tuple[str, str]) -> None:
    with pytest.raises(ForgedCode):
        read_scan(SECRET, type_on(*pair, qr_text(b"another fest's secret, made up...", code)))


def test_a_code_alone_is_taken_as_it_was_typed_and_other_keyboards_are_guesses() -> None:
    assert read_scan(SECRET, CODE) == Scan(CODE, (CODE.translate(str.maketrans("YZ", "ZY")),))
    without_letters_that_differ = "7GK2M9QX04TTXWAB"
    assert read_scan(SECRET, without_letters_that_differ) == Scan(without_letters_that_differ)
    french = type_on("American", "French", CODE)
    assert (read_scan(SECRET, french).code, CODE in read_scan(SECRET, french).guesses) == (None, True)


@pytest.mark.parametrize(
    "typed",
    [
        QR.translate(str.maketrans("FESTGA1:7", "qwrzuio+p")),  # no layout that is known
        QR.replace(":", ""),
        f"]Q1{QR}".translate(str.maketrans("]Q1FESTGA:", "#x!vbnmlkj")),
        ADDRESS.translate(str.maketrans("htps:/", "qwert%")),
    ],
)
def test_a_text_that_cannot_be_undone_names_the_keyboard(typed: str) -> None:
    with pytest.raises(OtherKeyboard, match="Set the scanner's keyboard language to the computer's"):
        read_scan(SECRET, typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "asha@example.org",
        "U" * 16,  # mistyped: no code has this letter
        "FESTGATE1:7GK2",
        QR[:-1],
        "https://fest.example/events/open-talk",
        "WIFI:S:fest;T:WPA;P:openopenopenopen;;",
        "a whole sentence that a guest typed instead of a code",
        "x" * MAX_SCAN_LENGTH,
    ],
)
def test_other_texts_are_not_taken_for_another_keyboard(typed: str) -> None:
    with pytest.raises(NotACode, match="This is not a ticket code"):
        read_scan(SECRET, typed)
