"""Sentences of templates: translated, filled in and escaped."""

from collections.abc import Iterator

import pytest
from babel.support import NullTranslations, Translations
from markupsafe import Markup

from festgate.kit import translation
from festgate.kit.web.pages import environment
from festgate.kit.writing import Writing
from festgate.settings import Settings

ENVIRONMENT = environment(Settings(), ["festgate.kit"], Writing(Settings()))


class UppercaseTranslations(Translations):
    """A language that is English with the greeting in capitals."""

    def ugettext(self, message: str) -> str:
        return message.replace("Hello", "HELLO")


@pytest.fixture
def _uppercase_translations() -> Iterator[None]:
    translation.use_catalogue(UppercaseTranslations())
    yield
    translation.use_catalogue(NullTranslations())


def render(template: str, **values: object) -> str:
    return ENVIRONMENT.from_string(template).render(**values)


def test_values_are_escaped_unless_they_are_markup() -> None:
    sentence = "{% trans %}Hello <em>{{ name }}</em>{% endtrans %}"
    for _ in range(2):
        assert render(sentence, name="<b>") == "Hello <em>&lt;b&gt;</em>"
        assert render(sentence, name=Markup("<b>")) == "Hello <em><b></em>"


def test_plain_text_templates_are_not_escaped() -> None:
    assert (
        render("{% autoescape false %}{{ _('Hello %(name)s', name='<b>') }}{% endautoescape %}")
        == "Hello <b>"
    )


def test_a_doubled_percent_sign_is_rendered_once() -> None:
    assert render("{{ _('100%% of %(all)s', all=5) }}") == "100% of 5"


@pytest.mark.parametrize("number, expected", [(1, "1 seat"), (2, "2 seats")])
def test_a_number_selects_the_plural_form(number: int, expected: str) -> None:
    sentence = "{% trans count=number %}{{ count }} seat{% pluralize %}{{ count }} seats{% endtrans %}"
    assert render(sentence, number=number) == expected


@pytest.mark.usefixtures("_uppercase_translations")
def test_sentences_are_translated_with_the_catalogue() -> None:
    assert render("{{ _('Hello %(name)s', name='Asha') }}") == "HELLO Asha"
