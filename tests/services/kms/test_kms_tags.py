"""Tags of keys, through a real client over HTTPS."""

from typing import Any

import pytest
from tests.services.refusals import refused


def tags(**named: str) -> list[dict[str, str]]:
    return [{"TagKey": name, "TagValue": value} for name, value in named.items()]


def listed(kms: Any, key_id: str) -> dict[str, str]:
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key_id)["Tags"]}


def test_tags_come_and_change_and_go(kms: Any) -> None:
    key_id = kms.create_key(Tags=tags(tag1="value1", tag2="value2", tag3="value3"))["KeyMetadata"]["KeyId"]
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == tags(tag1="value1", tag2="value2", tag3="value3")
    kms.tag_resource(KeyId=key_id, Tags=tags(tag2="updated", tag4="value4"))
    assert listed(kms, key_id) == {"tag1": "value1", "tag2": "updated", "tag3": "value3", "tag4": "value4"}
    kms.untag_resource(KeyId=key_id, TagKeys=["tag2", "absent", "tag2"])
    assert listed(kms, key_id) == {"tag1": "value1", "tag3": "value3", "tag4": "value4"}
    kms.untag_resource(KeyId=key_id, TagKeys=["tag1", "tag3", "tag4"])
    answer = kms.list_resource_tags(KeyId=key_id)
    assert (answer["Tags"], answer["Truncated"]) == ([], False)


def test_names_are_case_sensitive_and_values_may_be_empty(kms: Any, key_id: str) -> None:
    kms.tag_resource(KeyId=key_id, Tags=tags(Owner="a", owner="b", none=""))
    assert listed(kms, key_id) == {"Owner": "a", "owner": "b", "none": ""}


def test_duplicates(kms: Any, key_id: str) -> None:
    twice = [*tags(a="1"), *tags(a="2")]
    with refused("TagException", "Duplicate tag keys"):
        kms.create_key(Tags=twice)
    with refused("TagException", "Duplicate tag keys"):
        kms.tag_resource(KeyId=key_id, Tags=twice)
    assert listed(kms, key_id) == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("aws:mine", "x", "TagException"),
        ("AWS:mine", "x", "TagException"),
        ("nul\x00", "x", "TagException"),
        ("nul", "\x00", "TagException"),
        ("", "x", "ValidationException"),
        ("x" * 129, "x", "ValidationException"),
        ("x", "x" * 257, "ValidationException"),
    ],
)
def test_tags_that_cannot_be_had(kms: Any, key_id: str, name: str, value: str, code: str) -> None:
    with refused(code):
        kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": name, "TagValue": value}])
    with refused(code):
        kms.create_key(Tags=[{"TagKey": name, "TagValue": value}])


def test_a_key_has_at_most_50_tags(kms: Any, key_id: str) -> None:
    kms.tag_resource(KeyId=key_id, Tags=tags(**{f"t{number:02}": "x" for number in range(50)}))
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key_id, Tags=tags(t50="x"))
    kms.tag_resource(KeyId=key_id, Tags=tags(t49="y"))
    with refused("TagException", "Too many tags"):
        kms.create_key(Tags=tags(**{f"t{number:02}": "x" for number in range(51)}))
    first = kms.list_resource_tags(KeyId=key_id, Limit=30)
    second = kms.list_resource_tags(KeyId=key_id, Limit=30, Marker=first["NextMarker"])
    names = [tag["TagKey"] for tag in first["Tags"] + second["Tags"]]
    assert names == [f"t{number:02}" for number in range(50)]
    assert (first["Truncated"], second["Truncated"]) == (True, False)
    with refused("ValidationException"):
        kms.list_resource_tags(KeyId=key_id, Limit=51)


def test_pages_of_names_in_other_scripts(kms: Any, key_id: str) -> None:
    names = sorted(["péché", "ключ", "鍵" * 128, "🔑" * 64])
    kms.tag_resource(KeyId=key_id, Tags=tags(**dict.fromkeys(names, "x")))
    seen: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = kms.list_resource_tags(KeyId=key_id, Limit=1, **marker)
        seen += [tag["TagKey"] for tag in page["Tags"]]
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert seen == names
