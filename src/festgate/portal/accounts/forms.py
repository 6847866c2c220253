"""Input shapes: signing in, signing up, and changing or deleting one's own account."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from festgate.portal.accounts.email_addresses import MAX_EMAIL_LENGTH
from festgate.portal.accounts.names import (
    MAX_NAME_LENGTH,
    MAX_PASSWORD_LENGTH,
    MAX_PERSON_NAME_LENGTH,
    MIN_NAME_LENGTH,
    MIN_PASSWORD_LENGTH,
    read_email,
    read_name,
    read_password,
    read_person_name,
    read_username,
)
from festgate.portal.accounts.people import Newcomer
from festgate.portal.accounts.second_factors import MAX_CODE_LENGTH

Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_EMAIL_LENGTH, description="Username or email address."),
    AfterValidator(read_name),
]
Password = Annotated[
    str,
    Field(min_length=1, max_length=MAX_PASSWORD_LENGTH, description="Password."),
    AfterValidator(read_password),
]
PersonName = Annotated[
    str,
    AfterValidator(read_person_name),
    Field(
        description=f"The person's name, 1 to {MAX_PERSON_NAME_LENGTH} characters, which tickets and the door show. "
        "Without it, the username is shown."
    ),
]
NewUsername = Annotated[
    str,
    AfterValidator(read_username),
    Field(
        description=f"{MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} letters, digits, dots, dashes and underscores; "
        "it begins with a letter or a digit. Upper and lower case are one name."
    ),
]
NewEmail = Annotated[str, AfterValidator(read_email), Field(description="Where tickets are sent.")]
NewPassword = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD_LENGTH,
        max_length=MAX_PASSWORD_LENGTH,
        description=f"{MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.",
    ),
    AfterValidator(read_password),
]


class SignIn(BaseModel, extra="forbid"):
    """A name and a password to sign in with."""

    username: Name
    password: Password


class TokenRequest(SignIn, extra="forbid"):
    """A name and a password, with the code of the account's second factor if it has one."""

    code: Annotated[
        str,
        Field(
            max_length=MAX_CODE_LENGTH,
            description="The present code of the account's second factor, or a recovery code.",
        ),
    ] = ""


class ForgottenPassword(BaseModel, extra="forbid"):
    """The name of the account whose password was forgotten."""

    username: Name


class PasswordReset(BaseModel, extra="forbid"):
    """The new password in place of a forgotten one."""

    password: NewPassword


class PasswordChange(BaseModel, extra="forbid"):
    """A new password for a signed-in visitor, with the current one."""

    current: Password
    password: NewPassword


class NameChange(BaseModel, extra="forbid"):
    """Another name of the signed-in visitor."""

    name: PersonName


class AddressRequest(BaseModel, extra="forbid"):
    """A new email address for the signed-in visitor, with the password."""

    email: NewEmail
    email_password: Password


class DeletionRequest(BaseModel, extra="forbid"):
    """The typed username and the password that confirm the deletion of the visitor's account."""

    confirmation: Name
    password: Password


class InvitedAccount(BaseModel, extra="forbid"):
    """The data of an invited person's account; the address is that of the invitation."""

    name: PersonName
    username: NewUsername
    password: NewPassword


class NewAccount(BaseModel, extra="forbid"):
    """The data of a new account. Clients that were made before the form asked for a name send none."""

    name: PersonName = ""
    username: NewUsername
    email: NewEmail
    password: NewPassword

    def newcomer(self) -> Newcomer:
        """Return the data without the password; everyone who signs up is an attendee."""
        return Newcomer(self.username, self.email, name=self.name)
