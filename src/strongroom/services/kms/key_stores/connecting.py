"""ConnectCustomKeyStore and DisconnectCustomKeyStore.

AWS connects in the background, which takes minutes; here it is tried at once, and done when the answer comes. As with
AWS, the answer does not say whether it succeeded: the connection state does.
"""

from typing import Any

from strongroom.base.errors import AwsError, OperatorError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms.access import account_wide
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.clusters import ClusterTokens
from strongroom.services.kms.key_stores.key_store import (
    AWS_CLOUDHSM,
    CONNECTED,
    DISCONNECTED,
    FAILED,
    KeyStore,
)
from strongroom.services.kms.key_stores.key_store_directory import KeyStoreDirectory, stale_names
from strongroom.services.kms.key_stores.settings import must_be_healthy
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection


@operation(
    KMS,
    "ConnectCustomKeyStore",
    needs=account_wide("kms:ConnectCustomKeyStore"),
    quota=own_quota("ConnectCustomKeyStore"),
)
async def connect_custom_key_store(call: Call) -> Answer:
    """Connect a key store, or find out why that fails. Source: AWS KMS API Reference, ConnectCustomKeyStore."""
    store = await call.house.part(KeyStoreDirectory).identify(call, call.params["CustomKeyStoreId"])
    _must_not_have_failed(store.id, store.connection_state)
    failure = await (_failure_of_cluster if store.type == AWS_CLOUDHSM else _failure_of_proxy)(call, store)

    def write(connection: Connection) -> Answer:
        row = _row_of(connection, store)
        _must_not_have_failed(store.id, row.connection_state)
        state = CONNECTED if failure is None else FAILED
        values = {"connection_state": state, "connection_error": failure}
        tables.update_store(connection, store.region, store.id, values)
        return {}

    return await call.write(write, invalidates=stale_names(store.region, store.id))


@operation(
    KMS,
    "DisconnectCustomKeyStore",
    needs=account_wide("kms:DisconnectCustomKeyStore"),
    quota=own_quota("DisconnectCustomKeyStore"),
)
async def disconnect_custom_key_store(call: Call) -> Answer:
    """Disconnect a key store: from the answer on, none of its keys is used. Source: DisconnectCustomKeyStore."""
    store = await call.house.part(KeyStoreDirectory).identify(call, call.params["CustomKeyStoreId"])

    def write(connection: Connection) -> Answer:
        row = _row_of(connection, store)
        if row.connection_state == DISCONNECTED:
            raise errors.store_state(store.id, DISCONNECTED, f"{CONNECTED} or {FAILED}")
        values = {"connection_state": DISCONNECTED, "connection_error": None}
        tables.update_store(connection, store.region, store.id, values)
        return {}

    return await call.write(write, invalidates=stale_names(store.region, store.id))


def _row_of(connection: Connection, store: KeyStore) -> Any:
    row = tables.select_store(connection, store.region, store.id)
    if row is None:
        raise errors.store_not_found(store.id)
    return row


def _must_not_have_failed(store_id: str, state: str) -> None:
    """Raise CustomKeyStoreInvalidStateException for a key store that must be disconnected first."""
    if state == FAILED:
        raise errors.store_state(store_id, FAILED, DISCONNECTED)


async def _failure_of_cluster(call: Call, store: KeyStore) -> str | None:
    """Return the ConnectionErrorCode with which logging in to the cluster fails, None when it does not."""
    tokens = call.house.part(ClusterTokens)
    if not tokens.knows(store.cluster_id):
        return "CLUSTER_NOT_FOUND"
    try:
        token = await tokens.opened(store.cluster_id, store.password)
        await tokens.run(token.close)
    except OperatorError as error:
        return _connection_error_of(error)
    return None


def _connection_error_of(error: OperatorError) -> str:
    from strongroom.hsm.errors import PinLocked, PinRefused, TokenNotFound

    if isinstance(error, PinLocked):
        return "USER_LOCKED_OUT"
    if isinstance(error, PinRefused):
        return "INVALID_CREDENTIALS"
    return "INSUFFICIENT_CLOUDHSM_HSMS" if isinstance(error, TokenNotFound) else "INTERNAL_ERROR"


async def _failure_of_proxy(call: Call, store: KeyStore) -> str | None:
    """Return the ConnectionErrorCode with which asking the proxy for its health fails, None when it does not."""
    try:
        await must_be_healthy(call, store.uri_endpoint, store.uri_path, store.credential)
    except XksProxyError as error:
        return errors.connection_error_of(error)
    except AwsError:
        return "XKS_PROXY_NOT_REACHABLE"
    return None
