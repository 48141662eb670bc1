"""GetCallerIdentity and GetAccessKeyInfo: who a signature, or an access key id, stands for."""

from collections.abc import Sequence

from strongroom.identities import tables
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, no_permission, operation
from strongroom.services.sts import errors
from strongroom.services.sts.access import on_account
from strongroom.services.sts.service import STS


@operation(STS, "GetCallerIdentity", needs=no_permission, reads_only=True)
async def get_caller_identity(call: Call) -> Answer:
    """Tell the caller who it is; no policy can deny it. Source: AWS STS API Reference, GetCallerIdentity."""
    caller = call.caller
    return {"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn}


async def _may_get_access_key_info(call: Call) -> Sequence[Requirement]:
    return on_account(call, "sts:GetAccessKeyInfo")


@operation(STS, "GetAccessKeyInfo", needs=_may_get_access_key_info, reads_only=True)
async def get_access_key_info(call: Call) -> Answer:
    """Tell which account an access key belongs to, active or not. Source: AWS STS API Reference, GetAccessKeyInfo.

    Of temporary access keys none is kept, so only the caller's own is known.
    """
    access_key_id = call.params["AccessKeyId"]
    if access_key_id == call.caller.identity.access_key_id:
        return {"Account": call.account_id}
    row = await call.read(lambda connection: tables.select_access_key(connection, access_key_id))
    if row is None:
        raise errors.invalid(f"The access key {access_key_id} is not known here.")
    return {"Account": row.account_id}
