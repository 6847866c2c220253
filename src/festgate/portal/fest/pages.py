"""HTML routes of the settings in the office, and of the fest's logo."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.kit.errors import Invalid, NotFound, TooMany
from festgate.kit.translation import N_, gettext
from festgate.kit.web.forms import read_fields
from festgate.kit.web.parameters import MAX_ID_LENGTH, read_query
from festgate.kit.web.portal import Endpoint, Portal, see_other
from festgate.kit.web.uploads import read_upload
from festgate.portal.fest.editing import Editor, PaymentTest
from festgate.portal.fest.errors import SettingsChanged
from festgate.portal.fest.fields import FIELDS, Page
from festgate.portal.fest.forms import change_of
from festgate.portal.fest.logos import read_logo
from festgate.portal.fest.stored import Effective, Logo
from festgate.portal.fest.suggestions import suggestions
from festgate.portal.fest.trial_email import NotSent, count_trial, send_trial
from festgate.portal.fest.view_models import EMPTY, Form, form_of

ROOT: Final = "/organise/settings"
PATHS: Final[Mapping[Page, str]] = {
    "fest": ROOT,
    "payments": f"{ROOT}/payments",
    "mail": f"{ROOT}/mail",
    "sign-up": f"{ROOT}/sign-up",
}
TITLES: Final[Mapping[Page, str]] = {
    "fest": N_("Fest"),
    "payments": N_("Payments"),
    "mail": N_("Mail"),
    "sign-up": N_("Sign-up"),
}
NOTICES: Final[Mapping[str, str]] = {
    "saved": N_("Saved. It is in force everywhere within two seconds."),
    "logo": N_("The logo is saved."),
    "removed": N_("The logo is removed."),
    "sent": N_("The mail server has accepted a test email to you. Look into your inbox."),
    "written": N_("No mail server is set, so the test email was written into the folder mail of the data."),
}
WRONG: Final = N_("Nothing was saved. Please correct the marked fields.")
MAX_SECRET: Final = 1000


class SettingsPages:
    """HTML routes of the settings: a page for each group, the logo, and the tests of mail and payments."""

    def __init__(self, portal: Portal, editor: Editor, logo: Logo | None) -> None:
        """Take the logo that this process serves."""
        self._portal = portal
        self._editor = editor
        self._logo = logo

    def routes(self) -> list[Route]:
        """Return the routes of the settings."""
        guard = self._portal.guard
        pages = [
            route
            for page, path in PATHS.items()
            for route in (
                guard("settings", path, self._shower(page), sensitive=True),
                guard("settings", path, self._saver(page), methods=["POST"], sensitive=True),
            )
        ]
        return [
            *pages,
            guard("settings", f"{ROOT}/logo", self.save_logo, methods=["POST"], sensitive=True),
            guard("settings", f"{ROOT}/logo/remove", self.remove_logo, methods=["POST"], sensitive=True),
            guard("settings", f"{ROOT}/mail/test", self.send_trial, methods=["POST"], sensitive=True),
            guard("settings", f"{ROOT}/payments/test", self.test_payments, methods=["POST"], sensitive=True),
            Route("/fest/logo", self.show_logo, methods=["GET"]),
        ]

    def _shower(self, page: Page) -> Endpoint:
        async def show(request: Request) -> Response:
            """Show the form of a group of settings, with the place that each value comes from."""
            current = await self._editor.read()
            notice = NOTICES.get(request.url.query)
            return await self._page(
                request, page, current, notice=("good", gettext(notice)) if notice else None
            )

        return show

    def _saver(self, page: Page) -> Endpoint:
        async def save(request: Request) -> Response:
            """Save the form, or show it again with a sentence beside each wrong value."""
            fields = await read_fields(request, MAX_SECRET)
            return await self._save(request, page, fields)

        return save

    async def _save(self, request: Request, page: Page, fields: Mapping[str, str]) -> Response:
        current = await self._editor.read()
        chosen = _chosen(page, current, fields)
        change = change_of(page, current, fields, chosen)
        try:
            await self._editor.change(
                self._portal.actor(request), change, _version(fields.get("version", ""))
            )
        except Invalid as refusal:
            return await self._page(
                request,
                page,
                current,
                Form(fields, chosen, refusal.fields),
                notice=("bad", gettext(WRONG)),
                status=refusal.status,
            )
        except SettingsChanged as refusal:
            return await self._page(
                request,
                page,
                await self._editor.read(),
                Form(fields, chosen),
                notice=("bad", refusal.message),
                status=HTTPStatus.CONFLICT,
            )
        return see_other(f"{PATHS[page]}?saved")

    async def save_logo(self, request: Request) -> Response:
        """Save the picture as the fest's logo; or show the form again."""
        upload = await read_upload(request, "logo")
        try:
            if not upload.content:
                raise Invalid({"logo": gettext("Choose a picture first.")})  # noqa: TRY301
            logo = read_logo(upload.content)
        except Invalid as refusal:
            current = await self._editor.read()
            return await self._page(
                request,
                "fest",
                current,
                Form(errors=refusal.fields),
                notice=("bad", gettext(WRONG)),
                status=refusal.status,
            )
        await self._editor.change_logo(self._portal.actor(request), logo)
        return see_other(f"{ROOT}?logo")

    async def remove_logo(self, request: Request) -> Response:
        """Remove the logo; the fest's name stays."""
        await self._editor.change_logo(self._portal.actor(request), None)
        return see_other(f"{ROOT}?removed")

    async def send_trial(self, request: Request) -> Response:
        """Send a test email to oneself with the saved settings, and show the mail server's answer."""
        visitor = await self._portal.signed_in(request)
        current = await self._editor.read()
        settings = current.settings
        try:
            await self._portal.database.write(count_trial, self._portal.secret, "mail", visitor.person)
            await asyncio.to_thread(send_trial, settings, visitor.email)
        except (NotSent, TooMany) as refusal:
            sentence = refusal.message
            if isinstance(refusal, NotSent):
                sentence = gettext("The test email was not sent. The reason: {reason}").format(
                    reason=refusal.message
                )
            return await self._page(request, "mail", current, notice=("bad", sentence), status=refusal.status)
        return see_other(f"{PATHS['mail']}?{'sent' if settings.smtp_host else 'written'}")

    async def test_payments(self, request: Request) -> Response:
        """Ask each payment method's provider whether the saved settings work, and show the answers."""
        visitor = await self._portal.signed_in(request)
        current = await self._editor.read()
        try:
            await self._portal.database.write(count_trial, self._portal.secret, "payments", visitor.person)
        except TooMany as refusal:
            return await self._page(
                request, "payments", current, notice=("bad", refusal.message), status=refusal.status
            )
        tests = await self._editor.test_payments()
        return await self._page(request, "payments", current, tests=tests)

    async def show_logo(self, request: Request) -> Response:
        """Answer with the logo; its address changes with its content, so browsers keep it for a year."""
        logo = self._logo
        if logo is None:
            raise NotFound
        is_current = read_query(request, "v", 64) == logo.digest
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if is_current else "no-cache",
            "content-security-policy": "sandbox; default-src 'none'",
        }
        return Response(logo.content, 200, headers, logo.content_type)

    async def _page(
        self,
        request: Request,
        page: Page,
        current: Effective,
        form: Form = EMPTY,
        *,
        notice: tuple[str, str] | None = None,
        status: int = 200,
        tests: Sequence[PaymentTest] = (),
    ) -> Response:
        visitor = await self._portal.signed_in(request)
        elsewhere = {
            name: sentence
            for name, sentence in form.errors.items()
            if name != "logo" and name not in {field.name for field in FIELDS[page]}
        }
        return await self._portal.page(
            request,
            "fest/settings.html",
            status=int(status),
            section="organise",
            page=page,
            path=PATHS[page],
            title=gettext(TITLES[page]),
            pages=[(known, gettext(TITLES[known]), path) for known, path in PATHS.items()],
            fields=form_of(page, current, form),
            errors=form.errors,
            elsewhere=elsewhere,
            version=current.stored.version,
            notice=notice,
            suggestions=suggestions() if page == "fest" else {},
            logo=current.stored.logo,
            email=visitor.email,
            mail_server=current.settings.smtp_host,
            webhook=f"{self._portal.settings.base_url}/webhooks/stripe",
            tests=tests,
        )


def _version(text: str) -> int | None:
    """Return the version that a form was opened with; None without one."""
    return int(text) if text.isdecimal() and len(text) <= MAX_ID_LENGTH else None


def _chosen(page: Page, current: Effective, fields: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the ticked values of the settings with several; those that were there before keep their order."""
    chosen = {}
    for field in FIELDS[page]:
        if field.kind == "several":
            before = list(cast("tuple[str, ...]", getattr(current.settings, field.name)))
            order = [*before, *(key for key, _ in field.options if key not in before)]
            chosen[field.name] = [key for key in order if f"{field.name}-{key}" in fields]
    return chosen
