"""Deleting the data of a guest without an account, for pages and the API: first its effects, then the deletion."""

from collections.abc import Sequence

from festgate.kit.messaging.mail_erasure import find_emails_to
from festgate.kit.visitors import Actor
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts


class GuestDeletions:
    """Deletions of guests, with the records of all modules."""

    def __init__(self, portal: Portal, records: accounts.AllRecords, absent: Sequence[str]) -> None:
        """`absent` are the names of modules that cannot be loaded, so that they could not end their part."""
        self._portal = portal
        self._records = records
        self._absent = absent

    async def plan(self, number: int) -> accounts.Deletion:
        """Return what deleting the guest's data would do now. Raises NotFound for an account, or ModuleUnavailable."""
        self._require_records()
        await self._portal.database.read(accounts.guest_to_delete, number)
        return await self._portal.database.report(accounts.plan_deletion, number, self._records)

    async def delete(self, number: int, shown: str, actor: Actor) -> None:
        """Delete the guest's data if that does what was shown. Raises NotFound, AccountInUse or Changed."""
        self._require_records()
        database = self._portal.database
        person = await database.read(accounts.guest_to_delete, number)
        stored = await database.report(find_emails_to, person.email)
        await database.write(accounts.delete_account, number, self._records, stored, None, shown, actor)

    def _require_records(self) -> None:
        """Raise ModuleUnavailable if a module could not end its part."""
        for name in self._absent:
            raise self._portal.bulkheads[name].refusal()
