"""The view models of the settings' forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from festgate.kit.translation import N_, gettext
from festgate.portal.fest.changes import is_fixed
from festgate.portal.fest.fields import ALL, FIELDS, Page, SettingField, limits_of, max_length_of
from festgate.portal.fest.stored import Effective
from festgate.settings import PREFIX, Settings

_SOURCES: Mapping[str, str] = {
    "environment": N_("Set by the environment variable {variable}, so it cannot be changed here."),
    "file": N_("Set in the settings file, so it cannot be changed here."),
    "option": N_("Set on the command line, so it cannot be changed here."),
    "data": N_("Saved here."),
    "default": "",
}
_BOUND = N_("Fixed, because the password for this server is set outside this page.")


@dataclass(frozen=True, slots=True)
class FieldView:
    """One setting in its form."""

    known: SettingField
    label: str
    hint: str
    source: str
    """A sentence about the place that the value comes from; empty for a default."""
    value: str
    chosen: tuple[str, ...]
    """The chosen values of several."""
    options: tuple[tuple[str, str], ...]
    is_fixed: bool
    can_be_removed: bool
    error: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that was refused, which are shown again."""

    entered: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


EMPTY = Form()


def form_of(page: Page, current: Effective, form: Form = EMPTY) -> list[FieldView]:
    """Return the form of a page, with what was entered before it was refused."""
    return [_view(known, current, form) for known in FIELDS[page]]


def text_of(settings: Settings, name: str) -> str:
    """Return the value of a setting as a form has it."""
    value = getattr(settings, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _view(known: SettingField, current: Effective, form: Form) -> FieldView:
    name, settings = known.name, current.settings
    fixed = is_fixed(current, name)
    value = "" if known.is_secret else text_of(settings, name)
    if not fixed and not known.is_secret:
        value = form.entered.get(name, value)
    several = tuple(getattr(settings, name)) if known.kind == "several" else ()
    return FieldView(
        known,
        gettext(known.label),
        gettext(known.hint) if known.hint else "",
        _source(known, current, fixed=fixed),
        value,
        tuple(form.chosen[name]) if name in form.chosen and not fixed else several,
        tuple((key, gettext(label)) for key, label in known.options),
        fixed,
        known.is_secret and name in current.stored.texts and not fixed,
        form.errors.get(name, ""),
        _attributes(known, fixed=fixed),
    )


def _source(known: SettingField, current: Effective, *, fixed: bool) -> str:
    name = known.name
    if name in current.unreadable:
        return gettext("A value is stored, but cannot be read for this server. Enter it again.")
    source = current.source(name)
    if fixed and name not in current.given.fixed:
        return gettext(_BOUND)
    if known.is_secret and source == "data":
        return gettext("Stored, and never shown. Leave the field empty to keep it.")
    if known.is_secret and source == "default":
        return gettext("Not set.")
    default = _default(known, current) if source == "data" else ""
    sentence = N_("Saved here; the default is {default}.") if default else _SOURCES[source]
    return gettext(sentence).format(variable=f"{PREFIX}{name.upper()}", default=default) if sentence else ""


def _default(known: SettingField, current: Effective) -> str:
    """Return the default as people read it; empty if the setting has none."""
    default = current.given.settings()
    if known.kind == "switch":
        return gettext("On") if getattr(default, known.name) else gettext("Off")
    if known.kind == "several":
        labels = dict(known.options)
        return ", ".join(gettext(labels[key]).partition(":")[0] for key in getattr(default, known.name))
    if known.kind == "choice":
        return gettext(dict(known.options)[getattr(default, known.name)])
    return text_of(default, known.name)


def _attributes(known: SettingField, *, fixed: bool) -> Mapping[str, str]:
    attributes: dict[str, str] = {}
    if known.kind == "number":
        least, greatest = limits_of(known.name)
        attributes |= {"min": str(least), "max": str(greatest), "inputmode": "numeric"}
    elif known.kind in ("text", "secret"):
        attributes["maxlength"] = str(max_length_of(known.name))
        if known.suggestions:
            attributes["list"] = known.suggestions
        if known.name not in ("fest_name", "fest_tagline", "fest_place", "fest_contact"):
            attributes |= {"spellcheck": "false", "autocapitalize": "none"}
    if fixed:
        attributes["disabled"] = ""
    return attributes


def shown_json(current: Effective) -> list[dict[str, object]]:
    """Return every setting for the API, without the values of secrets."""
    settings = current.settings.model_dump(mode="json")
    return [
        {
            "name": name,
            "value": None if known.is_secret else settings[name],
            "is_secret": known.is_secret,
            "is_set": bool(settings[name]),
            "is_fixed": is_fixed(current, name),
            "source": current.source(name),
        }
        for name, known in ALL.items()
    ]
