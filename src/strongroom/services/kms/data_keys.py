"""What KMS makes for use outside of it: data keys, data key pairs and random bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.crypto.random import random_bytes
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.access import on_account
from strongroom.services.kms.encryption import encrypt_under
from strongroom.services.kms.key_specs import ENCRYPT_DECRYPT, KEY_SPECS, SYMMETRIC_DEFAULT
from strongroom.services.kms.key_stores.store_keys import random_bytes_of_store
from strongroom.services.kms.keys import Key
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.material import generate_secret, private_key_of
from strongroom.services.kms.request_members import end_dry_run, refuse_what_is_not_served
from strongroom.services.kms.service import KMS, cryptographic_quota
from strongroom.services.kms.use import use_of_key

_DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


def _data_key_bytes(params: Mapping[str, Any]) -> int:
    spec: str | None = params.get("KeySpec")
    count: Any = params.get("NumberOfBytes")
    if (spec is None) == (count is None):
        raise errors.validation("Please specify either number of bytes or key spec.")
    length: int = _DATA_KEY_BYTES[spec] if spec is not None else count
    return length


def _must_encrypt_data_keys(key: Key, operation_name: str) -> None:
    key.must_be_usable_for(ENCRYPT_DECRYPT, operation_name)
    if key.spec != SYMMETRIC_DEFAULT:
        raise errors.invalid_spec(key.arn, key.spec, operation_name)


async def _new_data_key(call: Call) -> tuple[bytes, Answer]:
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    length = _data_key_bytes(params)
    _must_encrypt_data_keys(key, call.operation.name)
    end_dry_run(params)
    data_key = random_bytes(length)
    sealed = await encrypt_under(call, key, SYMMETRIC_DEFAULT, data_key, params.get("EncryptionContext"))
    call.house.part(LastUsages).note(call, key)
    answer: Answer = {"CiphertextBlob": sealed.ciphertext, "KeyId": key.arn}
    if sealed.key_material_id is not None:
        answer["KeyMaterialId"] = sealed.key_material_id
    return data_key, answer


@operation(KMS, "GenerateDataKey", needs=use_of_key("kms:GenerateDataKey"), quota=cryptographic_quota, reads_only=True)
async def generate_data_key(call: Call) -> Answer:
    """Return a fresh data key, in plaintext and encrypted. Source: AWS KMS API Reference, GenerateDataKey."""
    data_key, answer = await _new_data_key(call)
    answer["Plaintext"] = data_key
    return answer


@operation(
    KMS,
    "GenerateDataKeyWithoutPlaintext",
    needs=use_of_key("kms:GenerateDataKeyWithoutPlaintext"),
    quota=cryptographic_quota,
    reads_only=True,
)
async def generate_data_key_without_plaintext(call: Call) -> Answer:
    """Return a fresh data key, encrypted only. Source: API Reference, GenerateDataKeyWithoutPlaintext."""
    params = call.params
    if params.get("KeySpec") is None and params.get("NumberOfBytes") is None:
        params["KeySpec"] = "AES_256"
    return (await _new_data_key(call))[1]


async def _new_data_key_pair(call: Call) -> tuple[bytes, Answer]:
    """Return the private key of a fresh pair (PKCS #8, DER), and the answer without it."""
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    kind = KEY_SPECS.get(params["KeyPairSpec"])
    if kind is None:
        raise errors.unsupported(f"Strongroom does not serve key pairs with KeyPairSpec {params['KeyPairSpec']}.")
    _must_encrypt_data_keys(key, call.operation.name)
    if key.custom_key_store_id is not None:
        raise errors.unsupported(f"{key.arn} is in a custom key store, which {call.operation.name} does not support.")
    end_dry_run(params)
    private_key = await generate_secret(kind)
    sealed = await encrypt_under(call, key, SYMMETRIC_DEFAULT, private_key, params.get("EncryptionContext"))
    call.house.part(LastUsages).note(call, key)
    answer: Answer = {
        "PrivateKeyCiphertextBlob": sealed.ciphertext,
        "PublicKey": private_key_of(kind, private_key).public_key,
        "KeyId": key.arn,
        "KeyPairSpec": kind.name,
    }
    if sealed.key_material_id is not None:
        answer["KeyMaterialId"] = sealed.key_material_id
    return private_key, answer


@operation(
    KMS, "GenerateDataKeyPair", needs=use_of_key("kms:GenerateDataKeyPair"), quota=cryptographic_quota, reads_only=True
)
async def generate_data_key_pair(call: Call) -> Answer:
    """Return a fresh key pair, its private key in plaintext and encrypted. Source: API Reference, GenerateDataKeyPair.

    The private key is PKCS #8 and the public key a SubjectPublicKeyInfo, both DER.
    """
    private_key, answer = await _new_data_key_pair(call)
    answer["PrivateKeyPlaintext"] = private_key
    return answer


@operation(
    KMS,
    "GenerateDataKeyPairWithoutPlaintext",
    needs=use_of_key("kms:GenerateDataKeyPairWithoutPlaintext"),
    quota=cryptographic_quota,
    reads_only=True,
)
async def generate_data_key_pair_without_plaintext(call: Call) -> Answer:
    """Return a fresh key pair, its private key encrypted only. Source: GenerateDataKeyPairWithoutPlaintext."""
    return (await _new_data_key_pair(call))[1]


async def _needs_of_generate_random(call: Call) -> Sequence[Requirement]:
    return (on_account(call, "kms:GenerateRandom"),)


@operation(KMS, "GenerateRandom", needs=_needs_of_generate_random, quota=cryptographic_quota, reads_only=True)
async def generate_random(call: Call) -> Answer:
    """Return 1 to 1,024 random bytes. Source: AWS KMS API Reference, GenerateRandom."""
    params = call.params
    refuse_what_is_not_served(params)
    if params.get("NumberOfBytes") is None:
        raise errors.validation("NumberOfBytes is required.")
    if params.get("CustomKeyStoreId") is not None:
        return {"Plaintext": await random_bytes_of_store(call, params["CustomKeyStoreId"], params["NumberOfBytes"])}
    return {"Plaintext": random_bytes(params["NumberOfBytes"])}
