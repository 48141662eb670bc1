"""Encrypt, Decrypt, ReEncrypt and data keys, through a real client over HTTPS."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_what_was_encrypted_decrypts_and_nothing_else_does(kms: Any, key_id: str) -> None:
    context = {"purpose": "test", "id": "42"}
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"attack at dawn", EncryptionContext=context)["CiphertextBlob"]
    assert b"attack" not in blob
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))["Plaintext"] == (
        b"attack at dawn"
    )
    for wrong in ({}, {"purpose": "test"}, {"purpose": "tes", "t": "", "id": "42"}):
        with pytest.raises(kms.exceptions.InvalidCiphertextException):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=wrong)
    for position in range(len(blob)):
        damaged = bytearray(blob)
        damaged[position] ^= 1
        with pytest.raises(ClientError):
            kms.decrypt(CiphertextBlob=bytes(damaged), EncryptionContext=context)
