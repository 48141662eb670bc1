"""Grant tokens: a grant named in a few sealed bytes. docs/formats.md describes them ("KMS grant token").

A token allows nothing by itself: the grant that it names has to exist, and does, or does not, without the token too.
It only has to be one that this server gave out.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from strongroom.envelope.sealed import SealBroken, Sealer
from strongroom.services.kms import errors

PLACE = "kms grant token"


class NamedGrant(NamedTuple):
    """The grant that a token names."""

    region: str
    key_id: str
    grant_id: str


def new_token(sealer: Sealer, grant: NamedGrant) -> str:
    """Return a token for a grant, another one each time."""
    sealed = sealer.seal("\n".join(grant).encode(), PLACE)
    return base64.urlsafe_b64encode(sealed).decode("ascii")


def open_token(sealer: Sealer, token: str) -> NamedGrant:
    """Return the grant that a token names. Raises InvalidGrantTokenException for what is no token of this server."""
    try:
        sealed = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        region, key_id, grant_id = sealer.open(sealed, PLACE).decode().split("\n")
    except (UnicodeError, binascii.Error, SealBroken, ValueError):
        raise errors.invalid_grant_token() from None
    return NamedGrant(region, key_id, grant_id)


def require_valid_tokens(sealer: Sealer, tokens: Sequence[str]) -> None:
    """Raise InvalidGrantTokenException unless every token is one of this server, whatever became of its grant."""
    for token in tokens:
        open_token(sealer, token)
