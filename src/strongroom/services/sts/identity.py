"""GetCallerIdentity: who a signature stands for."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, no_permission, operation
from strongroom.services.sts.service import STS


@operation(STS, "GetCallerIdentity", needs=no_permission, reads_only=True)
async def get_caller_identity(call: Call) -> Answer:
    """Tell the caller who it is; no policy can deny it. Source: AWS STS API Reference, GetCallerIdentity."""
    caller = call.caller
    return {"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn}
