"""Keys of custom key stores, whatever the type: made, used, and deleted."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.kms import ciphertext
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.ciphertext import CiphertextBlob
from strongroom.services.kms.key_specs import SYMMETRIC_DEFAULT
from strongroom.services.kms.key_stores import cluster_keys, errors, external_keys, tables
from strongroom.services.kms.key_stores.key_store import CONNECTED, EXTERNAL_KEY_STORE, KeyStore
from strongroom.services.kms.key_stores.key_store_directory import KeyStoreDirectory
from strongroom.services.kms.keys import IN_CLUSTER, IN_EXTERNAL_KEY_STORE, Key
from strongroom.storage.connection import Connection

Context = ciphertext.Context
STORE_ORIGINS = (IN_CLUSTER, IN_EXTERNAL_KEY_STORE)


async def encrypt_in_store(call: Call, key: Key, plaintext: bytes, context: Context) -> bytes:
    """Return a ciphertext blob under a key of a custom key store that was found usable. Raises AwsError."""
    store = await _store_of(call.house, key)
    if store.type == EXTERNAL_KEY_STORE:
        return await external_keys.encrypt(call, store, key, plaintext, context)
    return await cluster_keys.encrypt(call.house, store, key, plaintext, context)


async def decrypt_in_store(call: Call, key: Key, blob: CiphertextBlob, context: Context) -> bytes:
    """Return the plaintext of a ciphertext blob under a key of a custom key store. Raises AwsError."""
    store = await _store_of(call.house, key)
    is_external = store.type == EXTERNAL_KEY_STORE
    if blob.algorithm != (ciphertext.EXTERNAL_KEY_STORE if is_external else ciphertext.CLOUDHSM_KEY_STORE):
        raise kms_errors.invalid_ciphertext()
    if is_external:
        return await external_keys.decrypt(call, store, key, blob, context)
    return await cluster_keys.decrypt(call.house, store, key, blob, context)


async def wanted_store(call: Call, origin: str) -> KeyStore | None:
    """Return the key store that CreateKey asks for, connected; None for a key that is to be in none.

    Raises ValidationException where the request's members do not go together, CustomKeyStoreNotFoundException,
    CustomKeyStoreInvalidStateException, and what an external key may be refused with.
    """
    params = call.params
    store_id, xks_key_id = params.get("CustomKeyStoreId"), params.get("XksKeyId")
    _check_members(params, origin)
    if store_id is None:
        return None
    store = await call.house.part(KeyStoreDirectory).identify(call, store_id)
    if store.type != origin:
        raise kms_errors.validation(f"Origin {origin} does not fit the custom key store {store_id}, a {store.type}.")
    if store.connection_state != CONNECTED:
        raise errors.store_state(store.id, store.connection_state, CONNECTED)
    if xks_key_id is not None:
        await call.read(lambda connection: must_take_key(connection, store, xks_key_id))
        await external_keys.must_be_fit(call, store, xks_key_id)
    return store


def must_take_key(connection: Connection, store: KeyStore, xks_key_id: str | None) -> None:
    """Raise AwsError unless a key store takes a new key, as the database has it now.

    It may have been disconnected meanwhile, and the external key may have been given to another KMS key.
    """
    row = tables.select_store(connection, store.region, store.id)
    if row is None:
        raise errors.store_not_found(store.id)
    if row.connection_state != CONNECTED:
        raise errors.store_state(store.id, row.connection_state, CONNECTED)
    if xks_key_id is not None and tables.uses_external_key(connection, store.region, store.id, xks_key_id):
        raise errors.external_key_in_use(xks_key_id)


@asynccontextmanager
async def backing_key_of(house: House, store: KeyStore | None, key_id: str) -> AsyncIterator[None]:
    """Make what a new key has in its key store's cluster, and destroy it again if the key does not come to be.

    Raises AwsError. A crash in between leaves a key in the cluster that nobody uses.
    """
    if store is None or store.type == EXTERNAL_KEY_STORE:
        yield
        return
    await cluster_keys.make_backing_key(house, store, key_id)
    try:
        yield
    except AwsError:
        # Only a refusal is sure: after a failure of the database the key may have come to be all the same.
        await cluster_keys.destroy_backing_key(house, store, key_id)
        raise


def _check_members(params: Mapping[str, Any], origin: str) -> None:
    has_store, has_external_key = params.get("CustomKeyStoreId") is not None, params.get("XksKeyId") is not None
    if has_store != (origin in STORE_ORIGINS):
        raise kms_errors.validation("CustomKeyStoreId and Origin AWS_CLOUDHSM or EXTERNAL_KEY_STORE come together.")
    if has_external_key != (origin == IN_EXTERNAL_KEY_STORE):
        raise kms_errors.validation("XksKeyId and Origin EXTERNAL_KEY_STORE come together.")
    spec = params.get("KeySpec") or params.get("CustomerMasterKeySpec") or SYMMETRIC_DEFAULT
    if has_store and (spec != SYMMETRIC_DEFAULT or params.get("MultiRegion")):
        raise kms_errors.validation("Keys in custom key stores are single-Region keys with KeySpec SYMMETRIC_DEFAULT.")


async def random_bytes_of_store(call: Call, store_id: str, count: int) -> bytes:
    """Return random bytes that a key store's cluster made. Raises UnsupportedOperationException for a proxy's store."""
    store = await call.house.part(KeyStoreDirectory).identify(call, store_id)
    if store.type == EXTERNAL_KEY_STORE:
        raise kms_errors.unsupported("GenerateRandom is not supported with external key stores.")
    return await cluster_keys.random_bytes(call.house, store, count)


async def destroy_deleted(house: House, region: str, store_id: str | None, key_id: str) -> None:
    """Destroy what a deleted key had in a cluster, as far as that can be done now."""
    if store_id is not None:
        store = await house.part(KeyStoreDirectory).find(region, store_id)
        if store is not None and store.type != EXTERNAL_KEY_STORE:
            await cluster_keys.destroy_backing_key(house, store, key_id)


async def _store_of(house: House, key: Key) -> KeyStore:
    store = None
    if key.custom_key_store_id is not None:
        store = await house.part(KeyStoreDirectory).find(key.region, key.custom_key_store_id)
    if store is None:
        raise errors.cluster_failed(key.arn)
    return store
