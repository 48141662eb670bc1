"""Secret values on their way into and out of their rows: each under a data key of its own, from KMS, as the caller.

Every opening asks KMS. Source: AWS Secrets Manager User Guide, "Secret encryption and decryption in AWS Secrets
Manager".
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from strongroom.base.arn import partition_of
from strongroom.base.errors import AwsError
from strongroom.crypto.aead import AuthenticationFailed, decrypt_once, encrypt_once
from strongroom.operations.call import Call
from strongroom.operations.data_keys import KMS_TROUBLE, decrypt_data_key, encrypt_data_key, generate_data_key
from strongroom.services.secretsmanager import errors
from strongroom.services.secretsmanager.quotas import VALUE_BYTES_QUOTA
from strongroom.services.secretsmanager.secret import BINARY, STRING, Secret, Version
from strongroom.services.secretsmanager.secret_directory import encryption_context, place_of

DEFAULT_KEY = "alias/aws/secretsmanager"
HEADER = b"SV\x01\x01"
"""Begins every encrypted value: its format's version, and the algorithm. Source: docs/formats.md, "Secret value"."""

VALIDATION = "RequestToValidateKeyAccess"
"""In the place of a version id, where it is only tried whether the caller may use a key."""


class Value(NamedTuple):
    """A secret value: text (STRING) as UTF-8, or bytes (BINARY)."""

    kind: str
    plaintext: bytes

    def __repr__(self) -> str:
        return f"Value({self.kind}, hidden)"

    def member(self) -> dict[str, Any]:
        """Return it as the member of an answer."""
        if self.kind == STRING:
            return {"SecretString": self.plaintext.decode()}
        return {"SecretBinary": self.plaintext}


class SealedValue(NamedTuple):
    """A value, encrypted for one version of one secret: the columns of its row."""

    arn: str
    version_id: str
    kind: str
    ciphertext: bytes
    data_key: bytes
    key_arn: str
    is_default_key: bool


def value_in(call: Call, account_id: str) -> Value | None:
    """Return the value that a request brings, or None.

    Raises InvalidParameterException for text and bytes together, and for more than a secret can hold.
    """
    text: str | None = call.params.get("SecretString")
    binary: Any = call.params.get("SecretBinary")
    if text is not None and binary is not None:
        raise errors.invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    if text is None and binary is None:
        return None
    value = Value(STRING, text.encode()) if text is not None else Value(BINARY, binary)
    most = call.house.quotas.most(VALUE_BYTES_QUOTA, account_id, call.region)
    if len(value.plaintext) > most:
        raise errors.invalid_parameter(f"The secret value must not be longer than {most} bytes.")
    return value


def key_reference(key_id: str | None, account_id: str, region: str) -> str:
    """Return what names the key of a secret whoever asks: an ARN in the secret's account, but for the default key."""
    if key_id is None:
        return DEFAULT_KEY
    if key_id.startswith("arn:"):
        return key_id
    resource = key_id if key_id.startswith("alias/") else f"key/{key_id}"
    return f"arn:{partition_of(region)}:kms:{region}:{account_id}:{resource}"


def stored_key_id(key_id: str | None, account_id: str, region: str) -> str | None:
    """Return what a secret remembers of the key that a request names: None for the AWS managed key."""
    managed = f"arn:{partition_of(region)}:kms:{region}:{account_id}:{DEFAULT_KEY}"
    return None if key_id in (None, "", DEFAULT_KEY, managed) else key_id


def answer_for(error: AwsError, failure: Callable[[], AwsError]) -> AwsError:
    """Return what Secrets Manager answers when KMS raises: who may not, may not; for the rest it is `failure`."""
    if error.code == "AccessDeniedException":
        return errors.kms_not_allowed()
    if error.code in KMS_TROUBLE:
        return errors.internal_service_error()
    return error if error.code == "ThrottlingException" or error.status >= 500 else failure()


def _require_own_account(call: Call, is_default_key: bool, account_id: str) -> None:
    if is_default_key and call.account_id != account_id:
        raise errors.default_key_elsewhere()


def encrypted(data_key: bytes, value: Value, place: bytes) -> bytes:
    """Return a value under a data key that encrypts this value alone, ever; `place` is authenticated with it."""
    return HEADER + encrypt_once(data_key, value.plaintext, HEADER + place)


def decrypted(data_key: bytes, version: Version) -> Value:
    """Return the value of a version. Raises AuthenticationFailed for what was not encrypted for its place."""
    ciphertext = version.ciphertext
    if not ciphertext.startswith(HEADER):
        raise AuthenticationFailed
    return Value(version.kind, decrypt_once(data_key, ciphertext[len(HEADER) :], HEADER + version.place))


async def seal(
    call: Call, arn: str, account_id: str, region: str, key_id: str | None, version_id: str, value: Value
) -> SealedValue:
    """Return a value, encrypted for a version of a secret under the secret's key, in a Region.

    Raises AccessDeniedException, EncryptionFailure, and InvalidRequestException where the AWS managed key would have to
    serve another account.
    """
    _require_own_account(call, key_id is None, account_id)
    key = key_reference(key_id, account_id, region)
    try:
        data_key = await generate_data_key(call, key, encryption_context(arn, version_id), region=region)
    except AwsError as error:
        raise answer_for(error, errors.encryption_failure) from None
    ciphertext = encrypted(data_key.plaintext, value, place_of(arn, version_id, value.kind))
    return SealedValue(
        arn, version_id, value.kind, ciphertext, data_key.ciphertext, data_key.key_arn, is_default_key=key_id is None
    )


async def unseal(call: Call, secret: Secret, version: Version) -> Value:
    """Return the value of a version. KMS is asked, as the caller, every time.

    Raises AccessDeniedException, DecryptionFailure, and InvalidRequestException where the AWS managed key would have to
    serve another account.
    """
    _require_own_account(call, version.is_default_key, secret.account_id)
    try:
        key = await decrypt_data_key(call, version.data_key, version.key_arn, version.context)
    except AwsError as error:
        raise answer_for(error, errors.decryption_failure) from None
    try:
        return decrypted(key, version)
    except AuthenticationFailed:
        # Somebody changed the row behind Strongroom's back.
        raise errors.decryption_failure() from None


async def resealed_key(call: Call, secret: Secret, version: Version, key_id: str | None) -> Mapping[str, Any]:
    """Return the columns of a version once its data key is encrypted under another key. Raises AwsError as KMS does."""
    _require_own_account(call, key_id is None, secret.account_id)
    plaintext = await decrypt_data_key(call, version.data_key, version.key_arn, version.context)
    key = key_reference(key_id, secret.account_id, secret.region)
    data_key = await encrypt_data_key(call, plaintext, key, version.context)
    return {"data_key": data_key.ciphertext, "key_arn": data_key.key_arn, "is_default_key": key_id is None}


async def must_be_usable_key(call: Call, arn: str, account_id: str, region: str, key_id: str | None) -> None:
    """Try whether the caller may encrypt and decrypt with a key that a request names, as AWS does.

    Raises AccessDeniedException and EncryptionFailure. The AWS managed key is everybody's in the account.
    """
    _require_own_account(call, key_id is None, account_id)
    if key_id is None:
        return
    context = encryption_context(arn, VALIDATION)
    try:
        data_key = await generate_data_key(call, key_reference(key_id, account_id, region), context)
        await decrypt_data_key(call, data_key.ciphertext, data_key.key_arn, context)
    except AwsError as error:
        raise answer_for(error, errors.encryption_failure) from None
