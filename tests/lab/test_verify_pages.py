"""The content of a page counts, however it is written; and a page may hold anything."""

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
    ],
)
def test_a_page_of_four_hundred_thousand_meaningless_characters_is_read(piece: str) -> None:
    content = page_content(AppResponse(200, body="₹5 " + piece * (400_000 // len(piece))), EVENTS, PEOPLE)
    assert (content.amounts[0], content.names) == ("5", ())
