"""DeleteCustomKeyStore."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms.access import account_wide
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.key_store import DISCONNECTED
from strongroom.services.kms.key_stores.key_store_directory import KeyStoreDirectory, stale_names
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection


@operation(
    KMS,
    "DeleteCustomKeyStore",
    needs=account_wide("kms:DeleteCustomKeyStore"),
    quota=own_quota("DeleteCustomKeyStore"),
)
async def delete_custom_key_store(call: Call) -> Answer:
    """Forget a disconnected key store without keys; what is behind it stays. Source: DeleteCustomKeyStore."""
    store = await call.house.part(KeyStoreDirectory).identify(call, call.params["CustomKeyStoreId"])

    def write(connection: Connection) -> Answer:
        row = tables.select_store(connection, store.region, store.id)
        if row is None:
            raise errors.store_not_found(store.id)
        if tables.key_ids_in_store(connection, store.region, store.id, 1):
            raise errors.store_has_keys(store.id)
        if row.connection_state != DISCONNECTED:
            raise errors.store_state(store.id, row.connection_state, DISCONNECTED)
        tables.delete_store(connection, store.region, store.id)
        return {}

    return await call.write(write, invalidates=stale_names(store.region, store.id))
