"""The ciphertext blobs of custom key stores in `docs/formats.md`: taken apart by the code, and made from its words."""

import hashlib
import hmac
import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.softhsm import put_key

from strongroom.hsm.key import TokenKey
from strongroom.hsm.token import TokenLogin, open_token
from strongroom.services.kms import ciphertext
from strongroom.services.kms.key_stores.external_keys import body_of, sealed_of
from strongroom.services.kms.material import SymmetricMaterial

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
BLOCK = re.search(r"^```vector-key-store-ciphertexts\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
assert BLOCK is not None
VECTOR = dict(line.split(": ", 1) for line in BLOCK.group(1).splitlines())
CONTEXT = json.loads(VECTOR["encryption context"])
KEY_ID = VECTOR["key id"]


def octets(name: str) -> bytes:
    text = VECTOR[name]
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def header(algorithm: int, material_id: bytes) -> bytes:
    return bytes((1, algorithm)) + bytes.fromhex(KEY_ID.replace("-", "")) + material_id


def context() -> bytes:
    parts = [len(CONTEXT).to_bytes(4)]
    for name in sorted(CONTEXT):
        parts += [len(text).to_bytes(4) + text for text in (name.encode(), CONTEXT[name].encode())]
    return b"".join(parts)


def test_an_external_key_store_by_the_words_of_the_document() -> None:
    material_id = bytes.fromhex(VECTOR["key material id"])
    label = b"strongroom aes-256-gcm message key v1"
    message_key = hmac.digest(octets("key material"), b"\0\0\0\1" + label + b"\0" + octets("n") + b"\0\0\1\0", "sha256")
    inner_aad = header(1, material_id) + context()
    message = octets("n") + AESGCM(message_key).encrypt(bytes(12), octets("plaintext"), inner_aad)
    assert message == octets("message")
    outer = header(2, material_id)
    digest = hashlib.sha256(outer + context()).digest()
    assert digest == octets("additional data for the proxy")
    metadata, iv = octets("ciphertext metadata"), octets("iv")
    authenticated = b"\x00\x20" + digest + bytes((len(metadata),)) + metadata
    assert authenticated == octets("authenticated by the proxy")
    sealed = AESGCM(octets("external key")).encrypt(iv, message, authenticated)
    lengths = bytes((len(metadata),)), bytes((len(iv),))
    body = lengths[0] + metadata + lengths[1] + iv + sealed[-16:] + sealed[:-16]
    assert outer + body == octets("external key store blob")


def test_the_code_takes_the_external_key_stores_blob_apart() -> None:
    blob = ciphertext.parse(octets("external key store blob"))
    assert (blob.algorithm, blob.key_id, blob.key_material_id) == (2, KEY_ID, VECTOR["key material id"])
    sealed = sealed_of(blob.body)
    assert (sealed.metadata, sealed.iv) == (octets("ciphertext metadata"), octets("iv"))
    assert body_of(sealed) == blob.body
    authenticated = octets("authenticated by the proxy")
    message = AESGCM(octets("external key")).decrypt(sealed.iv, sealed.ciphertext + sealed.tag, authenticated)
    material = SymmetricMaterial(KEY_ID, VECTOR["key material id"], octets("key material"))
    inner = ciphertext.parse(ciphertext.header_for(KEY_ID, material.id) + message)
    assert material.decrypt(inner, CONTEXT) == octets("plaintext")


def test_a_cloudhsm_key_store(token_login: TokenLogin) -> None:
    blob = ciphertext.parse(octets("cloudhsm key store blob"))
    assert (blob.algorithm, blob.key_id, blob.key_material_id) == (3, KEY_ID, ciphertext.NO_KEY_MATERIAL)
    aad = ciphertext.authenticated_data(blob.header, CONTEXT)
    assert aad == header(3, bytes(32)) + context()
    iv = octets("iv")
    assert blob.body == iv + AESGCM(octets("key in the token")).encrypt(iv, octets("plaintext"), aad)
    with open_token(token_login) as token:
        assert TokenKey(token, put_key(token, octets("key in the token"))).decrypt(blob.body, aad) == octets(
            "plaintext"
        )
