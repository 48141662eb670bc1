"""Cryptographic operations with symmetric keys: Encrypt, Decrypt, ReEncrypt, data keys, random bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import ciphertext, errors
from strongroom.services.kms.access import alias_in, on_account, on_grantable_key, use_of_key
from strongroom.services.kms.key_directory import KeyDirectory
from strongroom.services.kms.keys import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Key
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.service import KMS, cryptographic_quota

_DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


def refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    """Raise for request members whose meaning would otherwise be ignored silently."""
    if params.get("Recipient") is not None:
        raise errors.unsupported("Strongroom does not serve Recipient: it has no Nitro Enclaves to attest.")


def _must_be_symmetric(algorithm: str | None, key: Key) -> None:
    if algorithm is not None and algorithm != SYMMETRIC_DEFAULT:
        raise AwsError(
            "InvalidKeyUsageException",
            f"The EncryptionAlgorithm {algorithm} is not valid for the key spec {key.spec} of {key.arn}.",
        )


def _end_dry_run(params: Mapping[str, Any]) -> None:
    if params.get("DryRun"):
        raise errors.dry_run_succeeded()


@operation(KMS, "Encrypt", needs=use_of_key("kms:Encrypt"), quota=cryptographic_quota, reads_only=True)
async def encrypt(call: Call) -> Answer:
    """Encrypt up to 4,096 bytes. Source: AWS KMS API Reference, Encrypt."""
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    key.must_be_usable_for(ENCRYPT_DECRYPT, "Encrypt")
    _must_be_symmetric(params.get("EncryptionAlgorithm"), key)
    _end_dry_run(params)
    blob = key.current.encrypt(params["Plaintext"], params.get("EncryptionContext"))
    call.house.part(LastUsages).note(call, key)
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": SYMMETRIC_DEFAULT}


class Opening:
    """A ciphertext and the key that may open it; `sent` is None when a dry run looks at no ciphertext."""

    __slots__ = ("key", "sent")

    def __init__(self, key: Key, sent: bytes | None) -> None:
        self.key = key
        self.sent = sent

    def blob(self) -> ciphertext.CiphertextBlob:
        """Return the parts of the ciphertext.

        Raises InvalidCiphertextException for what is none, IncorrectKeyException for one of another key.
        """
        blob = ciphertext.parse(self.sent or b"")
        if blob.key_id != self.key.key_id:
            raise errors.incorrect_key()
        return blob

    def plaintext(self, blob: ciphertext.CiphertextBlob, context: Mapping[str, str] | None) -> bytes:
        """Return the plaintext. Raises InvalidCiphertextException."""
        material = self.key.materials.get(blob.key_material_id)
        if material is None:
            raise errors.invalid_ciphertext()
        return material.decrypt(blob, context)


async def find_opening(call: Call, key_member: str) -> Opening:
    """Find the key for the request's CiphertextBlob: the one that the request names, else the one that the blob names.

    Raises InvalidCiphertextException, NotFoundException, or AccessDeniedException when the ciphertext names a key that
    is not in this Region. Whether the ciphertext is one of the named key is checked after the authorisation.
    """
    params = call.params
    directory = call.house.part(KeyDirectory)
    named, sent = params.get(key_member), params.get("CiphertextBlob")
    if params.get("DryRun") and "IGNORE_CIPHERTEXT" in (params.get("DryRunModifiers") or ()):
        if named is None:
            raise errors.validation(f"{key_member} is required when DryRunModifiers has IGNORE_CIPHERTEXT.")
        return Opening(await directory.identify(call, named), None)
    if sent is None:
        raise errors.validation("CiphertextBlob is required.")
    if named is not None:
        return Opening(await directory.identify(call, named), sent)
    key = await directory.find(call.region, ciphertext.parse(sent).key_id)
    if key is None:
        raise errors.ciphertext_of_unknown_key()
    return Opening(key, sent)


async def _needs_of_decrypt(call: Call) -> Sequence[Requirement]:
    opening = call.target = await find_opening(call, "KeyId")
    return (await on_grantable_key(call, opening.key, "kms:Decrypt", call.params.get("EncryptionContext")),)


@operation(KMS, "Decrypt", needs=_needs_of_decrypt, quota=cryptographic_quota, reads_only=True)
async def decrypt(call: Call) -> Answer:
    """Decrypt a ciphertext blob. Source: AWS KMS API Reference, Decrypt."""
    opening, params = call.target, call.params
    key = opening.key
    refuse_what_is_not_served(params)
    key.must_be_usable_for(ENCRYPT_DECRYPT, "Decrypt")
    _must_be_symmetric(params.get("EncryptionAlgorithm"), key)
    if opening.sent is None:
        raise errors.dry_run_succeeded()
    blob = opening.blob()
    plaintext = opening.plaintext(blob, params.get("EncryptionContext"))
    _end_dry_run(params)
    call.house.part(LastUsages).note(call, key)
    return {
        "KeyId": key.arn,
        "Plaintext": plaintext,
        "EncryptionAlgorithm": SYMMETRIC_DEFAULT,
        "KeyMaterialId": blob.key_material_id,
    }


async def _needs_of_re_encrypt(call: Call) -> Sequence[Requirement]:
    params = call.params
    source = await find_opening(call, "SourceKeyId")
    destination = await call.house.part(KeyDirectory).identify(call, params["DestinationKeyId"])
    call.target = (source, destination)
    same_key = source.key.arn == destination.arn
    return (
        await _on_re_encrypted(call, source.key, "Source", "kms:ReEncryptFrom", same_key),
        await _on_re_encrypted(call, destination, "Destination", "kms:ReEncryptTo", same_key),
    )


async def _on_re_encrypted(call: Call, key: Key, side: str, action: str, same_key: bool) -> Requirement:
    """Return what is required of one of the two keys; `side`, Source or Destination, begins its members' names."""
    params = call.params
    own: Mapping[str, ConditionValue] = {
        "kms:reencryptonsamekey": "true" if same_key else "false",
        "kms:encryptionalgorithm": params.get(f"{side}EncryptionAlgorithm") or SYMMETRIC_DEFAULT,
        "kms:requestalias": alias_in(params.get(f"{side}KeyId")),
    }
    return await on_grantable_key(call, key, action, params.get(f"{side}EncryptionContext"), own)


@operation(KMS, "ReEncrypt", needs=_needs_of_re_encrypt, quota=cryptographic_quota, reads_only=True)
async def re_encrypt(call: Call) -> Answer:
    """Decrypt under one key and encrypt under another; the plaintext stays here. Source: API Reference, ReEncrypt."""
    (source, destination), params = call.target, call.params
    refuse_what_is_not_served(params)
    source.key.must_be_usable_for(ENCRYPT_DECRYPT, "ReEncryptFrom")
    destination.must_be_usable_for(ENCRYPT_DECRYPT, "ReEncryptTo")
    _must_be_symmetric(params.get("SourceEncryptionAlgorithm"), source.key)
    _must_be_symmetric(params.get("DestinationEncryptionAlgorithm"), destination)
    if source.sent is None:
        raise errors.dry_run_succeeded()
    source_blob = source.blob()
    plaintext = source.plaintext(source_blob, params.get("SourceEncryptionContext"))
    _end_dry_run(params)
    blob = destination.current.encrypt(plaintext, params.get("DestinationEncryptionContext"))
    usages = call.house.part(LastUsages)
    usages.note(call, source.key)
    usages.note(call, destination)
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.key.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": SYMMETRIC_DEFAULT,
        "DestinationEncryptionAlgorithm": SYMMETRIC_DEFAULT,
        "SourceKeyMaterialId": source_blob.key_material_id,
        "DestinationKeyMaterialId": destination.current.id,
    }


def _data_key_bytes(params: Mapping[str, Any]) -> int:
    spec: str | None = params.get("KeySpec")
    count: Any = params.get("NumberOfBytes")
    if (spec is None) == (count is None):
        raise errors.validation("Please specify either number of bytes or key spec.")
    length: int = _DATA_KEY_BYTES[spec] if spec is not None else count
    return length


def _new_data_key(call: Call, operation_name: str) -> tuple[bytes, Answer]:
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    length = _data_key_bytes(params)
    key.must_be_usable_for(ENCRYPT_DECRYPT, operation_name)
    _end_dry_run(params)
    data_key = random_bytes(length)
    blob = key.current.encrypt(data_key, params.get("EncryptionContext"))
    call.house.part(LastUsages).note(call, key)
    return data_key, {"CiphertextBlob": blob, "KeyId": key.arn, "KeyMaterialId": key.current.id}


@operation(KMS, "GenerateDataKey", needs=use_of_key("kms:GenerateDataKey"), quota=cryptographic_quota, reads_only=True)
async def generate_data_key(call: Call) -> Answer:
    """Return a fresh data key, in plaintext and encrypted. Source: AWS KMS API Reference, GenerateDataKey."""
    data_key, answer = _new_data_key(call, "GenerateDataKey")
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
    return _new_data_key(call, "GenerateDataKeyWithoutPlaintext")[1]


async def _needs_of_generate_random(call: Call) -> Sequence[Requirement]:
    return (on_account(call, "kms:GenerateRandom"),)


@operation(KMS, "GenerateRandom", needs=_needs_of_generate_random, quota=cryptographic_quota, reads_only=True)
async def generate_random(call: Call) -> Answer:
    """Return 1 to 1,024 random bytes. Source: AWS KMS API Reference, GenerateRandom."""
    params = call.params
    refuse_what_is_not_served(params)
    if params.get("CustomKeyStoreId") is not None:
        raise errors.unsupported("Strongroom does not serve custom key stores yet.")
    if params.get("NumberOfBytes") is None:
        raise errors.validation("NumberOfBytes is required.")
    return {"Plaintext": random_bytes(params["NumberOfBytes"])}
