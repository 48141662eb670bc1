"""Keys of external key stores: what KMS encrypts with key material of its own, the proxy encrypts once more.

So the proxy never sees a plaintext, and neither side can decrypt without the other. Source: AWS KMS Developer Guide,
"External key stores", double encryption.

The outer body of a blob is

    metadata length (1 byte) || metadata || IV length (1 byte) || IV || tag (16 bytes) || ciphertext

The proxy authenticates the SHA-256 of the blob's header and encryption context, which may be too long for it.
"""

import hashlib

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.kms import ciphertext
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.ciphertext import EXTERNAL_KEY_STORE, HEADER_BYTES, CiphertextBlob
from strongroom.services.kms.key_stores import errors, xks_protocol
from strongroom.services.kms.key_stores.key_store import KeyStore
from strongroom.services.kms.key_stores.proxies import ProxyClients, request_metadata
from strongroom.services.kms.key_stores.xks_client import XksClient
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy
from strongroom.services.kms.keys import Key
from strongroom.services.kms.material import SymmetricMaterial

Context = ciphertext.Context


async def encrypt(call: Call, store: KeyStore, key: Key, plaintext: bytes, context: Context) -> bytes:
    """Return a ciphertext blob, encrypted by KMS and by the proxy. Raises AwsError."""
    client = await _client(call, store)
    material = key.symmetric_material()
    inner = material.encrypt(plaintext, context)[HEADER_BYTES:]
    header = ciphertext.header_for(key.key_id, material.id, EXTERNAL_KEY_STORE)
    try:
        sealed = await client.encrypt(
            _external_key_id(key), inner, _digest(header, context), request_metadata(call, key.arn)
        )
    except XksProxyError as error:
        raise errors.proxy_failed_for_use(error) from None
    return header + body_of(sealed)


async def decrypt(call: Call, store: KeyStore, key: Key, blob: CiphertextBlob, context: Context) -> bytes:
    """Return the plaintext of a ciphertext blob, decrypted by the proxy and by KMS. Raises AwsError."""
    material = key.materials.get(blob.key_material_id)
    if not isinstance(material, SymmetricMaterial):
        raise kms_errors.invalid_ciphertext()
    sealed = sealed_of(blob.body)
    client = await _client(call, store)
    try:
        inner = await client.decrypt(
            _external_key_id(key), sealed, _digest(blob.header, context), request_metadata(call, key.arn)
        )
    except XksProxyError as error:
        raise errors.proxy_failed_for_use(error) from None
    header = ciphertext.header_for(key.key_id, material.id)
    try:
        return material.decrypt(CiphertextBlob(key.key_id, material.id, header, inner), context)
    except AwsError:
        raise errors.proxy_returned_invalid_ciphertext() from None


async def must_be_fit(call: Call, store: KeyStore, xks_key_id: str) -> None:
    """Ask the proxy for an external key that a new KMS key is to have. Raises AwsError unless it is there and fit."""
    try:
        client = await call.house.part(ProxyClients).of(store)
        if client is None:
            raise errors.store_state(store.id, store.connection_state, "CONNECTED")
        found = await client.describe_key(xks_key_id, request_metadata(call))
    except XksProxyError as error:
        raise errors.proxy_failed_for_new_key(error) from None
    has_usages = set(xks_protocol.KEY_USAGES) <= set(found.usages)
    if found.spec != xks_protocol.KEY_SPEC or not has_usages or not found.is_enabled:
        raise errors.external_key_unfit()


def body_of(sealed: SealedByProxy) -> bytes:
    """Return what follows the header of a blob."""
    lengths = bytes((len(sealed.metadata),)), bytes((len(sealed.iv),))
    return lengths[0] + sealed.metadata + lengths[1] + sealed.iv + sealed.tag + sealed.ciphertext


def sealed_of(body: bytes) -> SealedByProxy:
    """Return the parts of what follows a header. Raises InvalidCiphertextException for what is none."""
    metadata_end = 1 + body[0]
    metadata, rest = body[1:metadata_end], body[metadata_end:]
    if len(metadata) > xks_protocol.metadata_bytes_max or not rest or rest[0] not in xks_protocol.iv_bytes:
        raise kms_errors.invalid_ciphertext()
    iv_end = 1 + rest[0]
    tag_end = iv_end + xks_protocol.tag_bytes
    iv, tag, inner = rest[1:iv_end], rest[iv_end:tag_end], rest[tag_end:]
    if len(tag) != xks_protocol.tag_bytes or len(inner) > xks_protocol.plaintext_bytes_max:
        raise kms_errors.invalid_ciphertext()
    return SealedByProxy(inner, metadata, iv, tag)


async def _client(call: Call, store: KeyStore) -> XksClient:
    try:
        client = await call.house.part(ProxyClients).of(store)
    except XksProxyError as error:
        raise errors.proxy_failed_for_use(error) from None
    if client is None:
        raise errors.key_store_not_connected()
    return client


def _external_key_id(key: Key) -> str:
    if key.xks_key_id is None:
        raise errors.proxy_failed_for_use(XksProxyError("KeyNotFoundException"))
    return key.xks_key_id


def _digest(header: bytes, context: Context) -> bytes:
    return hashlib.sha256(ciphertext.authenticated_data(header, context)).digest()
