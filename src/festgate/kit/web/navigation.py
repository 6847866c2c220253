"""The entries of every page's header and footer, which modules declare and the templates of the kit only list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from festgate.kit.roles import PERMISSIONS, Permission, Role

Audience: TypeAlias = Literal["everyone", "anonymous", "signed-in"] | Permission
"""The visitors that see an entry: everyone, a group, or all with a permission."""


def _sees(role: Role | None, audience: Audience) -> bool:
    if audience == "anonymous":
        return role is None
    if audience == "everyone" or role is None:
        return False  # listed by themselves
    return audience == "signed-in" or audience in PERMISSIONS[role]


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A link to one place of the portal."""

    label: str
    """English, marked with `N_`; the template translates it."""
    path: str
    section: str
    """The value of a page's `section` that marks this entry as the current one."""
    audience: Audience
    counts_held: bool = False
    """Whether the number of unpaid seats is shown beside the label. Without any, the entry is hidden."""


@dataclass(frozen=True, slots=True)
class AccountPaths:
    """The paths of the visitor's own account."""

    account: str = ""
    sign_in: str = ""
    sign_out: str = ""
    prove: str = ""
    """The page that asks for the password again."""
    second_factor: str = ""
    """The page on which a second factor is set up."""


@dataclass(frozen=True, slots=True)
class Navigation:
    """All entries in the order in which they are listed, and the paths of the visitor's own account."""

    entries: Sequence[NavigationEntry]
    paths: AccountPaths = AccountPaths()

    def shown_to(self, role: Role | None, held: int = 0) -> Sequence[NavigationEntry]:
        """Return the entries of a visitor with that role, None for an anonymous one; without those for everyone.

        `held` is the number of the visitor's unpaid seats. The entry that counts them comes first.
        """
        own = [entry for entry in self.entries if _sees(role, entry.audience)]
        return [
            *(entry for entry in own if entry.counts_held and held),
            *(entry for entry in own if not entry.counts_held),
        ]

    @property
    def shown_to_everyone(self) -> Sequence[NavigationEntry]:
        """The entries that are on every page, for every visitor."""
        return [entry for entry in self.entries if entry.audience == "everyone"]


NO_ENTRIES = Navigation(())
