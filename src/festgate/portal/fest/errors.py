"""Errors of the fest's settings and of its first run."""

from festgate.kit.errors import Conflict, Refused
from festgate.kit.translation import N_


class NotSetUp(Refused):
    """A request to a fest that waits for its first owner."""

    status = 503
    code = "not-set-up"
    title = N_("This fest has not been set up yet")
    message = N_("Its organisers have a link that sets it up. Please come back later.")
    is_bare = True
    retry_after = 60


class SetUpLinkExpired(Refused):
    """A link to the first run that was used, is too old, or was replaced by a newer one."""

    status = 410
    code = "set-up-link-over"
    title = N_("This link has expired")
    message = N_(
        "The link works once and for one hour. If the fest has not been set up, start “festgate serve” again: it prints"
        " a new link."
    )
    is_bare = True


class SettingsChanged(Conflict):
    """Settings that somebody else has changed since the form was opened. Nothing was saved."""

    code = "settings-changed"
    title = N_("The settings have changed")
    message = N_(
        "Somebody else has changed the settings since you opened this page, so nothing was saved."
        " Check the values and save again."
    )
