"""Envelope encryption by hand with boto3: a data key from KMS, AES-256-GCM over a large file, and back."""

import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.clients.installed import LargeFile

SEGMENT_BYTES = 4 * 1024 * 1024
CONTEXT = {"vault": "north", "épaisseur": "30 cm"}


def seal_file(kms: Any, key_id: str, source: Path, target: Path) -> None:
    """Write the encrypted data key, then the file in segments; a segment's number and whether it is last are bound."""
    data_key = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
    aead = AESGCM(data_key["Plaintext"])
    blob = data_key["CiphertextBlob"]
    with source.open("rb") as clear, target.open("wb") as sealed:
        sealed.write(struct.pack(">H", len(blob)) + blob)
        number, segment = 0, clear.read(SEGMENT_BYTES)
        while segment or number == 0:
            following = clear.read(SEGMENT_BYTES)
            sealed.write(aead.encrypt(number.to_bytes(12), segment, b"last" if not following else b"more"))
            number, segment = number + 1, following


def open_file(kms: Any, source: Path, context: dict[str, str] = CONTEXT) -> str:
    """Return the SHA-256 of what was sealed. Raises ClientError or InvalidTag."""
    digest = hashlib.sha256()
    with source.open("rb") as sealed:
        blob = sealed.read(struct.unpack(">H", sealed.read(2))[0])
        aead = AESGCM(kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"])
        number, segment = 0, sealed.read(SEGMENT_BYTES + 16)
        while segment:
            following = sealed.read(SEGMENT_BYTES + 16)
            digest.update(aead.decrypt(number.to_bytes(12), segment, b"last" if not following else b"more"))
            number, segment = number + 1, following
    return digest.hexdigest()


@pytest.mark.large
def test_a_large_file_goes_there_and_back(kms: Any, key_id: str, large_file: LargeFile, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    try:
        seal_file(kms, key_id, large_file.path, sealed)
        assert open_file(kms, sealed) == large_file.sha256
        with sealed.open("r+b") as file:
            file.seek(sealed.stat().st_size // 2)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0x01]))
        with pytest.raises(InvalidTag):
            open_file(kms, sealed)
    finally:
        sealed.unlink(missing_ok=True)


@pytest.fixture
def sealed(kms: Any, key_id: str, tmp_path: Path) -> Path:
    """A small sealed file."""
    (tmp_path / "clear").write_bytes(b"a letter")
    seal_file(kms, key_id, tmp_path / "clear", tmp_path / "sealed")
    assert open_file(kms, tmp_path / "sealed") == hashlib.sha256(b"a letter").hexdigest()
    return tmp_path / "sealed"


def refusal(kms: Any, sealed: Path, context: dict[str, str] = CONTEXT) -> str:
    """Return the code with which the server refuses to open the data key."""
    with pytest.raises(ClientError) as refused:
        open_file(kms, sealed, context)
    code: str = refused.value.response["Error"]["Code"]
    return code


@pytest.mark.parametrize("behind_end_of_data_key", [1, 16, 40, 60])
def test_a_flipped_bit_in_the_data_key_is_refused(kms: Any, sealed: Path, behind_end_of_data_key: int) -> None:
    content = bytearray(sealed.read_bytes())
    end = 2 + struct.unpack(">H", content[:2])[0]
    content[end - behind_end_of_data_key] ^= 0x80
    sealed.write_bytes(content)
    assert refusal(kms, sealed) == "InvalidCiphertextException"


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"vault": "north"},
        CONTEXT | {"vault": "North"},
        CONTEXT | {"more": ""},
        {"vaultnorth": "", "épaisseur": "30 cm"},
        {"vault": "northépaisseur", "": "30 cm"},
    ],
)
def test_another_context_is_refused(kms: Any, sealed: Path, context: dict[str, str]) -> None:
    assert refusal(kms, sealed, context) in ("InvalidCiphertextException", "ValidationException")


def test_a_disabled_key_is_refused(kms: Any, key_id: str, sealed: Path) -> None:
    kms.disable_key(KeyId=key_id)
    assert refusal(kms, sealed) == "DisabledException"


def test_a_key_pending_deletion_is_refused_and_opens_again_when_the_deletion_is_cancelled(
    kms: Any, key_id: str, sealed: Path
) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert refusal(kms, sealed) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    assert open_file(kms, sealed) == hashlib.sha256(b"a letter").hexdigest()


def test_a_data_key_opens_after_its_key_was_rotated(kms: Any, key_id: str, sealed: Path) -> None:
    kms.rotate_key_on_demand(KeyId=key_id)
    assert open_file(kms, sealed) == hashlib.sha256(b"a letter").hexdigest()
