"""The QR code: it reads as it was meant to, and what the fest has not made is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.errors import Malformed
from festgate.kit.ids import ALPHABET, new_code, read_code
from festgate.portal.tickets.facade import ForgedCode, read_qr
from festgate.portal.tickets.issue import CODE_LENGTH
from festgate.portal.tickets.qr import draw, in_fours, qr_text, read_picture, sign
from tests.portal.tickets.pictures import draw_svg, paste, read_pixels

SECRET = b"a secret of thirty-two bytes...."
codes = st.text(ALPHABET, min_size=CODE_LENGTH, max_size=CODE_LENGTH)


@given(code=codes)
def test_a_camera_reads_the_picture_and_the_fest_finds_its_own_code_in_it(code: str) -> None:
    pixels, width = draw_svg(draw(qr_text(SECRET, code)), scale=4)
    (text,) = read_pixels(bytes(pixels), width)
    assert read_qr(SECRET, text) == code


def test_it_reads_with_a_smudge_of_five_squares_by_five_and_upside_down() -> None:
    text = qr_text(SECRET, "7GK2M9QX04ZT8WAB")
    pixels, width = draw_svg(draw(text), scale=6)
    smudge = 5 * 6
    for row in range(width // 2, width // 2 + smudge):
        start = row * width + width // 2
        pixels[start : start + smudge] = b"\x80" * smudge
    assert read_pixels(bytes(pixels), width) == [text]
    assert read_pixels(bytes(reversed(pixels)), width) == [text]


def test_a_ticket_in_a_picture_is_read_before_other_codes_beside_it() -> None:
    ticket = qr_text(SECRET, "7GK2M9QX04ZT8WAB")
    assert read_picture(picture(["https://fest.example"])) == "https://fest.example"
    assert read_picture(picture(["https://fest.example", ticket])) == ticket
    assert read_picture(picture([ticket, "https://fest.example"])) == ticket


@given(light=st.binary(min_size=32 * 32, max_size=32 * 32))
def test_a_picture_of_anything_else_says_nothing(light: bytes) -> None:
    assert read_picture(light) is None


@pytest.mark.parametrize("size", [0, 1, 28 * 28, 240 * 240 - 1, 240 * 240 + 1])
def test_what_is_no_square_picture_is_refused_in_a_sentence(size: int) -> None:
    with pytest.raises(Malformed, match="A picture is square"):
        read_picture(bytes(size))


def picture(texts: list[str]) -> bytes:
    """A grey square with these codes, from its upper left corner to its lower right one."""
    side = 240
    light = bytearray(b"\x90" * side * side)
    for number, text in enumerate(texts):
        code = draw_svg(draw(text), scale=3)
        corner = number * (side - code[1])
        paste(code, light, side, corner, corner)
    return bytes(light)


def test_it_is_a_small_code_with_its_own_white_around_it() -> None:
    pixels, width = draw_svg(draw(qr_text(SECRET, "0" * CODE_LENGTH)), scale=1)
    assert width == 29 + 2 * 4
    dark = {(at % width, at // width) for at, light in enumerate(pixels) if not light}
    assert min(x for x, _ in dark) == min(y for _, y in dark) == 4
    assert max(x for x, _ in dark) == max(y for _, y in dark) == width - 5


@given(code=codes, other=st.binary(min_size=32, max_size=32).filter(lambda other: other != SECRET))
def test_a_code_signed_with_another_secret_is_refused(code: str, other: bytes) -> None:
    with pytest.raises(ForgedCode):
        read_qr(SECRET, qr_text(other, code))


@given(code=codes, at=st.integers(0, 42), sign_of=st.sampled_from(ALPHABET + ":"))
def test_a_code_with_one_sign_changed_is_refused(code: str, at: int, sign_of: str) -> None:
    good = qr_text(SECRET, code)
    changed = good[:at] + sign_of + good[at + 1 :]
    if changed == good:
        assert read_qr(SECRET, changed) == code
    else:
        with pytest.raises(ForgedCode):
            read_qr(SECRET, changed)


@given(text=st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ForgedCode):
        read_qr(SECRET, text)


def test_a_signature_of_another_ticket_is_refused() -> None:
    mine, yours = new_code(CODE_LENGTH), new_code(CODE_LENGTH)
    with pytest.raises(ForgedCode):
        read_qr(SECRET, f"FESTGATE1:{mine}:{sign(SECRET, yours)}")


@given(code=codes)
def test_a_code_is_read_aloud_in_fours_and_typed_back_as_it_was(code: str) -> None:
    shown = in_fours(code)
    assert [len(part) for part in shown.split("-")] == [4, 4, 4, 4]
    assert read_code(shown.lower()) == code
    assert read_code(shown.replace("-", " ").replace("1", "l").replace("0", "o")) == code
