"""UpdateCustomKeyStore."""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms.access import account_wide
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.cluster_keys import backing_key_id
from strongroom.services.kms.key_stores.clusters import ClusterTokens
from strongroom.services.kms.key_stores.creation import checked_name, must_be_unique
from strongroom.services.kms.key_stores.key_store import (
    AWS_CLOUDHSM,
    CONNECTED,
    DISCONNECTED,
    KeyStore,
    credential_columns,
    password_columns,
)
from strongroom.services.kms.key_stores.key_store_directory import KeyStoreDirectory, stale_names
from strongroom.services.kms.key_stores.proxies import credential_of
from strongroom.services.kms.key_stores.settings import must_answer, must_be_active, must_fit_type
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

_WHILE_CONNECTED = ("NewCustomKeyStoreName", "XksProxyAuthenticationCredential", "XksProxyUriPath")
_KEYS_LOOKED_AT_MAX = 1_000


@operation(
    KMS,
    "UpdateCustomKeyStore",
    needs=account_wide("kms:UpdateCustomKeyStore"),
    quota=own_quota("UpdateCustomKeyStore"),
)
async def update_custom_key_store(call: Call) -> Answer:
    """Change what a key store is called, or how KMS reaches it. Source: AWS KMS API Reference, UpdateCustomKeyStore."""
    params = call.params
    store = await call.house.part(KeyStoreDirectory).identify(call, params["CustomKeyStoreId"])
    must_fit_type(params, store.type, is_new=False)
    _must_allow(store.id, store.connection_state, params)
    of_type = _cluster_columns if store.type == AWS_CLOUDHSM else _proxy_columns
    values = await of_type(call, store)
    if params.get("NewCustomKeyStoreName") is not None:
        values["name"] = checked_name(params["NewCustomKeyStoreName"])

    def write(connection: Connection) -> Answer:
        row = tables.select_store(connection, store.region, store.id)
        if row is None:
            raise errors.store_not_found(store.id)
        _must_allow(store.id, row.connection_state, params)
        must_be_unique(connection, dict(row._mapping) | values)
        if values:
            tables.update_store(connection, store.region, store.id, values)
        return {}

    return await call.write(write, invalidates=stale_names(store.region, store.id))


def _must_allow(store_id: str, state: str, params: Mapping[str, Any]) -> None:
    """Raise CustomKeyStoreInvalidStateException unless a key store in this state can be changed so."""
    changed = {name for name, value in params.items() if value is not None and name != "CustomKeyStoreId"}
    if state == DISCONNECTED or (state == CONNECTED and changed <= set(_WHILE_CONNECTED)):
        return
    raise errors.store_state(store_id, state, DISCONNECTED)


async def _proxy_columns(call: Call, store: KeyStore) -> dict[str, Any]:
    params = call.params
    uri_endpoint = params.get("XksProxyUriEndpoint") or store.uri_endpoint
    uri_path = params.get("XksProxyUriPath") or store.uri_path
    named = params.get("XksProxyAuthenticationCredential")
    credential = credential_of(named) if named is not None else store.credential
    if (uri_endpoint, uri_path, credential) == (store.uri_endpoint, store.uri_path, store.credential):
        return {}
    await must_answer(call, uri_endpoint, uri_path, credential)
    sealed = credential_columns(call.house.sealer, store.region, store.id, credential)
    return {"uri_endpoint": uri_endpoint, "uri_path": uri_path} | sealed


async def _cluster_columns(call: Call, store: KeyStore) -> dict[str, Any]:
    params = call.params
    cluster_id = params.get("CloudHsmClusterId") or store.cluster_id
    password = params.get("KeyStorePassword") or store.password
    values: dict[str, Any] = {}
    if password != store.password:
        values |= password_columns(call.house.sealer, store.region, store.id, password)
    if cluster_id != store.cluster_id:
        await must_be_active(call, cluster_id)
        await _must_have_keys_of(call, store, cluster_id, password)
        values["cluster_id"] = cluster_id
    return values


async def _must_have_keys_of(call: Call, store: KeyStore, cluster_id: str, password: str) -> None:
    """Raise CloudHsmClusterNotRelatedException unless a cluster has the keys of a key store, as a copy of its own has.

    AWS compares the clusters' certificates, which tokens do not have.
    """
    key_ids = await call.read(
        lambda connection: tables.key_ids_in_store(connection, store.region, store.id, _KEYS_LOOKED_AT_MAX)
    )
    tokens = call.house.part(ClusterTokens)

    def look(token: Any) -> None:
        from strongroom.hsm.key import TokenKey

        try:
            for key_id in key_ids:
                TokenKey(token, backing_key_id(key_id)).look_up()
        finally:
            token.close()

    if key_ids:
        try:
            token = await tokens.opened(cluster_id, password)
            await tokens.run(lambda: look(token))
        except OperatorError:
            raise errors.cluster_not_related(cluster_id) from None
