"""The edge of the header and unselected radio buttons are visible in every colour scheme: 3:1 (WCAG 1.4.11).

Axe measures texts only. Here a screenshot is measured, so it does not matter how a part is drawn.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
from playwright.sync_api import FloatRect, Page

from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from tests.rig.browser import PHONE
from tests.rig.database import open_database
from tests.rig.server import Server, serving

MIN_CONTRAST = 3.0
READ_PIXELS = """async png => {
    const picture = new Image();
    picture.src = 'data:image/png;base64,' + png;
    await picture.decode();
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext('2d');
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, picture.width, picture.height);
    return [picture.width, Array.from(data)];
}"""
Colour = tuple[int, int, int]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("dark") / "fest", "--demo") as running:
        with open_database(f"sqlite:///{running.data / 'festgate.sqlite3'}") as database:
            database.write(sell_two_types)
        yield running


def sell_two_types(connection: Connection) -> None:
    event = catalogue.event_by_slug(connection, "robo-race")
    (first,) = catalogue.types_of(connection, event.id)
    standard = replace(first.details, name="Standard")
    catalogue.edit_ticket_type(connection, event.slug, first.id, standard, lambda *_: (0, 0))
    catalogue.add_ticket_type(connection, event.slug, replace(standard, name="Student"))


@pytest.fixture
def browser_options() -> dict[str, Any]:
    return {"viewport": PHONE}


def pixels_of(page: Page, clip: FloatRect) -> list[list[Colour]]:
    """Return the rows of a part of the page as it is drawn."""
    png = base64.b64encode(page.screenshot(clip=clip)).decode()
    with page.context.expect_page() as opened:
        page.evaluate("() => { window.open('about:blank') }")
    other = opened.value
    width, data = other.evaluate(READ_PIXELS, png)
    other.close()
    colours = [(data[start], data[start + 1], data[start + 2]) for start in range(0, len(data), 4)]
    return [colours[start : start + width] for start in range(0, len(colours), width)]


def luminance(colour: Colour) -> float:
    """Return the relative luminance, as WCAG defines it."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edge_of_the_header_stands_out_from_the_page(
    page: Page, server: Server, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/events")
    box = page.locator("header.top").bounding_box()
    assert box is not None
    rows = pixels_of(page, {"x": 0, "y": box["y"] + box["height"] - 1, "width": 84, "height": 24})
    paper = rows[-1][0]
    # In every column the lowest row of the header, or a pixel below it, stands out from the page.
    for column in zip(*rows, strict=True):
        assert max(contrast(colour, paper) for colour in column) >= MIN_CONTRAST


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_unselected_radio_button_stands_out_from_its_panel(
    page: Page, server: Server, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.url}/events/robo-race")
    radio = page.locator("input[type=radio]:not(:checked)").first
    radio.scroll_into_view_if_needed()
    box = radio.bounding_box()
    assert box is not None
    rows = pixels_of(
        page, {"x": box["x"] - 4, "y": box["y"], "width": box["width"] + 4, "height": box["height"]}
    )
    panel = rows[0][0]
    middle = rows[len(rows) // 2]
    assert max(contrast(colour, panel) for colour in middle) >= MIN_CONTRAST
    # It is a ring: the middle of one that is not chosen looks like the panel.
    assert contrast(middle[len(middle) // 2], panel) < MIN_CONTRAST
