"""Keys of AWS CloudHSM key stores: an AES-256 key in the cluster, which KMS makes there and uses there.

The key's CKA_ID is the 16 bytes of the KMS key's id, its label the id as text. Nothing of it is stored but that.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from strongroom.base.errors import AwsError, OperatorError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.operations.house import House
from strongroom.services.kms import ciphertext
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.ciphertext import CLOUDHSM_KEY_STORE, NO_KEY_MATERIAL, CiphertextBlob
from strongroom.services.kms.key_stores import errors
from strongroom.services.kms.key_stores.clusters import ClusterTokens
from strongroom.services.kms.key_stores.key_store import KeyStore
from strongroom.services.kms.keys import UNAVAILABLE, Key, require_enabled

if TYPE_CHECKING:
    from strongroom.hsm.key import TokenKey
    from strongroom.hsm.token import Token

Context = ciphertext.Context
T = TypeVar("T")


async def encrypt(house: House, store: KeyStore, key: Key, plaintext: bytes, context: Context) -> bytes:
    """Return a ciphertext blob, encrypted in the cluster. Raises AwsError."""
    header = ciphertext.header_for(key.key_id, NO_KEY_MATERIAL, CLOUDHSM_KEY_STORE)
    aad = ciphertext.authenticated_data(header, context)
    return header + await _with_key(house, store, key, lambda backing: backing.encrypt(plaintext, aad))


async def decrypt(house: House, store: KeyStore, key: Key, blob: CiphertextBlob, context: Context) -> bytes:
    """Return the plaintext of a ciphertext blob, decrypted in the cluster. Raises AwsError."""
    aad = ciphertext.authenticated_data(blob.header, context)
    try:
        return await _with_key(house, store, key, lambda backing: backing.decrypt(blob.body, aad))
    except AuthenticationFailed:
        raise kms_errors.invalid_ciphertext() from None


async def make_backing_key(house: House, store: KeyStore, key_id: str) -> None:
    """Make the key in the cluster that a new KMS key is to have. Raises AwsError."""

    def make(token: "Token") -> None:
        from strongroom.hsm.key import TokenKey

        backing_id = backing_key_id(key_id)
        token.use(lambda logged_in: logged_in.generate_key(key_id, backing_id))
        TokenKey(token, backing_id).check()

    tokens = house.part(ClusterTokens)
    try:
        token = await tokens.of(store)
        if token is None:
            raise errors.store_state(store.id, store.connection_state, "CONNECTED")
        await tokens.run(lambda: make(token))
    except OperatorError as error:
        raise _in_words_of_kms(error, f"key {key_id}") from None


async def destroy_backing_key(house: House, store: KeyStore, key_id: str) -> None:
    """Destroy the key in the cluster, as far as that can be done now: it may be disconnected, or not answer."""
    tokens = house.part(ClusterTokens)
    try:
        token = await tokens.of(store)
        if token is not None:
            await tokens.run(lambda: token.use(lambda logged_in: logged_in.destroy_key(backing_key_id(key_id))))
    except OperatorError:
        return


async def random_bytes(house: House, store: KeyStore, count: int) -> bytes:
    """Return random bytes that the cluster made. Raises AwsError."""
    tokens = house.part(ClusterTokens)
    try:
        token = await tokens.of(store)
        if token is None:
            raise errors.store_state(store.id, store.connection_state, "CONNECTED")
        return await tokens.run(lambda: token.random_bytes(count))
    except OperatorError as error:
        raise _in_words_of_kms(error, store.id) from None


def backing_key_id(key_id: str) -> bytes:
    """Return the CKA_ID of a KMS key's key in the cluster."""
    return UUID(key_id).bytes


async def _with_key(house: House, store: KeyStore, key: Key, work: "Callable[[TokenKey], T]") -> T:
    tokens = house.part(ClusterTokens)

    def run(token: "Token") -> T:
        from strongroom.hsm.key import TokenKey

        return work(TokenKey(token, backing_key_id(key.key_id)))

    try:
        token = await tokens.of(store)
        if token is None:
            require_enabled(key.arn, UNAVAILABLE)
            raise errors.cluster_failed(key.arn)
        return await tokens.run(lambda: run(token))
    except OperatorError as error:
        raise _in_words_of_kms(error, key.arn) from None


def _in_words_of_kms(error: OperatorError, arn: str) -> AwsError:
    from strongroom.hsm.errors import KeyNotFound, KeyUnusable, TokenBusy, TokenTimedOut

    if isinstance(error, KeyNotFound | KeyUnusable):
        return errors.backing_key_missing(arn)
    if isinstance(error, TokenBusy):
        return kms_errors.throttled()
    return errors.cluster_timed_out() if isinstance(error, TokenTimedOut) else errors.cluster_failed(arn)
