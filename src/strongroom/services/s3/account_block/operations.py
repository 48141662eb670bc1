"""Blocking public access for all buckets of an account, at the end point of S3 Control.

Source: AWS S3 Control API Reference; Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage".
"""

from collections.abc import Mapping, Sequence

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.s3.account_block import tables
from strongroom.services.s3.buckets import account_cache_name
from strongroom.services.s3.public_access import BLOCKED
from strongroom.services.s3.service import S3_CONTROL
from strongroom.storage.connection import Connection


def _on_account(action: str) -> Needs:
    async def needs(call: Call) -> Sequence[Requirement]:
        # Another account's settings are out of reach: nothing there has a policy that could allow it.
        account_id = call.target = call.params["AccountId"]
        return (Requirement(action=action, resource="*", account_id=account_id),)

    return needs


@operation(S3_CONTROL, "PutPublicAccessBlock", needs=_on_account("s3:PutAccountPublicAccessBlock"))
async def put_public_access_block(call: Call) -> Answer:
    """Say which public access the account blocks. Source: S3 Control API Reference, PutPublicAccessBlock."""
    sent = call.params["PublicAccessBlockConfiguration"]
    return await _replace(call, {name: bool(sent.get(name)) for name in BLOCKED})


@operation(S3_CONTROL, "GetPublicAccessBlock", needs=_on_account("s3:GetAccountPublicAccessBlock"), reads_only=True)
async def get_public_access_block(call: Call) -> Answer:
    """Tell which public access the account blocks. Source: S3 Control API Reference, GetPublicAccessBlock."""
    account_id: str = call.target
    blocks = await call.read(lambda connection: tables.select_account_block(connection, account_id))
    if blocks is None:
        raise AwsError(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            404,
            members={"AccountId": account_id},
        )
    return {"PublicAccessBlockConfiguration": dict(blocks)}


@operation(S3_CONTROL, "DeletePublicAccessBlock", needs=_on_account("s3:PutAccountPublicAccessBlock"))
async def delete_public_access_block(call: Call) -> Answer:
    """Block nothing for the account as a whole. Source: S3 Control API Reference, DeletePublicAccessBlock."""
    return await _replace(call, None)


async def _replace(call: Call, blocks: Mapping[str, bool] | None) -> Answer:
    account_id: str = call.target

    def write(connection: Connection) -> Answer:
        tables.replace_account_block(connection, account_id, blocks)
        return {}

    return await call.write(write, invalidates=(account_cache_name(account_id),))
