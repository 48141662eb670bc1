"""The key state table: what becomes of every operation that takes a key, in each state, with the exact refusals.

Source: AWS KMS Developer Guide, "Key states of AWS KMS keys", the table and its footnotes.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.kms.importing import wrap

from strongroom.services.kms.import_tokens import ImportToken

HERE, THERE, ELSEWHERE = "us-east-1", "eu-west-1", "ap-southeast-1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
WRAPPING = "RSA_AES_KEY_WRAP_SHA_256"
WRAPPING_KEY = rsa.generate_private_key(65537, 2048)
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())
VALIDITY = timedelta(hours=1)
"""For how long the material of keys that are to expire is imported."""

Refusal = tuple[str, str] | None
SUCCEEDS: Refusal = None
NOT_APPLICABLE: Refusal = ("", "")
"""No key of the kind comes into that state."""

IS_DISABLED = ("DisabledException", "{arn} is disabled.")
IS_DOOMED = ("KMSInvalidStateException", "{arn} is pending deletion.")
WAITS_FOR_REPLICAS = ("KMSInvalidStateException", "{arn} is pending replica deletion.")
IS_NOT_DOOMED = ("KMSInvalidStateException", "{arn} is not pending deletion.")
WAITS_FOR_IMPORT = ("KMSInvalidStateException", "{arn} is pending import.")
IS_IMPORTED = ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation.")
IS_MADE_HERE = ("UnsupportedOperationException", "{arn} origin is AWS_KMS which is not valid for this operation.")


class Row(NamedTuple):
    """What becomes of an operation on a key in each state."""

    enabled: Refusal
    disabled: Refusal
    pending_deletion: Refusal
    pending_replica_deletion: Refusal
    pending_import: Refusal


USED = Row(SUCCEEDS, IS_DISABLED, IS_DOOMED, WAITS_FOR_REPLICAS, WAITS_FOR_IMPORT)
USED_NEVER_IMPORTED = USED._replace(pending_import=NOT_APPLICABLE)
IN_ANY_STATE = Row(SUCCEEDS, SUCCEEDS, SUCCEEDS, SUCCEEDS, SUCCEEDS)
CHANGED = Row(SUCCEEDS, SUCCEEDS, IS_DOOMED, WAITS_FOR_REPLICAS, SUCCEEDS)
SWITCHED = Row(SUCCEEDS, SUCCEEDS, IS_DOOMED, WAITS_FOR_REPLICAS, WAITS_FOR_IMPORT)
RESCUED = Row(IS_NOT_DOOMED, IS_NOT_DOOMED, SUCCEEDS, SUCCEEDS, IS_NOT_DOOMED)
SET_TO_ROTATE = Row(SUCCEEDS, IS_DISABLED, IS_DOOMED, WAITS_FOR_REPLICAS, IS_IMPORTED)
ASKED_FOR_ROTATION = Row(SUCCEEDS, SUCCEEDS, SUCCEEDS, SUCCEEDS, IS_IMPORTED)
NOT_FOR_IMPORTED = Row(IS_IMPORTED, IS_IMPORTED, IS_IMPORTED, IS_IMPORTED, IS_IMPORTED)
NOT_FOR_MADE_HERE = Row(IS_MADE_HERE, IS_MADE_HERE, IS_MADE_HERE, IS_MADE_HERE, NOT_APPLICABLE)

ENCRYPTION = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
SIGNATURE = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
AUTHENTICATION = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
AGREEMENT = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
ENCAPSULATION = {"KeySpec": "ML_KEM_512", "KeyUsage": "ENCAPSULATE_DECAPSULATE"}


class MadeKey(NamedTuple):
    """An enabled multi-Region primary key, and its key material if that was imported."""

    arn: str
    material: bytes

    @property
    def key_id(self) -> str:
        return self.arn.rpartition("/")[2]


Params = dict[str, Any]
Prepare = Callable[[OpenedHouse, MadeKey], Awaitable[Params]]


class Attempt(NamedTuple):
    """One operation on a key: its row of the table, and what prepares its parameters while the key is enabled.

    `kind` is the kind of key, `imported` says that its material is imported in every state.
    """

    operation: str
    row: Row
    prepare: Prepare
    kind: Mapping[str, str] = ENCRYPTION
    imported: bool = False
    role: str = ""

    @property
    def label(self) -> str:
        return f"{self.operation} {self.role}".rstrip()


def just(**params: Any) -> Prepare:
    """Prepare nothing but the parameters, `KeyId` among them."""

    async def prepare(house: OpenedHouse, key: MadeKey) -> Params:
        return {"KeyId": key.arn, **params}

    return prepare


def private_bytes(key: Any) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    encoded: bytes = key.private_bytes(encoding, form, serialization.NoEncryption())
    return encoded


def import_params(house: OpenedHouse, arn: str, material: bytes, *, expires: bool = False, is_new: bool = False) -> Any:
    """Return what imports material, with the one wrapping key of these tests: making one for each takes most time."""
    token = ImportToken(arn, WRAPPING, house.clock.now() + 30 * 86_400, private_bytes(WRAPPING_KEY))
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    public_key = WRAPPING_KEY.public_key().public_bytes(encoding, form)
    params: Params = {
        "KeyId": arn,
        "ImportToken": token.seal(house.house.sealer),
        "EncryptedKeyMaterial": wrap(public_key, WRAPPING, material),
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }
    if expires:
        params |= {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": house.clock.now_datetime() + VALIDITY}
    return params | ({"ImportType": "NEW_KEY_MATERIAL"} if is_new else {})


async def ciphertext_of(house: OpenedHouse, key_arn: str) -> bytes:
    blob: bytes = (await house.kms("Encrypt", KeyId=key_arn, Plaintext=b"x"))["CiphertextBlob"]
    return blob


async def other_key(house: OpenedHouse) -> str:
    arn: str = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
    return arn


async def a_ciphertext(house: OpenedHouse, key: MadeKey) -> Params:
    return {"CiphertextBlob": await ciphertext_of(house, key.arn)}


async def a_ciphertext_to_move_away(house: OpenedHouse, key: MadeKey) -> Params:
    return await a_ciphertext(house, key) | {"DestinationKeyId": await other_key(house)}


async def a_ciphertext_to_move_here(house: OpenedHouse, key: MadeKey) -> Params:
    return {"CiphertextBlob": await ciphertext_of(house, await other_key(house)), "DestinationKeyId": key.arn}


async def a_signature(house: OpenedHouse, key: MadeKey) -> Params:
    given = {"KeyId": key.arn, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    return {**given, "Signature": (await house.kms("Sign", **given))["Signature"]}


async def a_mac(house: OpenedHouse, key: MadeKey) -> Params:
    given = {"KeyId": key.arn, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    return {**given, "Mac": (await house.kms("GenerateMac", **given))["Mac"]}


async def an_encapsulated_secret(house: OpenedHouse, key: MadeKey) -> Params:
    given = {"KeyId": key.arn, "EncapsulationAlgorithm": "ML_KEM"}
    made = await house.kms("Encapsulate", **given)
    return {**given, "SharedSecretCiphertextBlob": made["SharedSecretCiphertextBlob"]}


async def a_public_key(house: OpenedHouse, key: MadeKey) -> Params:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    public_key = CURVE_KEY.public_key().public_bytes(encoding, form)
    return {"KeyId": key.arn, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public_key}


async def an_alias(house: OpenedHouse, target: str, name: str) -> Params:
    await house.kms("CreateAlias", AliasName=name, TargetKeyId=target)
    return {"AliasName": name}


async def a_new_alias(house: OpenedHouse, key: MadeKey) -> Params:
    return {"AliasName": f"alias/{key.key_id}", "TargetKeyId": key.arn}


async def its_alias(house: OpenedHouse, key: MadeKey) -> Params:
    return await an_alias(house, key.arn, f"alias/{key.key_id}")


async def its_alias_to_point_elsewhere(house: OpenedHouse, key: MadeKey) -> Params:
    return await its_alias(house, key) | {"TargetKeyId": await other_key(house)}


async def an_alias_to_point_here(house: OpenedHouse, key: MadeKey) -> Params:
    return await an_alias(house, await other_key(house), f"alias/{key.key_id}") | {"TargetKeyId": key.arn}


async def a_grant(house: OpenedHouse, key: MadeKey) -> Params:
    made = await house.kms("CreateGrant", KeyId=key.arn, GranteePrincipal=ROOT, Operations=["Encrypt"])
    return {"KeyId": key.arn, "GrantId": made["GrantId"]}


async def a_policy(house: OpenedHouse, key: MadeKey) -> Params:
    return {"KeyId": key.arn, "Policy": (await house.kms("GetKeyPolicy", KeyId=key.arn))["Policy"]}


async def material_to_rotate_to(house: OpenedHouse, key: MadeKey) -> Params:
    if key.material:
        await house.kms("ImportKeyMaterial", **import_params(house, key.arn, os.urandom(32), is_new=True))
    return {"KeyId": key.arn}


async def a_replica(house: OpenedHouse, key: MadeKey) -> Params:
    await house.kms("ReplicateKey", KeyId=key.arn, ReplicaRegion=THERE)
    if key.material:
        there = key.arn.replace(HERE, THERE)
        await house.call("kms", "ImportKeyMaterial", region=THERE, **import_params(house, there, key.material))
    return {"KeyId": key.arn, "PrimaryRegion": THERE}


async def its_material(house: OpenedHouse, key: MadeKey) -> Params:
    return import_params(house, key.arn, key.material or os.urandom(32))


DATA_KEY = just(KeySpec="AES_256")
DATA_KEY_PAIR = just(KeyPairSpec="ECC_NIST_P256")
TO_SIGN = just(Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
TO_AUTHENTICATE = just(Message=b"m", MacAlgorithm="HMAC_SHA_256")
WRAPPED_HOW = just(WrappingAlgorithm=WRAPPING, WrappingKeySpec="RSA_2048")

TABLE = (
    Attempt("CancelKeyDeletion", RESCUED, just()),
    Attempt("CreateAlias", CHANGED, a_new_alias),
    Attempt("CreateGrant", USED, just(GranteePrincipal=ROOT, Operations=["Encrypt"])),
    Attempt("Decapsulate", USED_NEVER_IMPORTED, an_encapsulated_secret, ENCAPSULATION),
    Attempt("Decrypt", USED, a_ciphertext),
    Attempt("DeleteAlias", IN_ANY_STATE, its_alias),
    Attempt("DeleteImportedKeyMaterial", IN_ANY_STATE, just(), imported=True),
    Attempt("DeleteImportedKeyMaterial", NOT_FOR_MADE_HERE, just(), role="made here"),
    Attempt("DeriveSharedSecret", USED, a_public_key, AGREEMENT),
    Attempt("DescribeKey", IN_ANY_STATE, just()),
    Attempt("DisableKey", SWITCHED, just()),
    Attempt("DisableKeyRotation", SET_TO_ROTATE, just()),
    Attempt("DisableKeyRotation", NOT_FOR_IMPORTED, just(), imported=True, role="imported"),
    Attempt("EnableKey", SWITCHED, just()),
    Attempt("EnableKeyRotation", SET_TO_ROTATE, just()),
    Attempt("EnableKeyRotation", NOT_FOR_IMPORTED, just(), imported=True, role="imported"),
    Attempt("Encapsulate", USED_NEVER_IMPORTED, just(EncapsulationAlgorithm="ML_KEM"), ENCAPSULATION),
    Attempt("Encrypt", USED, just(Plaintext=b"x")),
    Attempt("GenerateDataKey", USED, DATA_KEY),
    Attempt("GenerateDataKeyPair", USED, DATA_KEY_PAIR),
    Attempt("GenerateDataKeyPairWithoutPlaintext", USED, DATA_KEY_PAIR),
    Attempt("GenerateDataKeyWithoutPlaintext", USED, DATA_KEY),
    Attempt("GenerateMac", USED, TO_AUTHENTICATE, AUTHENTICATION),
    Attempt("GetKeyLastUsage", IN_ANY_STATE, just()),
    Attempt("GetKeyPolicy", IN_ANY_STATE, just()),
    Attempt("GetKeyRotationStatus", ASKED_FOR_ROTATION, just()),
    Attempt("GetKeyRotationStatus", NOT_FOR_IMPORTED, just(), imported=True, role="imported"),
    Attempt("GetParametersForImport", CHANGED, WRAPPED_HOW, imported=True),
    Attempt("GetParametersForImport", NOT_FOR_MADE_HERE, WRAPPED_HOW, role="made here"),
    Attempt("GetPublicKey", USED, just(), SIGNATURE),
    Attempt("ImportKeyMaterial", CHANGED, its_material, imported=True),
    Attempt("ImportKeyMaterial", NOT_FOR_MADE_HERE, its_material, role="made here"),
    Attempt("ListAliases", IN_ANY_STATE, just()),
    Attempt("ListGrants", IN_ANY_STATE, just()),
    Attempt("ListKeyPolicies", IN_ANY_STATE, just()),
    Attempt("ListKeyRotations", IN_ANY_STATE, just()),
    Attempt("ListResourceTags", IN_ANY_STATE, just()),
    Attempt("PutKeyPolicy", IN_ANY_STATE, a_policy),
    Attempt("ReEncrypt", USED, a_ciphertext_to_move_away, role="from"),
    Attempt("ReEncrypt", USED, a_ciphertext_to_move_here, role="to"),
    Attempt("ReplicateKey", USED, just(ReplicaRegion=ELSEWHERE)),
    Attempt("RetireGrant", IN_ANY_STATE, a_grant),
    Attempt("RevokeGrant", IN_ANY_STATE, a_grant),
    Attempt("RotateKeyOnDemand", USED, material_to_rotate_to),
    Attempt("ScheduleKeyDeletion", CHANGED, just(PendingWindowInDays=7)),
    Attempt("Sign", USED, TO_SIGN, SIGNATURE),
    Attempt("TagResource", CHANGED, just(Tags=[{"TagKey": "a", "TagValue": "b"}])),
    Attempt("UntagResource", CHANGED, just(TagKeys=["a"])),
    Attempt("UpdateAlias", IN_ANY_STATE, its_alias_to_point_elsewhere, role="from"),
    Attempt("UpdateAlias", CHANGED, an_alias_to_point_here, role="to"),
    Attempt("UpdateKeyDescription", CHANGED, just(Description="another")),
    Attempt("UpdatePrimaryRegion", USED, a_replica),
    Attempt("Verify", USED, a_signature, SIGNATURE),
    Attempt("VerifyMac", USED, a_mac, AUTHENTICATION),
)
