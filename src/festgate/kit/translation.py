"""Translation of the sentences that visitors and organisers read.

English is the language that they are written in. Without a catalogue for the fest's locale every sentence stands as it
is written. Templates use `_(...)` and `{% trans %}`, Python uses `gettext` and `ngettext`, and constants that are made
before the catalogue is loaded are marked with `N_` and translated where they are shown.
"""

from importlib.resources.abc import Traversable

from babel.support import NullTranslations, Translations

DOMAIN = "festgate"
_catalogue: NullTranslations = NullTranslations()


def load_catalogue(folder: Traversable, locale: str) -> None:
    """Use the catalogue `<locale>/LC_MESSAGES/festgate.mo` of the folder from now on; English if there is none."""
    use_catalogue(Translations.load(str(folder), [locale], DOMAIN))


def use_catalogue(catalogue: NullTranslations) -> None:
    """Translate by this catalogue from now on, in the whole process."""
    global _catalogue  # noqa: PLW0603  (a fest has one language, and errors know no settings)
    _catalogue = catalogue


def page_language(locale: str) -> str:
    """Return the language tag of pages: the locale's if the sentences are in its language, else `en`."""
    tag = locale.replace("_", "-")
    return tag if tag.startswith("en") or isinstance(_catalogue, Translations) else "en"


def gettext(message: str) -> str:
    """Return the translation of a sentence."""
    return _catalogue.ugettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the translation that fits the number: by English rules without a catalogue."""
    return _catalogue.ungettext(singular, plural, number)


def N_(message: str) -> str:  # noqa: N802  (its name in every gettext project, which extraction looks for)
    """Mark a constant sentence for extraction, and return it as it is."""
    return message
