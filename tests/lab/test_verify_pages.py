"""Pages are compared by their content, not by their HTML; and a page may contain anything."""

import pytest

from festgate.lab.verify.pages import AppResponse, page_content

EVENTS = ("Tea & <Talks>", "Quiz 12", "Quiz 123", "Relay 7")
PEOPLE = ("anu & co", "bela")
PAGE = """<!doctype html><html><head><title>Quiz 12 ₹1</title><style>a { content: "₹2" }</style></head><body>
<nav><a href="/events?user=anu+%26%20co">Events</a></nav>
<table><tr><td>Tea &amp; &lt;Talks&gt;</td><td>₹1,200</td></tr><tr><td>Quiz 123</td><td>₹0</td></tr></table>
<a aria-label="Register > Quiz 12" href="/register_event/3?user=anu%20%26%20co">Register for Quiz 12</a>
<form><input name=username><input type="password" name='password'></form></body></html>
"""
OTHER = """<body><!-- Relay 7 ₹5 --><b>anu &amp; co</b>
<UL><LI>Tea &#38;
  &lt;Talks&gt; costs Rs. 1200.00<li class='x'>Quiz 123: INR 0</UL>
<A HREF='register_event/3?user=anu%20%26+co'>in!</A><textarea name="password"></textarea>
<input name="username" value="₹9"><script>"<b>Relay 7 ₹7"</script></body>
"""


def test_two_pages_with_the_same_content_are_alike() -> None:
    one, other = (page_content(AppResponse(200, body=page), EVENTS, PEOPLE) for page in (PAGE, OTHER))
    assert one == other
    assert one.names == (("Tea & <Talks>", "1200"), ("Quiz 123", "0"))
    assert one.amounts == ("1200", "0")
    assert one.people == {"anu & co"}
    assert one.links == ("/register_event/3?user=anu & co",)
    assert one.fields == ("password", "username")


@pytest.mark.parametrize(
    "old, new",
    [
        ("Tea &amp; &lt;Talks&gt;", "Tea & <Talks>"),  # parsed as a tag, it is invisible
        ("₹1,200", "₹1,201"),
        ("<tr><td>Quiz 123</td><td>₹0</td></tr>", ""),
        ("₹0", "₹0 and Relay 7 ₹4"),
        ("register_event/3", "register_event/4"),
        ("anu%20%26%20co", "bela"),
        ("name=username", "name=user"),
    ],
)
def test_a_page_with_other_content_differs(old: str, new: str) -> None:
    assert PAGE.count(old) == 1
    one, other = (
        page_content(AppResponse(200, body=page), EVENTS, PEOPLE) for page in (PAGE, PAGE.replace(old, new))
    )
    assert one != other


ROWS = (("Quiz 12", "5"), ("Relay 7", "60"), ("Quiz 123", "5"))
LAYOUTS = {
    "the amount above the name": "<ul><li>#1 <b>₹5</b><h3>Quiz 12</h3><a>Register for Quiz 12</a></li>"
    "<li>#2 <b>₹60</b><h3>Relay 7</h3></li><li>#3 <b>₹5</b><h3>Quiz 123</h3></li></ul><p>Total ₹70</p>",
    "items without an end": "<p>Total ₹70<ul><li>₹5<p>Quiz 12<li>₹60<p>Relay 7<li>₹5<p>Quiz 123</ul>",
    "cells without an end": "<table><tr><td>Quiz 12<td>₹5<tr><td>Relay 7<td>₹60<tr><td>Quiz 123<td>₹5</table>",
    "a column for each event": "<table><tr><td>Quiz 12</td><td>Relay 7</td><td>Quiz 123</td></tr>"
    "<tr><td>₹5</td><td>₹60</td><td>₹5</td></tr></table>",
    "one line": "Quiz 12 ₹5, Relay 7 ₹60, Quiz 123 ₹5",
    "one line, the amount first": "₹5 Quiz 12, ₹60 Relay 7, ₹5 Quiz 123",
    "paragraphs and a sum below": "<h2>Quiz 12</h2><p>₹5</p><h2>Relay 7</h2><p>₹60</p><h2>Quiz 123</h2>"
    "<p>₹5</p><p>₹70</p>",
    "paragraphs and a sum above": "<p>₹70</p><p>₹5</p><h2>Quiz 12</h2><p>₹60</p><h2>Relay 7</h2><p>₹5</p>"
    "<h2>Quiz 123</h2>",
    "cards with a drawing": "".join(
        f"<section><svg><circle r='3'/><circle r='4'/></svg><div>₹{fee}</div><div><div>{name}</div></div></section>"
        for name, fee in ROWS
    ),
    "cards with a deposit": "".join(
        f"<div><div><span>{name}</span></div><div><i>₹{fee}</i> and ₹3 of deposit</div></div>"
        for name, fee in ROWS
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_each_event_has_the_amount_that_stands_nearest_in_the_structure_of_the_page(layout: str) -> None:
    page = f"<html><body><nav>Fest</nav><main>{layout}</main></body></html>"
    assert page_content(AppResponse(200, body=page), EVENTS, PEOPLE).names == ROWS


def test_events_without_an_amount_are_rows_where_none_has_one() -> None:
    page = "<ul><li>Quiz 12 <a>Leave Quiz 12</a><li>Relay 7</ul>"
    content = page_content(AppResponse(200, body=page), EVENTS, PEOPLE)
    assert content.names == (("Quiz 12", ""), ("Relay 7", ""))


def test_the_target_of_a_redirect_counts_and_its_spelling_does_not() -> None:
    places = [
        "/my-events?user=a%20b",
        "http://127.0.0.1:99/my-events?user=a+b",
        "/events?user=a+b",
        "http://[",
    ]
    contents = [page_content(AppResponse(302, place), (), ()) for place in places]
    assert contents[0] == contents[1]
    assert len({content.location for content in contents}) == 3


def test_the_text_of_an_error_page_is_free() -> None:
    assert page_content(AppResponse(404, body=PAGE), EVENTS, PEOPLE) == page_content(
        AppResponse(404), EVENTS, PEOPLE
    )


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<![CDATA[",
        "<a",
        "<a x='",
        "</",
        "<?",
        "<script>",
        "<a href='http://['>",
        "&#",
        "₹",
        "₹9",
        "₹,",
        "9",
        "İ",
        "<div>",
        "<b><p>",
        "<div>Relay 7",
        "<b></i>",
        "</div>",
        "<tr><td>",
    ],
)
def test_a_page_of_four_hundred_thousand_meaningless_characters_is_read(piece: str) -> None:
    content = page_content(AppResponse(200, body="₹5 " + piece * (400_000 // len(piece))), EVENTS, PEOPLE)
    assert content.amounts[0] == "5"
