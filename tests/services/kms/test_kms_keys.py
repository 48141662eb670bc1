"""Making keys, looking at them, switching them on and off; and what each key state allows."""

import re
from collections.abc import Callable
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


Attempt = Callable[[Any, str, bytes], Any]
# What works with an enabled key, and what becomes of it with a disabled one and one that waits for its deletion.
# Source: AWS KMS Developer Guide, "Key states of AWS KMS keys".
YES, DISABLED, PENDING = "", "DisabledException", "KMSInvalidStateException"
TABLE: dict[str, tuple[Attempt, str, str]] = {
    "CreateAlias": (lambda c, k, b: c.create_alias(AliasName=f"alias/{k}-b", TargetKeyId=k), YES, PENDING),
    "Decrypt": (lambda c, k, b: c.decrypt(CiphertextBlob=b), DISABLED, PENDING),
    "DescribeKey": (lambda c, k, b: c.describe_key(KeyId=k), YES, YES),
    "DisableKeyRotation": (lambda c, k, b: c.disable_key_rotation(KeyId=k), DISABLED, PENDING),
    "EnableKeyRotation": (lambda c, k, b: c.enable_key_rotation(KeyId=k), DISABLED, PENDING),
    "Encrypt": (lambda c, k, b: c.encrypt(KeyId=k, Plaintext=b"x"), DISABLED, PENDING),
    "GenerateDataKey": (lambda c, k, b: c.generate_data_key(KeyId=k, NumberOfBytes=1), DISABLED, PENDING),
    "GenerateDataKeyWithoutPlaintext": (
        lambda c, k, b: c.generate_data_key_without_plaintext(KeyId=k),
        DISABLED,
        PENDING,
    ),
    "GetKeyLastUsage": (lambda c, k, b: c.get_key_last_usage(KeyId=k), YES, YES),
    "GetKeyPolicy": (lambda c, k, b: c.get_key_policy(KeyId=k), YES, YES),
    "GetKeyRotationStatus": (lambda c, k, b: c.get_key_rotation_status(KeyId=k), YES, YES),
    "ListAliases": (lambda c, k, b: c.list_aliases(KeyId=k), YES, YES),
    "ListKeyPolicies": (lambda c, k, b: c.list_key_policies(KeyId=k), YES, YES),
    "ListKeyRotations": (lambda c, k, b: c.list_key_rotations(KeyId=k), YES, YES),
    "ListResourceTags": (lambda c, k, b: c.list_resource_tags(KeyId=k), YES, YES),
    "PutKeyPolicy": (
        lambda c, k, b: c.put_key_policy(KeyId=k, Policy=c.get_key_policy(KeyId=k)["Policy"]),
        YES,
        YES,
    ),
    "ReEncrypt": (lambda c, k, b: c.re_encrypt(CiphertextBlob=b, DestinationKeyId=k), DISABLED, PENDING),
    "RotateKeyOnDemand": (lambda c, k, b: c.rotate_key_on_demand(KeyId=k), DISABLED, PENDING),
    "TagResource": (lambda c, k, b: c.tag_resource(KeyId=k, Tags=[{"TagKey": "a", "TagValue": "b"}]), YES, PENDING),
    "UntagResource": (lambda c, k, b: c.untag_resource(KeyId=k, TagKeys=["a"]), YES, PENDING),
    "UpdateAlias": (lambda c, k, b: c.update_alias(AliasName=f"alias/{k}", TargetKeyId=k), YES, PENDING),
    "UpdateKeyDescription": (lambda c, k, b: c.update_key_description(KeyId=k, Description="x"), YES, PENDING),
    "DeleteAlias": (lambda c, k, b: c.delete_alias(AliasName=f"alias/{k}"), YES, YES),
}


@pytest.mark.parametrize("state", ["Enabled", "Disabled", "PendingDeletion"])
def test_what_each_key_state_allows(kms: Any, key_id: str, state: str) -> None:
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.create_alias(AliasName=f"alias/{key_id}", TargetKeyId=key_id)
    if state == "Disabled":
        kms.disable_key(KeyId=key_id)
    elif state == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key_id)
    texts = {DISABLED: f"{arn} is disabled.", PENDING: f"{arn} is pending deletion."}
    for attempt, when_disabled, when_pending in TABLE.values():
        expected = {"Enabled": YES, "Disabled": when_disabled, "PendingDeletion": when_pending}[state]
        if expected:
            with refused(expected, texts[expected]):
                attempt(kms, key_id, blob)
        else:
            attempt(kms, key_id, blob)
    if state == "PendingDeletion":
        for again in (kms.enable_key, kms.disable_key, kms.schedule_key_deletion):
            with refused(PENDING, texts[PENDING]):
                again(KeyId=key_id)
    else:
        with refused(PENDING, f"{arn} is not pending deletion."):
            kms.cancel_key_deletion(KeyId=key_id)
