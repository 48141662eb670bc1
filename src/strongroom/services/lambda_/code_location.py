"""Where an archive can be fetched for some minutes, by whoever has the address: below the server's own paths.

The address holds which archive and until when, sealed: nobody can make one, nothing has to be stored, and it ends by
itself. Source: AWS Lambda API Reference, FunctionCodeLocation ("A presigned URL that you can use to download the
deployment package").
"""

import base64
import binascii

import msgspec

from strongroom.envelope.sealed import SealBroken
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.lambda_.code import read_archive

VALID_SECONDS = 600.0
PATH = "/_strongroom/lambda/code/"
TOKEN_CHARACTERS_MAX = 512
_PLACE = "lambda code locations"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, float]).decode


def code_location(call: Call, code_id: str) -> dict[str, str]:
    """Return the Location member that leads to an archive, none where the sender named no host to lead to."""
    if not call.origin.host:
        return {}
    sealed = call.house.sealer.seal(_encode((code_id, call.now + VALID_SECONDS)), _PLACE)
    token = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    scheme = "https" if call.origin.secure else "http"
    return {"Location": f"{scheme}://{call.origin.host}{PATH}{token}"}


def code_at_location(house: House, token: str) -> str | None:
    """Return the id of the archive that the end of an address leads to; None for a foreign one, or when it is over."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        code_id, until = _decode(house.sealer.open(sealed, _PLACE))
    except (binascii.Error, UnicodeError, ValueError, SealBroken, msgspec.DecodeError):
        return None
    return code_id if house.clock.now() < until else None


async def archive_at(house: House, token: str) -> bytes | None:
    """Return the archive that the end of an address leads to, or None. Raises as `read_archive` does."""
    code_id = code_at_location(house, token)
    return None if code_id is None else await read_archive(house, code_id)
