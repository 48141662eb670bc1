"""Data keys for what services store, from KMS: asked for as the caller, through the service, like on AWS.

KMS's own guard decides: the caller needs `kms:GenerateDataKey` and `kms:Decrypt`, the key policy sees `kms:ViaService`
and the encryption context, and the audit trail shows the call.
"""

from collections.abc import Mapping
from typing import NamedTuple

from strongroom.operations.call import Call

DATA_KEY_BYTES = 32

KMS_TROUBLE = frozenset({"KeyUnavailableException", "KMSInternalException", "DependencyTimeoutException"})
"""What goes wrong within KMS, and may go right at another try. Source: AWS KMS API Reference, the errors of Decrypt."""


class DataKey(NamedTuple):
    """A 256-bit data key, its ciphertext under the KMS key, and that key's ARN."""

    plaintext: bytes
    ciphertext: bytes
    key_arn: str

    def __repr__(self) -> str:
        return f"DataKey({self.key_arn!r}, hidden)"


async def generate_data_key(
    call: Call, key_id: str, context: Mapping[str, str], *, region: str | None = None
) -> DataKey:
    """Return a fresh data key under the key that `key_id` names, in the call's Region or another.

    Raises AwsError as KMS does.
    """
    params = {"KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": dict(context)}
    answer = await call.invoke("kms", "GenerateDataKey", params, region=region)
    return DataKey(answer["Plaintext"], answer["CiphertextBlob"], answer["KeyId"])


async def decrypt_data_key(call: Call, ciphertext: bytes, key_arn: str, context: Mapping[str, str]) -> bytes:
    """Return the plaintext of a data key. Raises AwsError as KMS does: for a disabled key, or who may not use it."""
    params = {"CiphertextBlob": ciphertext, "KeyId": key_arn, "EncryptionContext": dict(context)}
    plaintext: bytes = (await call.invoke("kms", "Decrypt", params))["Plaintext"]
    return plaintext


async def encrypt_data_key(call: Call, plaintext: bytes, key_id: str, context: Mapping[str, str]) -> DataKey:
    """Return a data key that exists already, encrypted under the key that `key_id` names. Raises as KMS does."""
    params = {"KeyId": key_id, "Plaintext": plaintext, "EncryptionContext": dict(context)}
    answer = await call.invoke("kms", "Encrypt", params)
    return DataKey(plaintext, answer["CiphertextBlob"], answer["KeyId"])
