"""DescribeCustomKeyStores."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.access import account_wide
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.key_store import store_of_row
from strongroom.services.kms.paging import Page
from strongroom.services.kms.service import KMS, own_quota


@operation(
    KMS,
    "DescribeCustomKeyStores",
    needs=account_wide("kms:DescribeCustomKeyStores"),
    quota=own_quota("DescribeCustomKeyStores"),
    reads_only=True,
)
async def describe_custom_key_stores(call: Call) -> Answer:
    """Describe the account's key stores, all or one of them. Source: AWS KMS API Reference, DescribeCustomKeyStores."""
    params = call.params
    page = Page("DescribeCustomKeyStores", params, default=100)
    store_id, name = params.get("CustomKeyStoreId"), params.get("CustomKeyStoreName")
    if store_id is not None and name is not None:
        raise kms_errors.validation("CustomKeyStoreId and CustomKeyStoreName must not be specified together.")
    rows = await call.read(lambda connection: tables.list_stores(connection, call.account_id, call.region))
    if store_id is not None or name is not None:
        rows = [row for row in rows if row.custom_key_store_id == store_id or row.name == name]
        if not rows:
            raise errors.store_not_found(store_id or name or "")
    entries = [(row.custom_key_store_id, store_of_row(call.house.sealer, row).entry()) for row in rows]
    return page.answer("CustomKeyStores", [entry for entry in entries if entry[0] > page.after])
