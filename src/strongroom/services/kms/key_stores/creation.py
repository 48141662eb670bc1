"""CreateCustomKeyStore."""

from collections.abc import Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.access import account_wide
from strongroom.services.kms.key_stores import errors, tables
from strongroom.services.kms.key_stores.key_store import (
    AWS_CLOUDHSM,
    DISCONNECTED,
    credential_columns,
    new_store_id,
    password_columns,
)
from strongroom.services.kms.key_stores.key_store_directory import stale_names
from strongroom.services.kms.key_stores.proxies import credential_of
from strongroom.services.kms.key_stores.settings import must_answer, must_be_active, must_be_certificate, must_fit_type
from strongroom.services.kms.quotas import CUSTOM_KEY_STORES_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection


@operation(
    KMS,
    "CreateCustomKeyStore",
    needs=account_wide("kms:CreateCustomKeyStore"),
    quota=own_quota("CreateCustomKeyStore"),
)
async def create_custom_key_store(call: Call) -> Answer:
    """Create a key store, not connected yet. Source: AWS KMS API Reference, CreateCustomKeyStore."""
    params = call.params
    store_type = params.get("CustomKeyStoreType") or AWS_CLOUDHSM
    must_fit_type(params, store_type, is_new=True)
    store_id = new_store_id()
    values = {
        "region": call.region,
        "custom_key_store_id": store_id,
        "account_id": call.account_id,
        "name": checked_name(params["CustomKeyStoreName"]),
        "type": store_type,
        "created_at": call.now,
        "connection_state": DISCONNECTED,
    }
    of_type = _cluster_columns if store_type == AWS_CLOUDHSM else _proxy_columns
    values |= await of_type(call, store_id)
    most = call.house.quotas.most(CUSTOM_KEY_STORES_QUOTA, call.account_id, call.region)

    def write(connection: Connection) -> Answer:
        if len(tables.list_stores(connection, call.account_id, call.region)) >= most:
            raise kms_errors.limit_exceeded(f"The account has reached its limit of {most} custom key stores.")
        must_be_unique(connection, values)
        tables.insert_store(connection, values)
        return {"CustomKeyStoreId": store_id}

    return await call.write(write, invalidates=stale_names(call.region, store_id))


def checked_name(name: str) -> str:
    """Return a name of a key store. Raises ValidationException for U+0000, which not every database can hold."""
    if "\x00" in name:
        raise kms_errors.validation("CustomKeyStoreName must not contain the null character.")
    return name


def must_be_unique(connection: Connection, values: Mapping[str, Any]) -> None:
    """Raise AwsError when another key store has the name, the cluster or the proxy's URI of this one.

    `values` are the columns of a key store as they are to be.
    """
    others = [
        row
        for row in tables.list_stores(connection, values["account_id"], values["region"])
        if row.custom_key_store_id != values["custom_key_store_id"]
    ]
    if any(row.name == values["name"] for row in others):
        raise errors.name_in_use(values["name"])
    uri = values.get("uri_endpoint"), values.get("uri_path")
    if uri[0] is not None and any((row.uri_endpoint, row.uri_path) == uri for row in others):
        raise errors.proxy_uri_in_use()
    cluster_id = values.get("cluster_id")
    if cluster_id is not None:
        user = tables.store_of_cluster(connection, cluster_id)
        if user is not None and user.custom_key_store_id != values["custom_key_store_id"]:
            raise errors.cluster_in_use(cluster_id)


async def _cluster_columns(call: Call, store_id: str) -> dict[str, Any]:
    params = call.params
    cluster_id, trust_anchor = params["CloudHsmClusterId"], params["TrustAnchorCertificate"]
    await must_be_active(call, cluster_id)
    must_be_certificate(trust_anchor)
    sealed = password_columns(call.house.sealer, call.region, store_id, params["KeyStorePassword"])
    return {"cluster_id": cluster_id, "trust_anchor": trust_anchor} | sealed


async def _proxy_columns(call: Call, store_id: str) -> dict[str, Any]:
    params = call.params
    credential = credential_of(params["XksProxyAuthenticationCredential"])
    uri_endpoint, uri_path = params["XksProxyUriEndpoint"], params["XksProxyUriPath"]
    await must_answer(call, uri_endpoint, uri_path, credential)
    sealed = credential_columns(call.house.sealer, call.region, store_id, credential)
    return {"uri_endpoint": uri_endpoint, "uri_path": uri_path} | sealed
