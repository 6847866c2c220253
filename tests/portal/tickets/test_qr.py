"""QR codes of tickets can be read back, and codes that this fest did not sign are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.errors import Malformed
from festgate.kit.ids import ALPHABET, new_code, read_code
from festgate.kit.qr import draw
from festgate.portal.tickets.facade import ForgedCode, read_qr
from festgate.portal.tickets.issue import CODE_LENGTH
from festgate.portal.tickets.qr import in_fours, qr_text, read_picture, sign
from tests.portal.tickets.pictures import draw_svg, paste, read_pixels

SECRET = b"a secret of thirty-two bytes...."
codes = st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH)


@given(code=codes)
def test_a_ticket_code_is_read_from_its_picture(code: str) -> None:
    pixels, width = draw_svg(draw(qr_text(SECRET, code)), scale=4)
    (text,) = read_pixels(bytes(pixels), width)
    assert read_qr(SECRET, text) == code


def test_a_qr_code_is_read_with_a_stain_and_upside_down() -> None:
    text = qr_text(SECRET, "7GK2M9QX04ZT8WAB")
    pixels, width = draw_svg(draw(text), scale=6)
    stain = 5 * 6
    for row in range(width // 2, width // 2 + stain):
        start = row * width + width // 2
        pixels[start : start + stain] = b"\x80" * stain
    assert read_pixels(bytes(pixels), width) == [text]
    assert read_pixels(bytes(reversed(pixels)), width) == [text]


def test_a_ticket_is_preferred_to_other_codes_in_a_picture() -> None:
    ticket = qr_text(SECRET, "7GK2M9QX04ZT8WAB")
    assert read_picture(draw_picture(["https://fest.example"])) == "https://fest.example"
    assert read_picture(draw_picture(["https://fest.example", ticket])) == ticket
    assert read_picture(draw_picture([ticket, "https://fest.example"])) == ticket


@given(brightness=st.binary(min_size=32 * 32, max_size=32 * 32))
def test_a_picture_without_a_code_returns_nothing(brightness: bytes) -> None:
    assert read_picture(brightness) is None


@pytest.mark.parametrize("size", [0, 1, 28 * 28, 240 * 240 - 1, 240 * 240 + 1])
def test_a_picture_that_is_not_square_is_refused_with_a_message(size: int) -> None:
    with pytest.raises(Malformed, match="A picture is square"):
        read_picture(bytes(size))


def draw_picture(texts: list[str]) -> bytes:
    """Return a grey square with these codes, from its upper left to its lower right corner."""
    side = 240
    brightness = bytearray(b"\x90" * side * side)
    for number, text in enumerate(texts):
        code = draw_svg(draw(text), scale=3)
        corner = number * (side - code[1])
        paste(code, brightness, side, corner, corner)
    return bytes(brightness)


def test_a_qr_code_is_small_and_has_a_quiet_zone() -> None:
    pixels, width = draw_svg(draw(qr_text(SECRET, "0" * CODE_LENGTH)), scale=1)
    assert width == 29 + 2 * 4
    dark = {(at % width, at // width) for at, brightness in enumerate(pixels) if not brightness}
    assert min(x for x, _ in dark) == min(y for _, y in dark) == 4
    assert max(x for x, _ in dark) == max(y for _, y in dark) == width - 5


@given(
    code=codes,
    other_secret=st.binary(min_size=32, max_size=32).filter(lambda other_secret: other_secret != SECRET),
)
def test_a_code_signed_with_another_secret_is_refused(code: str, other_secret: bytes) -> None:
    with pytest.raises(ForgedCode):
        read_qr(SECRET, qr_text(other_secret, code))


@given(code=codes, at=st.integers(0, 42), character=st.sampled_from(ALPHABET + ":"))
def test_a_code_with_one_changed_character_is_refused(code: str, at: int, character: str) -> None:
    valid = qr_text(SECRET, code)
    changed = valid[:at] + character + valid[at + 1 :]
    if changed == valid:
        assert read_qr(SECRET, changed) == code
    else:
        with pytest.raises(ForgedCode):
            read_qr(SECRET, changed)


@given(text=st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ForgedCode):
        read_qr(SECRET, text)


def test_a_signature_of_another_ticket_is_refused() -> None:
    code, other_code = new_code(CODE_LENGTH), new_code(CODE_LENGTH)
    with pytest.raises(ForgedCode):
        read_qr(SECRET, f"FESTGATE1:{code}:{sign(SECRET, other_code)}")


@given(code=codes)
def test_a_code_in_groups_of_four_is_read_back(code: str) -> None:
    grouped = in_fours(code)
    assert [len(part) for part in grouped.split("-")] == [4, 4, 4, 4]
    assert read_code(grouped.lower()) == code
    assert read_code(grouped.replace("-", " ").replace("1", "l").replace("0", "o")) == code
