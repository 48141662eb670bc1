"""Encrypt, Decrypt and ReEncrypt, with symmetric keys and with RSA key pairs."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.rsa import RsaPrivateKey, oaep_plaintext_bytes_max
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import ciphertext, errors
from strongroom.services.kms.access import alias_in, on_grantable_key
from strongroom.services.kms.ciphertext import AES_256_GCM_DERIVED_KEY, Context
from strongroom.services.kms.key_directory import KeyDirectory
from strongroom.services.kms.key_specs import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT
from strongroom.services.kms.key_stores.store_keys import decrypt_in_store, encrypt_in_store
from strongroom.services.kms.keys import Key
from strongroom.services.kms.last_usage import LastUsages
from strongroom.services.kms.material import SymmetricMaterial
from strongroom.services.kms.request_members import end_dry_run, refuse_what_is_not_served
from strongroom.services.kms.service import KMS, cryptographic_quota
from strongroom.services.kms.use import use_of_key

_OAEP_HASHES = {"RSAES_OAEP_SHA_1": "sha1", "RSAES_OAEP_SHA_256": "sha256"}


class Sealed(NamedTuple):
    """A ciphertext, and the id of the key material that it was made with.

    That is None for key pairs, which have one alone, and for keys of custom key stores, whose material is elsewhere.
    """

    ciphertext: bytes
    key_material_id: str | None


class Opened(NamedTuple):
    """A plaintext, and the id of the key material of its ciphertext; None where `Sealed` has none."""

    plaintext: bytes
    key_material_id: str | None


def algorithm_for(key: Key, named: str | None, context: Context) -> str:
    """Return the encryption algorithm of a request, the default where it names none.

    Raises InvalidKeyUsageException where it is not one of the key's, ValidationException for an encryption context that
    the algorithm would not authenticate.
    """
    algorithm = named or SYMMETRIC_DEFAULT
    key.must_know(algorithm)
    if context and algorithm != SYMMETRIC_DEFAULT:
        raise errors.validation(f"EncryptionContext is not supported with the EncryptionAlgorithm {algorithm}.")
    return algorithm


async def encrypt_under(call: Call, key: Key, algorithm: str, plaintext: bytes, context: Context) -> Sealed:
    """Encrypt under a key that was found usable. Raises ValidationException for more than RSA can hold."""
    if algorithm == SYMMETRIC_DEFAULT:
        if key.custom_key_store_id is not None:
            return Sealed(await encrypt_in_store(call, key, plaintext, context), None)
        material = key.symmetric_material()
        return Sealed(material.encrypt(plaintext, context), material.id)
    private_key, hash_name = _rsa_private_key(key), _OAEP_HASHES[algorithm]
    longest = oaep_plaintext_bytes_max(private_key.bits, hash_name)
    if len(plaintext) > longest:
        raise errors.validation(
            f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {longest} bytes."
        )
    return Sealed(private_key.encrypt_oaep(plaintext, hash_name), None)


async def decrypt_under(call: Call, key: Key, algorithm: str, sent: bytes, context: Context) -> Opened:
    """Decrypt under a key that was found usable.

    Raises InvalidCiphertextException for what does not open, IncorrectKeyException for a ciphertext of another key.
    """
    if algorithm == SYMMETRIC_DEFAULT:
        blob = ciphertext.parse(sent)
        if blob.key_id != key.key_id:
            raise errors.incorrect_key()
        if key.custom_key_store_id is not None:
            return Opened(await decrypt_in_store(call, key, blob, context), None)
        material = key.materials.get(blob.key_material_id)
        if not isinstance(material, SymmetricMaterial) or blob.algorithm != AES_256_GCM_DERIVED_KEY:
            raise errors.invalid_ciphertext()
        return Opened(material.decrypt(blob, context), material.id)
    try:
        # It takes a millisecond or two, for which nobody else should have to wait.
        return Opened(await asyncio.to_thread(_rsa_private_key(key).decrypt_oaep, sent, _OAEP_HASHES[algorithm]), None)
    except AuthenticationFailed:
        raise errors.invalid_ciphertext() from None


def _rsa_private_key(key: Key) -> RsaPrivateKey:
    private_key = key.private_key_material().private_key
    if not isinstance(private_key, RsaPrivateKey):
        raise errors.invalid_usage(key.arn, key.usage, ENCRYPT_DECRYPT)
    return private_key


@operation(KMS, "Encrypt", needs=use_of_key("kms:Encrypt"), quota=cryptographic_quota, reads_only=True)
async def encrypt(call: Call) -> Answer:
    """Encrypt up to 4,096 bytes. Source: AWS KMS API Reference, Encrypt."""
    key, params = call.target, call.params
    refuse_what_is_not_served(params)
    key.must_be_usable_for(ENCRYPT_DECRYPT, "Encrypt")
    context = params.get("EncryptionContext")
    algorithm = algorithm_for(key, params.get("EncryptionAlgorithm"), context)
    end_dry_run(params)
    sealed = await encrypt_under(call, key, algorithm, params["Plaintext"], context)
    call.house.part(LastUsages).note(call, key)
    return {"CiphertextBlob": sealed.ciphertext, "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


class Opening(NamedTuple):
    """The key that may open a ciphertext, and the ciphertext; None when a dry run looks at none."""

    key: Key
    sent: bytes | None


async def find_opening(call: Call, side: str = "") -> Opening:
    """Find the key for the request's CiphertextBlob: the one that the request names, else the one that the blob names.

    `side` begins the names of the members that speak of it. Raises InvalidCiphertextException, NotFoundException, or
    AccessDeniedException when the ciphertext names a key that is not in this Region. Whether the ciphertext is one of
    the named key is checked after the authorisation.
    """
    params = call.params
    directory = call.house.part(KeyDirectory)
    named, sent = params.get(f"{side}KeyId"), params.get("CiphertextBlob")
    if params.get("DryRun") and "IGNORE_CIPHERTEXT" in (params.get("DryRunModifiers") or ()):
        if named is None:
            raise errors.validation(f"{side}KeyId is required when DryRunModifiers has IGNORE_CIPHERTEXT.")
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
    opening = call.target = await find_opening(call)
    return (await on_grantable_key(call, opening.key, "kms:Decrypt", call.params.get("EncryptionContext")),)


@operation(KMS, "Decrypt", needs=_needs_of_decrypt, quota=cryptographic_quota, reads_only=True)
async def decrypt(call: Call) -> Answer:
    """Decrypt a ciphertext blob. Source: AWS KMS API Reference, Decrypt."""
    (key, sent), params = call.target, call.params
    refuse_what_is_not_served(params)
    key.must_be_usable_for(ENCRYPT_DECRYPT, "Decrypt")
    context = params.get("EncryptionContext")
    algorithm = algorithm_for(key, params.get("EncryptionAlgorithm"), context)
    if sent is None:
        raise errors.dry_run_succeeded()
    opened = await decrypt_under(call, key, algorithm, sent, context)
    end_dry_run(params)
    call.house.part(LastUsages).note(call, key)
    answer = {"KeyId": key.arn, "Plaintext": opened.plaintext, "EncryptionAlgorithm": algorithm}
    if opened.key_material_id is not None:
        answer["KeyMaterialId"] = opened.key_material_id
    return answer


async def _needs_of_re_encrypt(call: Call) -> Sequence[Requirement]:
    params = call.params
    source = await find_opening(call, "Source")
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
    source_context, context = params.get("SourceEncryptionContext"), params.get("DestinationEncryptionContext")
    source_algorithm = algorithm_for(source.key, params.get("SourceEncryptionAlgorithm"), source_context)
    algorithm = algorithm_for(destination, params.get("DestinationEncryptionAlgorithm"), context)
    if source.sent is None:
        raise errors.dry_run_succeeded()
    opened = await decrypt_under(call, source.key, source_algorithm, source.sent, source_context)
    end_dry_run(params)
    sealed = await encrypt_under(call, destination, algorithm, opened.plaintext, context)
    usages = call.house.part(LastUsages)
    usages.note(call, source.key)
    usages.note(call, destination)
    answer = {
        "CiphertextBlob": sealed.ciphertext,
        "SourceKeyId": source.key.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": source_algorithm,
        "DestinationEncryptionAlgorithm": algorithm,
    }
    if opened.key_material_id is not None:
        answer["SourceKeyMaterialId"] = opened.key_material_id
    if sealed.key_material_id is not None:
        answer["DestinationKeyMaterialId"] = sealed.key_material_id
    return answer
