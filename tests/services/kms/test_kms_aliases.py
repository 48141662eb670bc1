"""Aliases, through a real client over HTTPS."""

import uuid
from typing import Any

import pytest
from tests.services.refusals import refused


@pytest.fixture
def name() -> str:
    return f"alias/test/{uuid.uuid4()}"


def entries(kms: Any, key_id: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = kms.list_aliases(KeyId=key_id)["Aliases"]
    return listed


def test_an_alias_lives_and_dies(kms: Any, key_id: str, name: str) -> None:
    arn = kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=name, TargetKeyId=arn)
    (entry,) = entries(kms, key_id)
    assert entry["CreationDate"] == entry["LastUpdatedDate"]
    assert (entry["AliasName"], entry["TargetKeyId"]) == (name, key_id)
    assert entry["AliasArn"] == arn.replace(f"key/{key_id}", name)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key_id
    with refused("AlreadyExistsException", f"An alias with the name {entry['AliasArn']} already exists"):
        kms.create_alias(AliasName=name, TargetKeyId=key_id)
    kms.delete_alias(AliasName=name)
    assert entries(kms, key_id) == []
    for gone in (kms.describe_key, lambda KeyId: kms.delete_alias(AliasName=KeyId)):
        with refused("NotFoundException", f"Alias {entry['AliasArn']} is not found."):
            gone(KeyId=name)


def test_an_alias_moves_to_another_key(kms: Any, key_id: str, name: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    blob = kms.encrypt(KeyId=name, Plaintext=b"before")["CiphertextBlob"]
    kms.update_alias(AliasName=name, TargetKeyId=other)
    assert entries(kms, key_id) == []
    (entry,) = entries(kms, other)
    assert entry["LastUpdatedDate"] >= entry["CreationDate"]
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"].endswith(other)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=name)
    with refused("NotFoundException"):
        kms.update_alias(AliasName=name + "-absent", TargetKeyId=other)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("no-prefix", "ValidationException"),
        ("alias/", "InvalidAliasNameException"),
        ("alias/with:colon", "InvalidAliasNameException"),
        ("alias/with space", "ValidationException"),
        ("alias/\x00", "ValidationException"),
        ("alias/" + "x" * 251, "ValidationException"),
        ("alias/aws/mine", "NotAuthorizedException"),
    ],
)
def test_names_that_cannot_be_had(kms: Any, key_id: str, bad: str, code: str) -> None:
    with refused(code):
        kms.create_alias(AliasName=bad, TargetKeyId=key_id)


def test_aws_aliases_stay_aws_s(kms: Any, key_id: str) -> None:
    with refused("NotAuthorizedException"):
        kms.delete_alias(AliasName="alias/aws/s3")
    with refused("NotAuthorizedException"):
        kms.update_alias(AliasName="alias/aws/s3", TargetKeyId=key_id)


def test_an_alias_points_to_a_key_only(kms: Any, key_id: str, name: str) -> None:
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        kms.create_alias(AliasName=name + "-2", TargetKeyId=name)
    with refused("NotFoundException", "Invalid keyId 'fantasy'"):
        kms.create_alias(AliasName=name + "-2", TargetKeyId="fantasy")
    with refused("NotFoundException"):
        kms.create_alias(AliasName=name + "-2", TargetKeyId=str(uuid.uuid4()))


def test_where_an_alias_does_not_do(kms: Any, key_id: str, name: str) -> None:
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    for attempt in (
        kms.enable_key,
        kms.get_key_policy,
        kms.get_key_rotation_status,
        kms.list_resource_tags,
        kms.schedule_key_deletion,
        kms.get_key_last_usage,
        kms.list_aliases,
    ):
        with refused("NotFoundException", f"Invalid keyId '{name}'"):
            attempt(KeyId=name)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_key_has_at_most_50_aliases(kms: Any, key_id: str, name: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    for number in range(50):
        kms.create_alias(AliasName=f"{name}/{number:02}", TargetKeyId=key_id)
    kms.create_alias(AliasName=f"{name}/50", TargetKeyId=other)
    with refused("LimitExceededException"):
        kms.create_alias(AliasName=f"{name}/51", TargetKeyId=key_id)
    with refused("LimitExceededException"):
        kms.update_alias(AliasName=f"{name}/50", TargetKeyId=key_id)
    kms.update_alias(AliasName=f"{name}/00", TargetKeyId=key_id)
    assert len(entries(kms, key_id)) == 50

    names: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = kms.list_aliases(KeyId=key_id, Limit=20, **marker)
        names += [each["AliasName"] for each in page["Aliases"]]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert names == [f"{name}/{number:02}" for number in range(50)]
    text = "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: "
    with refused("ValidationException", text + "Member must have value less than or equal to 100"):
        kms.list_aliases(Limit=101)


def test_predefined_aliases_are_listed_once_in_their_place(kms: Any, key_id: str) -> None:
    kms.create_alias(AliasName=f"alias/a-{key_id}", TargetKeyId=key_id)
    kms.create_alias(AliasName=f"alias/z-{key_id}", TargetKeyId=key_id)
    names: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = kms.list_aliases(Limit=7, **marker)
        names += [each["AliasName"] for each in page["Aliases"]]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert names == sorted(set(names))
    assert {"alias/aws/s3", "alias/aws/ssm", f"alias/a-{key_id}", f"alias/z-{key_id}"} <= set(names)


def test_the_same_name_in_another_region_is_another_alias(kms: Any, key_id: str, name: str, server: Any) -> None:
    elsewhere = server.client("kms", region="eu-west-3")
    other = elsewhere.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=name, TargetKeyId=key_id)
    elsewhere.create_alias(AliasName=name, TargetKeyId=other)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key_id
    assert elsewhere.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == other
    elsewhere.schedule_key_deletion(KeyId=other)
