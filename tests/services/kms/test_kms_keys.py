"""Making keys, looking at them, switching them on and off."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.services.refusals import refused

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_a_new_key(kms: Any, server: Any) -> None:
    metadata = kms.create_key(Description="for the test")["KeyMetadata"]
    key_id, account = metadata["KeyId"], metadata["AWSAccountId"]
    assert UUID.fullmatch(key_id)
    assert abs((metadata.pop("CreationDate") - datetime.now(UTC)).total_seconds()) < 60
    assert re.fullmatch("[0-9a-f]{64}", metadata["CurrentKeyMaterialId"])
    assert metadata == {
        "AWSAccountId": account,
        "Arn": f"arn:aws:kms:us-east-1:{account}:key/{key_id}",
        "CurrentKeyMaterialId": metadata["CurrentKeyMaterialId"],
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "Description": "for the test",
        "Enabled": True,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "KeyId": key_id,
        "KeyManager": "CUSTOMER",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": False,
        "Origin": "AWS_KMS",
    }
    described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert {name: value for name, value in described.items() if name != "CreationDate"} == metadata


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ({"CustomerMasterKeySpec": "HMAC_256"}, "ValidationException"),
        ({"KeySpec": "ML_DSA_65", "KeyUsage": "SIGN_VERIFY", "Origin": "EXTERNAL"}, "ValidationException"),
        ({"CustomKeyStoreId": "cks-1"}, "ValidationException"),
        ({"Origin": "AWS_CLOUDHSM"}, "ValidationException"),
        ({"XksKeyId": "key-1"}, "ValidationException"),
        ({"KeyUsage": "SIGN_VERIFY"}, "ValidationException"),
        ({"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}, "ValidationException"),
        ({"KeySpec": "AES_512"}, "ValidationException"),
        ({"Description": "x" * 8193}, "ValidationException"),
        ({"Description": "a\x00b"}, "ValidationException"),
    ],
)
def test_keys_that_cannot_be_had(kms: Any, asked: dict[str, Any], code: str) -> None:
    with refused(code):
        kms.create_key(**asked)


def test_a_spec_and_a_usage_that_do_not_fit(kms: Any) -> None:
    with refused("ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"):
        kms.create_key(KeyUsage="SIGN_VERIFY")


def test_identifiers_that_name_no_key(kms: Any, key_id: str) -> None:
    account = kms.describe_key(KeyId=key_id)["KeyMetadata"]["AWSAccountId"]
    prefix = f"arn:aws:kms:us-east-1:{account}"
    absent = "01234567-89ab-cdef-0123-456789abcdef"
    multi = "mrk-" + "0" * 32
    for identifier, text in {
        absent: f"Key '{prefix}:key/{absent}' does not exist",
        f"{prefix}:key/{absent}": f"Key '{prefix}:key/{absent}' does not exist",
        multi: f"Key '{prefix}:key/{multi}' does not exist",
        "fantasy": "Invalid keyId 'fantasy'",
        key_id.upper(): f"Invalid keyId '{key_id.upper()}'",
        key_id + "\n": f"Invalid keyId '{key_id}\n'",
        "alias/absent": f"Alias {prefix}:alias/absent is not found.",
        f"{prefix}:alias/absent": f"Alias {prefix}:alias/absent is not found.",
        f"arn:aws:kms:us-west-2:{account}:key/{key_id}": "Invalid arn us-west-2",
        f"arn:aws-cn:kms:us-east-1:{account}:key/{key_id}": "Invalid arn us-east-1",
        f"arn:aws:s3:us-east-1:{account}:key/{key_id}": f"Invalid arn arn:aws:s3:us-east-1:{account}:key/{key_id}",
        f"{prefix}:key/fantasy": f"Invalid arn {prefix}:key/fantasy",
    }.items():
        with refused("NotFoundException", text):
            kms.describe_key(KeyId=identifier)
    with refused("ValidationException"):
        kms.describe_key(KeyId="")
    with refused("ValidationException"):
        kms.describe_key(KeyId="x" * 2049)


def test_listing_in_pages(kms: Any) -> None:
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    seen: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = kms.list_keys(Limit=2, **marker)
        assert len(page["Keys"]) <= 2
        seen += [each["KeyId"] for each in page["Keys"]]
        assert all(each["KeyArn"].endswith(f":key/{each['KeyId']}") for each in page["Keys"])
        assert page["Truncated"] == ("NextMarker" in page)
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert made <= set(seen)
    assert seen == sorted(set(seen))
    assert kms.list_keys(ResourceOwners=["OTHER_ACCOUNTS_VIA_RAM"])["Keys"] == []
    assert kms.list_keys(ResourceOwners=["SELF"], Limit=1)["Keys"][0]["KeyId"] == seen[0]


def test_markers_that_were_never_given_out(kms: Any, key_id: str) -> None:
    kms.create_key()
    of_another_listing = kms.list_keys(Limit=1)["NextMarker"]
    for marker in ("x", "%%%%", "TGlzdEtleXMK", "TGlzdEtleXMKAA==", "é", of_another_listing + "!"):
        with refused("InvalidMarkerException"):
            kms.list_keys(Marker=marker)
    with refused("InvalidMarkerException"):
        kms.list_aliases(Marker=of_another_listing)
    for limit in (0, 1001):
        with refused("ValidationException"):
            kms.list_keys(Limit=limit)


def test_descriptions(kms: Any, key_id: str) -> None:
    for text in ("", "péché \U0001f511 \u202e", "x" * 8192):
        kms.update_key_description(KeyId=key_id, Description=text)
        assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"] == text
    with refused("ValidationException", "Description must not contain the null character."):
        kms.update_key_description(KeyId=key_id, Description="\x00")


def test_a_disabled_key_is_of_no_use_until_it_is_enabled(kms: Any, key_id: str) -> None:
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    for _ in range(2):
        kms.disable_key(KeyId=key_id)
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["Enabled"]) == ("Disabled", False)
    with refused("DisabledException", f"{arn} is disabled."):
        kms.decrypt(CiphertextBlob=blob)
    for _ in range(2):
        kms.enable_key(KeyId=arn)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
