"""Looking at keys, and switching them on and off."""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import tables
from strongroom.services.kms.access import account_wide, control_of_key, on_grantable_key
from strongroom.services.kms.change import change_key
from strongroom.services.kms.creation import checked_description
from strongroom.services.kms.keys import (
    DISABLED,
    ENABLED,
    Key,
    key_arn,
    require_material,
    require_not_pending_deletion,
)
from strongroom.services.kms.managed_keys import identify_or_make
from strongroom.services.kms.material_rows import KeyRow
from strongroom.services.kms.paging import Page
from strongroom.services.kms.service import KMS, own_quota


async def _needs_of_describe_key(call: Call) -> Sequence[Requirement]:
    key = call.target = await identify_or_make(call, call.params["KeyId"])
    return (await on_grantable_key(call, key, "kms:DescribeKey"),)


@operation(KMS, "DescribeKey", needs=_needs_of_describe_key, quota=own_quota("DescribeKey"), reads_only=True)
async def describe_key(call: Call) -> Answer:
    """Describe a key; a predefined AWS alias gets its key now. Source: AWS KMS API Reference, DescribeKey."""
    return {"KeyMetadata": call.target.metadata()}


@operation(KMS, "ListKeys", needs=account_wide("kms:ListKeys"), quota=own_quota("ListKeys"), reads_only=True)
async def list_keys(call: Call) -> Answer:
    """List the keys of the account and Region, AWS managed ones too. Source: AWS KMS API Reference, ListKeys.

    No key is ever shared by AWS RAM here, so asking for those of other accounts alone finds none.
    """
    account_id, region = call.account_id, call.region
    page = Page("ListKeys", call.params, default=100)
    owners = call.params.get("ResourceOwners")
    if owners is not None and "SELF" not in owners:
        return page.answer("Keys", [])
    ids = await call.read(
        lambda connection: tables.list_key_ids(connection, account_id, region, page.after, page.limit + 1)
    )
    return page.answer("Keys", [(i, {"KeyId": i, "KeyArn": key_arn(account_id, region, i)}) for i in ids])


@operation(KMS, "EnableKey", needs=control_of_key("kms:EnableKey"), quota=own_quota("EnableKey"))
async def enable_key(call: Call) -> Answer:
    """Enable a key; no change when it is enabled already. Source: AWS KMS API Reference, EnableKey."""
    return await _switch(call, ENABLED)


@operation(KMS, "DisableKey", needs=control_of_key("kms:DisableKey"), quota=own_quota("DisableKey"))
async def disable_key(call: Call) -> Answer:
    """Disable a key: from the answer on, nothing encrypts or decrypts with it. Source: API Reference, DisableKey."""
    return await _switch(call, DISABLED)


async def _switch(call: Call, state: str) -> Answer:
    key: Key = call.target
    key.must_be_customer_managed()
    # Its row does not tell that imported material has expired, until that is erased.
    require_material(key.arn, key.state)

    def change(row: KeyRow) -> dict[str, Any]:
        require_not_pending_deletion(key.arn, row.state)
        require_material(key.arn, row.state)
        return {"state": state}

    return await change_key(call, key, change)


@operation(
    KMS,
    "UpdateKeyDescription",
    needs=control_of_key("kms:UpdateKeyDescription"),
    quota=own_quota("UpdateKeyDescription"),
)
async def update_key_description(call: Call) -> Answer:
    """Change a key's description. Source: AWS KMS API Reference, UpdateKeyDescription."""
    key: Key = call.target
    key.must_be_customer_managed()
    description = checked_description(call.params["Description"])

    def change(row: KeyRow) -> dict[str, Any]:
        require_not_pending_deletion(key.arn, row.state)
        return {"description": description}

    return await change_key(call, key, change)
