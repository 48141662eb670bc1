"""Temporary credentials: made here for every operation that gives some out, and recorded before they are given.

Source: AWS STS API Reference, "Credentials".
"""

import math
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.identifiers import new_access_key_id, new_secret_access_key
from strongroom.identities.sessions import SESSION_TOKEN_CHARACTERS_MAX, Session, SessionTooLarge, token_of
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.sts import errors


async def give_out(call: Call, seconds: int, told: Answer, **session: Any) -> Answer:
    """Return the answer that gives out credentials for a new session of `seconds`, with all that is `told` besides.

    `session` holds the members of `Session` that are not the credentials' own. The record of the call is written before
    the answer is given, with the access key id and without the token. Members of the answer without a value are left
    out. Raises PackedPolicyTooLarge when the session does not fit into a token.
    """
    # Whole seconds, as clients are told, and as aws:TokenIssueTime is compared with.
    issued_at = math.floor(call.now)
    made = Session(
        access_key_id=new_access_key_id(temporary=True),
        secret_access_key=new_secret_access_key(),
        issued_at=issued_at,
        expires_at=issued_at + seconds,
        **session,
    )
    try:
        token = token_of(made, call.house.sealer, call.params.get("MinimumSessionTokenSize", 0))
    except SessionTooLarge:
        raise errors.packed_policy_too_large("Serialized token too large for session") from None
    known = {name: value for name, value in told.items() if value is not None}
    credentials = {"AccessKeyId": made.access_key_id, "Expiration": as_datetime(made.expires_at)}
    await call.write(lambda _: {**known, "Credentials": credentials})
    return {
        **known,
        "Credentials": {**credentials, "SecretAccessKey": made.secret_access_key, "SessionToken": token},
        "SessionTokenSize": len(token),
        "SessionTokenUtilization": len(token) * 100 // SESSION_TOKEN_CHARACTERS_MAX,
    }
