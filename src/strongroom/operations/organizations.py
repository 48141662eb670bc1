"""Which organization each account belongs to: what policies ask of a resource's owner (`aws:ResourceOrgID`)."""

from strongroom.identities import tables
from strongroom.operations.house import House


class Organizations:
    """The organizations of the accounts of one house, as far as they were asked for.

    An account is never deleted and stays in the organization that it was made in, so what is known once stays true.
    """

    def __init__(self, house: House) -> None:
        self._store = house.store
        self._known: dict[str, str | None] = {}

    async def learn(self, account_id: str) -> None:
        """Find out about an account, so that `of` knows; an account that does not exist stays unknown."""
        if account_id in self._known:
            return
        row = await self._store.read(lambda connection: tables.select_account(connection, account_id))
        if row is not None:
            self._known[account_id] = row.organization_id

    def of(self, account_id: str) -> str | None:
        """Return the organization of an account, or None when it is in none or not known."""
        return self._known.get(account_id)
