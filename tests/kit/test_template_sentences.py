"""Sentences of templates: translated, filled in and escaped."""

from collections.abc import Iterator

import pytest
from babel.support import NullTranslations, Translations
from markupsafe import Markup

from festgate.kit import translation
from festgate.kit.web.pages import environment
from festgate.settings import Settings

ENVIRONMENT = environment(Settings(), ["festgate.kit"])


class Shouting(Translations):
    """A language whose sentences are those of English in capitals."""

    def ugettext(self, message: str) -> str:
        return message.replace("Hello", "HELLO")


@pytest.fixture
def shouting() -> Iterator[None]:
    translation.use_catalogue(Shouting())
    yield
    translation.use_catalogue(NullTranslations())


def render(template: str, **values: object) -> str:
    return ENVIRONMENT.from_string(template).render(**values)


def test_a_value_is_escaped_unless_it_is_markup_however_often_it_comes() -> None:
    sentence = "{% trans %}Hello <em>{{ name }}</em>{% endtrans %}"
    for _ in range(2):
        assert render(sentence, name="<b>") == "Hello <em>&lt;b&gt;</em>"
        assert render(sentence, name=Markup("<b>")) == "Hello <em><b></em>"


def test_a_text_is_not_escaped() -> None:
    assert (
        render("{% autoescape false %}{{ _('Hello %(name)s', name='<b>') }}{% endautoescape %}")
        == "Hello <b>"
    )


def test_a_percent_sign_is_written_twice() -> None:
    assert render("{{ _('100%% of %(all)s', all=5) }}") == "100% of 5"


@pytest.mark.parametrize("number, expected", [(1, "1 seat"), (2, "2 seats")])
def test_a_number_chooses_the_form(number: int, expected: str) -> None:
    sentence = "{% trans count=number %}{{ count }} seat{% pluralize %}{{ count }} seats{% endtrans %}"
    assert render(sentence, number=number) == expected


@pytest.mark.usefixtures("shouting")
def test_a_sentence_is_looked_up_in_the_catalogue_of_the_fest() -> None:
    assert render("{{ _('Hello %(name)s', name='Asha') }}") == "HELLO Asha"
