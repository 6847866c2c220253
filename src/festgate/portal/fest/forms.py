"""Input shapes: the forms of the settings, and the form of the first run."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from festgate.kit.text import tidy
from festgate.portal.accounts import facade as accounts
from festgate.portal.fest.changes import Change, is_fixed
from festgate.portal.fest.fields import FIELDS, Page, SettingField
from festgate.portal.fest.stored import Effective

FIRST_RUN_SETTINGS = (
    "fest_name",
    "fest_starts",
    "fest_ends",
    "fest_place",
    "timezone",
    "currency",
    "fest_contact",
)
"""The settings on the page of the first run."""


class Owner(BaseModel, extra="forbid"):
    """The account of the first owner."""

    name: Annotated[str, AfterValidator(accounts.read_person_name)]
    username: Annotated[str, AfterValidator(accounts.read_username)]
    email: Annotated[str, AfterValidator(accounts.read_email)]
    password: Annotated[
        str,
        Field(min_length=accounts.MIN_PASSWORD_LENGTH, max_length=accounts.MAX_PASSWORD_LENGTH),
        AfterValidator(accounts.read_password),
    ]

    def newcomer(self) -> accounts.Newcomer:
        """Return the data without the password."""
        return accounts.Newcomer(self.username, self.email, "owner", self.name)


def change_of(
    page: Page, current: Effective, fields: Mapping[str, str], chosen: Mapping[str, Sequence[str]]
) -> Change:
    """Return the change that a page's form asks for. An empty secret stays as it is, and so does a missing field."""
    values: dict[str, object] = {}
    resets: set[str] = set()
    for field in FIELDS[page]:
        name = field.name
        if is_fixed(current, name):
            continue
        if field.kind == "several":
            values[name] = list(chosen.get(name, ()))
        elif field.is_secret:
            if fields.get(name):
                values[name] = fields[name].strip()
            elif fields.get(f"remove_{name}"):
                resets.add(name)
        elif name in fields:
            values[name] = entered(field, fields[name])
    return Change(values, frozenset(resets))


def entered(field: SettingField, text: str) -> object:
    """Return the value of a field as it was entered, tidied if it is text."""
    if field.kind != "text":
        return text.strip()
    try:
        return tidy(text)
    except ValueError:
        return text
