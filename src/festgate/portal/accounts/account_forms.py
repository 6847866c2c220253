"""Input shapes of a person's own account page: a name, a new email address, and the deletion of the account."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from festgate.kit.text import check_length
from festgate.portal.accounts.forms import NewEmail, Password
from festgate.portal.accounts.names import MAX_EMAIL_LENGTH, read_person_name

PersonName = Annotated[str, AfterValidator(read_person_name)]


def read_typed_name(text: str) -> str:
    """Return the username as it was typed to confirm the deletion; it is compared as usernames are."""
    check_length(text, MAX_EMAIL_LENGTH)
    return text.strip()


class NameChange(BaseModel, extra="forbid"):
    """Another name of the person."""

    name: PersonName


class AddressRequest(BaseModel, extra="forbid"):
    """A new email address, with the password of the account."""

    email: NewEmail
    email_password: Password


class DeletionRequest(BaseModel, extra="forbid"):
    """The password and the typed username that confirm the deletion of an account."""

    confirmation: Annotated[str, AfterValidator(read_typed_name)]
    password: Password
