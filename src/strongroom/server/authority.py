"""The server's own certificate authority: made at first start, kept sealed in the database, shared by its servers."""

import json
from datetime import datetime, timedelta

from strongroom.base.errors import OperatorError
from strongroom.crypto.certificates import Credential, Names, create_authority, not_after
from strongroom.envelope.sealed import SealBroken, Sealer
from strongroom.server.tables import AUTHORITY_PLACE, LOCAL, replace_authority, select_authority
from strongroom.storage.connection import Connection
from strongroom.storage.store import Store

LIFE_LEFT_MIN = timedelta(days=120)
COMMON_NAME = "Strongroom local authority"

_PLACE = AUTHORITY_PLACE.format(name=LOCAL)


async def ensure_authority(store: Store, sealer: Sealer, names: Names, now: datetime) -> tuple[Credential, bool]:
    """Return an authority that may issue for `names`, and whether it had to be made. `now` is the time of the world.

    It can vouch for its names only, so that who trusts it need not trust it for anything else. A new name therefore
    asks for a new authority, which covers the old names too. Raises OperatorError when what is stored does not open.
    """
    while True:
        seen = await store.read(select_authority)
        authority, covered = _open(seen, sealer)
        wanted = [*covered, *(text for text in texts_of(names) if text not in covered)]
        if authority is not None and wanted == covered and not_after(authority.certificate_pem) - now > LIFE_LEFT_MIN:
            return authority, False
        made = create_authority(COMMON_NAME, now, only_for=Names.of(wanted))
        # When another server on the same database was quicker, its authority is the one.
        if await _put(store, seen, sealer.seal(_encode(made, wanted), _PLACE)):
            return made, True


async def _put(store: Store, seen: bytes | None, sealed: bytes) -> bool:
    def change(connection: Connection) -> bool:
        return replace_authority(connection, seen, sealed)

    return await store.write(change)


def texts_of(names: Names) -> list[str]:
    """Return the names as texts."""
    return [*names.dns, *(str(address) for address in names.ip)]


def _encode(authority: Credential, covered: list[str]) -> bytes:
    members = {
        "certificate": authority.certificate_pem.decode(),
        "private_key": authority.private_key_pem.decode(),
        "names": covered,
    }
    return json.dumps(members).encode()


def _open(sealed: bytes | None, sealer: Sealer) -> tuple[Credential | None, list[str]]:
    if sealed is None:
        return None, []
    try:
        members = json.loads(sealer.open(sealed, _PLACE))
    except SealBroken as error:
        raise OperatorError(f"the certificate authority in the database does not open: {error}") from None
    return Credential(members["certificate"].encode(), members["private_key"].encode()), members["names"]
