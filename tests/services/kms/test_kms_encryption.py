"""Encrypt, Decrypt, ReEncrypt and data keys, through a real client over HTTPS."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.services.refusals import refused

UNKNOWN = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "


def arn_of(kms: Any, key_id: str) -> str:
    arn: str = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    return arn


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


def test_the_members_of_the_answers(kms: Any, key_id: str) -> None:
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    arn, material = metadata["Arn"], metadata["CurrentKeyMaterialId"]

    def members(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "CiphertextBlob")}

    encrypted = kms.encrypt(KeyId=key_id, Plaintext=b"x")
    assert members(encrypted) == {"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert members(kms.decrypt(CiphertextBlob=encrypted["CiphertextBlob"])) == {
        "KeyId": arn,
        "Plaintext": b"x",
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": material,
    }
    assert members(kms.re_encrypt(CiphertextBlob=encrypted["CiphertextBlob"], DestinationKeyId=key_id)) == {
        "SourceKeyId": arn,
        "KeyId": arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": material,
        "DestinationKeyMaterialId": material,
    }
    without = kms.generate_data_key_without_plaintext(KeyId=key_id)
    assert members(without) == {"KeyId": arn, "KeyMaterialId": material}
    assert len(kms.decrypt(CiphertextBlob=without["CiphertextBlob"])["Plaintext"]) == 32


def test_a_key_is_named_in_four_ways(kms: Any, key_id: str) -> None:
    name = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    arn = arn_of(kms, key_id)
    for identifier in (key_id, arn, name, arn.replace(f"key/{key_id}", name)):
        blob = kms.encrypt(KeyId=identifier, Plaintext=b"x")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob, KeyId=identifier)["KeyId"] == arn


def test_plaintext_has_1_to_4096_bytes(kms: Any, key_id: str) -> None:
    largest = bytes(range(256)) * 16
    blob = kms.encrypt(KeyId=key_id, Plaintext=largest)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == largest
    text = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length "
    with refused("ValidationException", text + "less than or equal to 4096"):
        kms.encrypt(KeyId=key_id, Plaintext=largest + b"x")
    with refused("ValidationException", text + "greater than or equal to 1"):
        kms.encrypt(KeyId=key_id, Plaintext=b"")


def test_the_same_plaintext_never_gives_the_same_ciphertext(kms: Any, key_id: str) -> None:
    assert len({kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"] for _ in range(10)}) == 10


@pytest.mark.parametrize(
    ("wanted", "length"),
    [
        ({"KeySpec": "AES_128"}, 16),
        ({"KeySpec": "AES_256"}, 32),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 1024}, 1024),
    ],
)
def test_data_keys(kms: Any, key_id: str, wanted: dict[str, Any], length: int) -> None:
    context = {"file": "a"}
    answer = kms.generate_data_key(KeyId=key_id, EncryptionContext=context, **wanted)
    assert len(answer["Plaintext"]) == length
    opened = kms.decrypt(CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == answer["Plaintext"]
    with refused("InvalidCiphertextException", ""):
        kms.decrypt(CiphertextBlob=answer["CiphertextBlob"])


def test_a_data_key_has_one_size(kms: Any, key_id: str) -> None:
    for wanted in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        with refused("ValidationException", "Please specify either number of bytes or key spec."):
            kms.generate_data_key(KeyId=key_id, **wanted)


@pytest.mark.parametrize("count", [1, 12, 1024])
def test_random_bytes(kms: Any, count: int) -> None:
    one, other = [kms.generate_random(NumberOfBytes=count)["Plaintext"] for _ in range(2)]
    assert len(one) == len(other) == count
    assert count < 12 or one != other


def test_random_bytes_are_1_to_1024(kms: Any) -> None:
    text = "1 validation error detected: Value '{}' at 'numberOfBytes' failed to satisfy constraint: Member must have "
    with refused("ValidationException", text.format(0) + "value greater than or equal to 1"):
        kms.generate_random(NumberOfBytes=0)
    with refused("ValidationException", text.format(1025) + "value less than or equal to 1024"):
        kms.generate_random(NumberOfBytes=1025)
    with refused("ValidationException", "NumberOfBytes is required."):
        kms.generate_random()


def test_re_encrypt_changes_key_and_context(kms: Any, key_id: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"moving", EncryptionContext={"at": "old"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"at": "old"},
        SourceKeyId=key_id,
        DestinationKeyId=other,
        DestinationEncryptionContext={"at": "new"},
    )["CiphertextBlob"]
    opened = kms.decrypt(CiphertextBlob=moved, EncryptionContext={"at": "new"}, KeyId=other)
    assert opened["Plaintext"] == b"moving"
    with refused("InvalidCiphertextException", ""):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    with refused("IncorrectKeyException"):
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceEncryptionContext={"at": "old"},
            SourceKeyId=other,
            DestinationKeyId=other,
        )


def test_the_wrong_key_is_told(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    text = "The key ID in the request does not identify a CMK that can perform this operation."
    with refused("IncorrectKeyException", text):
        kms.decrypt(CiphertextBlob=blob, KeyId=other)


def test_a_ciphertext_of_an_unknown_key(kms: Any, key_id: str) -> None:
    blob = bytearray(kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"])
    blob[5] ^= 1
    with refused("AccessDeniedException", UNKNOWN + "or you are not allowed to access."):
        kms.decrypt(CiphertextBlob=bytes(blob))


def test_a_key_stays_in_its_region(kms: Any, key_id: str, server: Any) -> None:
    elsewhere = server.client("kms", region="eu-central-1")
    arn = arn_of(kms, key_id)
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    with refused("NotFoundException", f"Key '{arn.replace('us-east-1', 'eu-central-1')}' does not exist"):
        elsewhere.encrypt(KeyId=key_id, Plaintext=b"x")
    with refused("NotFoundException", "Invalid arn us-east-1"):
        elsewhere.encrypt(KeyId=arn, Plaintext=b"x")
    with refused("AccessDeniedException", UNKNOWN + "or you are not allowed to access."):
        elsewhere.decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize("blob", [b"x", b"\x01\x01" + bytes(80), bytes(6144), b"\x02\x01" + bytes(100)])
def test_what_is_no_ciphertext(kms: Any, key_id: str, blob: bytes) -> None:
    with pytest.raises(ClientError) as told:
        kms.decrypt(CiphertextBlob=blob)
    assert told.value.response["Error"]["Code"] in ("InvalidCiphertextException", "AccessDeniedException")
    with pytest.raises(ClientError) as told:
        kms.decrypt(CiphertextBlob=blob, KeyId=key_id)
    assert told.value.response["Error"]["Code"] in ("InvalidCiphertextException", "IncorrectKeyException")


def test_decrypt_needs_a_ciphertext(kms: Any, key_id: str) -> None:
    with refused("ValidationException", "CiphertextBlob is required."):
        kms.decrypt(KeyId=key_id)


def test_algorithms_of_other_keys_are_refused(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionAlgorithm="SYMMETRIC_DEFAULT")["CiphertextBlob"]
    with refused("InvalidKeyUsageException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("InvalidKeyUsageException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("InvalidKeyUsageException"):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key_id, DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1")


def test_members_that_are_not_served_are_never_ignored(kms: Any, key_id: str) -> None:
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"}
    with refused("UnsupportedOperationException"):
        kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", Recipient=recipient)
    with refused("InvalidGrantTokenException"):
        kms.encrypt(KeyId=key_id, Plaintext=b"x", GrantTokens=["a-token"])
