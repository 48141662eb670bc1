"""Versions, delete markers, null versions, and the locks that nobody may delete under."""

import datetime
from typing import Any

import pytest
from tests.services.kms.made_identities import statement
from tests.services.s3.storing import InBucket, Storing, in_bucket, in_house_of_module

from strongroom.base.clock import as_datetime

__all__ = ["in_bucket", "in_house_of_module"]


async def _versions(storing: Storing, key: str = "key") -> list[tuple[str, str, bool]]:
    """Return (kind, version id, is latest) of every version of a key, as they are listed, merged in no order."""
    listed = await storing.s3("ListObjectVersions", Prefix=key)
    found = [("version", each["VersionId"], each["IsLatest"]) for each in listed.get("Versions") or []]
    return found + [("marker", each["VersionId"], each["IsLatest"]) for each in listed.get("DeleteMarkers") or []]


def test_versions_are_kept_deleted_and_undeleted(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("key", b"null")
        await storing.keep_versions()
        first = (await storing.put("key", b"first"))["VersionId"]
        second = (await storing.put("key", b"second"))["VersionId"]
        assert [await storing.get("key", VersionId=each) for each in ("null", first, second)] == [
            b"null",
            b"first",
            b"second",
        ]
        deleted = await storing.s3("DeleteObject", Key="key")
        marker = deleted["VersionId"]
        assert deleted["DeleteMarker"] is True
        refusal = await storing.refused("NoSuchKey", "GetObject", Key="key")
        assert refusal.answer["DeleteMarker"] is True
        assert refusal.answer["VersionId"] == marker
        refusal = await storing.refused("MethodNotAllowed", "GetObject", Key="key", VersionId=marker)
        assert (refusal.status, refusal.answer["DeleteMarker"]) == (405, True)
        assert await storing.get("key", VersionId=second) == b"second"
        assert await _versions(storing) == [
            ("version", second, False),
            ("version", first, False),
            ("version", "null", False),
            ("marker", marker, True),
        ]
        undone = await storing.s3("DeleteObject", Key="key", VersionId=marker)
        assert undone == {"VersionId": marker, "DeleteMarker": True}
        assert await storing.get("key") == b"second"
        await storing.s3("DeleteObject", Key="key", VersionId=second)
        assert (await storing.s3("HeadObject", Key="key"))["VersionId"] == first
        await storing.refused("NoSuchVersion", "GetObject", Key="key", VersionId=second)
        assert await storing.s3("DeleteObject", Key="key", VersionId=second) == {"VersionId": second}

    in_bucket(body)


def test_suspended_versioning_overwrites_the_null_version_alone(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        kept = (await storing.put("key", b"kept" * 10_000))["VersionId"]
        await storing.keep_versions("Suspended")
        assert "VersionId" not in await storing.put("key", b"null 1" * 10_000)
        assert (await storing.s3("HeadObject", Key="key"))["VersionId"] == "null"
        await storing.put("key", b"null 2" * 10_000)
        assert storing.new_blobs() == 2
        assert await storing.get("key") == b"null 2" * 10_000
        assert await _versions(storing) == [("version", "null", True), ("version", kept, False)]
        for _ in range(2):
            assert await storing.s3("DeleteObject", Key="key") == {"VersionId": "null", "DeleteMarker": True}
        assert await _versions(storing) == [("version", kept, False), ("marker", "null", True)]
        assert storing.new_blobs() == 1
        await storing.s3("DeleteObject", Key="key", VersionId="null")
        assert await storing.get("key") == b"kept" * 10_000

    in_bucket(body)


def test_a_bucket_without_versions_tells_of_none(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        assert "VersionId" not in await storing.put("key")
        assert "VersionId" not in await storing.s3("GetObject", Key="key")
        assert await storing.s3("DeleteObject", Key="key") == {}
        assert await storing.s3("DeleteObject", Key="key") == {}
        await storing.refused(
            "IllegalVersioningConfigurationException", "PutBucketVersioning", VersioningConfiguration={}
        )

    in_bucket(body)


def test_many_versions_are_deleted_by_name(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        first = (await storing.put("key"))["VersionId"]
        answer = await storing.s3(
            "DeleteObjects", Delete={"Objects": [{"Key": "key"}, {"Key": "key", "VersionId": first}]}
        )
        marked, gone = answer["Deleted"]
        assert marked["DeleteMarker"] is True
        assert marked["DeleteMarkerVersionId"]
        assert gone == {"Key": "key", "VersionId": first}
        marker = marked["DeleteMarkerVersionId"]
        answer = await storing.s3("DeleteObjects", Delete={"Objects": [{"Key": "key", "VersionId": marker}]})
        assert answer["Deleted"] == [
            {"Key": "key", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
        ]
        assert await _versions(storing) == []

    in_bucket(body)


def test_what_is_no_version_id(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.put("key")
        foreign = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
        for operation in ("GetObject", "HeadObject", "DeleteObject", "GetObjectTagging"):
            refusal = await storing.refused("InvalidArgument", operation, Key="key", VersionId=foreign)
            assert refusal.members == {"ArgumentName": "versionId", "ArgumentValue": foreign}
        answer = await storing.s3("DeleteObjects", Delete={"Objects": [{"Key": "key", "VersionId": foreign}]})
        assert [(each["Code"], each["VersionId"]) for each in answer["Errors"]] == [("NoSuchVersion", foreign)]

    in_bucket(body)


def test_another_permission_for_versions(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.keep_versions()
        version_id = (await storing.put("key"))["VersionId"]
        arn = f"arn:aws:s3:::{storing.bucket}/*"
        user = await storing.user("user", statement("Allow", ["s3:GetObject", "s3:DeleteObject"], arn))
        await storing.get("key", caller=user)
        await storing.refused("AccessDenied", "GetObject", Key="key", VersionId=version_id, caller=user)
        await storing.refused("AccessDenied", "DeleteObject", Key="key", VersionId=version_id, caller=user)
        await storing.s3("DeleteObject", Key="key", caller=user)

    in_bucket(body)


def _in(storing: Storing, **more: float) -> datetime.datetime:
    return as_datetime(int(storing.house.clock.now())) + datetime.timedelta(**more)


async def _with_locks(storing: Storing, **rule: Any) -> None:
    await storing.keep_versions()
    configuration = {"ObjectLockEnabled": "Enabled", **({"Rule": {"DefaultRetention": rule}} if rule else {})}
    await storing.s3("PutObjectLockConfiguration", ObjectLockConfiguration=configuration)


def test_locks_need_versions_and_stay(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        enabled = {"ObjectLockEnabled": "Enabled"}
        await storing.refused("InvalidBucketState", "PutObjectLockConfiguration", ObjectLockConfiguration=enabled)
        until = _in(storing, days=1)
        locked: dict[str, Any] = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
        await storing.put_refused("InvalidRequest", "key", **locked)
        await _with_locks(storing)
        await storing.refused(
            "InvalidBucketState", "PutBucketVersioning", VersioningConfiguration={"Status": "Suspended"}
        )
        for wrong in (
            {},
            {"ObjectLockEnabled": "No"},
            {**enabled, "Rule": {}},
            {**enabled, "Rule": {"DefaultRetention": {}}},
        ):
            await storing.refused("MalformedXML", "PutObjectLockConfiguration", ObjectLockConfiguration=wrong)
        await storing.put_refused("InvalidArgument", "key", ObjectLockMode="GOVERNANCE")
        undeclared = await storing.put_refused("InvalidRequest", "key", **{**locked, "ChecksumAlgorithm": None})
        assert undeclared.message.startswith("Content-MD5 OR x-amz-checksum- HTTP header is required")
        await storing.put_refused(
            "InvalidArgument", "key", **{**locked, "ObjectLockRetainUntilDate": _in(storing, days=-1)}
        )

    in_bucket(body)


def test_governance_gives_way_to_who_may_bypass(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await _with_locks(storing)
        until = _in(storing, days=1)
        version_id = (await storing.put("key", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until))[
            "VersionId"
        ]
        named: dict[str, Any] = {"Key": "key", "VersionId": version_id}
        assert (await storing.s3("GetObjectRetention", **named))["Retention"] == {
            "Mode": "GOVERNANCE",
            "RetainUntilDate": until,
        }
        refusal = await storing.refused("AccessDenied", "DeleteObject", **named)
        assert refusal.message == "Access Denied because object protected by object lock."
        answer = await storing.s3("DeleteObjects", Delete={"Objects": [named]})
        assert answer["Errors"][0]["Code"] == "AccessDenied"
        arn = f"arn:aws:s3:::{storing.bucket}/*"
        user = await storing.user("user", statement("Allow", ["s3:DeleteObjectVersion", "s3:PutObjectRetention"], arn))
        await storing.refused("AccessDenied", "DeleteObject", BypassGovernanceRetention=True, caller=user, **named)
        shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": _in(storing, hours=1)}
        longer = {"Mode": "GOVERNANCE", "RetainUntilDate": _in(storing, days=2)}
        await storing.refused("AccessDenied", "PutObjectRetention", Retention=shorter, **named)
        await storing.s3("PutObjectRetention", Retention=longer, caller=user, **named)
        await storing.s3("PutObjectRetention", Retention=shorter, BypassGovernanceRetention=True, **named)
        await storing.s3("DeleteObject", Key="key")
        await storing.s3("DeleteObject", BypassGovernanceRetention=True, **named)
        await storing.refused("NoSuchVersion", "GetObject", **named)

    in_bucket(body)


def test_compliance_gives_way_to_time_alone(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await _with_locks(storing)
        until = _in(storing, hours=1)
        version_id = (await storing.put("key", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until))[
            "VersionId"
        ]
        named: dict[str, Any] = {"Key": "key", "VersionId": version_id}
        for bypass in ({}, {"BypassGovernanceRetention": True}):
            await storing.refused("AccessDenied", "DeleteObject", **named, **bypass)
            weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": _in(storing, hours=2)}
            await storing.refused("AccessDenied", "PutObjectRetention", Retention=weaker, **named, **bypass)
            await storing.refused("AccessDenied", "PutObjectRetention", Retention={}, **named, **bypass)
        storing.house.clock.advance(datetime.timedelta(seconds=3601))
        await storing.s3("DeleteObject", **named)

    in_bucket(body)


def test_a_legal_hold_knows_no_bypass(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await _with_locks(storing)
        version_id = (await storing.put("key", ObjectLockLegalHoldStatus="ON"))["VersionId"]
        named: dict[str, Any] = {"Key": "key", "VersionId": version_id}
        await storing.refused("AccessDenied", "DeleteObject", BypassGovernanceRetention=True, **named)
        await storing.refused("NoSuchObjectLockConfiguration", "GetObjectRetention", **named)
        await storing.s3("PutObjectLegalHold", LegalHold={"Status": "OFF"}, **named)
        assert await storing.s3("GetObjectLegalHold", **named) == {"LegalHold": {"Status": "OFF"}}
        await storing.s3("DeleteObject", **named)

    in_bucket(body)


@pytest.mark.parametrize(("period", "days"), [({"Days": 3}, 3), ({"Years": 1}, 365)])
def test_default_retention(in_bucket: InBucket[None], period: dict[str, int], days: int) -> None:
    async def body(storing: Storing) -> None:
        await _with_locks(storing, Mode="GOVERNANCE", **period)
        await storing.put("key")
        await storing.upload("parts", b"part")
        await storing.s3("CopyObject", Key="copy", CopySource=f"{storing.bucket}/key")
        for key in ("key", "parts", "copy"):
            head = await storing.s3("HeadObject", Key=key)
            assert head["ObjectLockMode"] == "GOVERNANCE"
            assert abs((head["ObjectLockRetainUntilDate"] - _in(storing, days=days)).total_seconds()) < 10
            await storing.refused("AccessDenied", "DeleteObject", Key=key, VersionId=head["VersionId"])

    in_bucket(body)


def test_bypass_means_nothing_without_locks(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        await storing.refused("InvalidArgument", "DeleteObject", Key="key", BypassGovernanceRetention=True)
        many = {"Objects": [{"Key": "key"}]}
        await storing.refused("InvalidArgument", "DeleteObjects", Delete=many, BypassGovernanceRetention=True)
        await storing.put("key")
        await storing.refused("InvalidRequest", "GetObjectRetention", Key="key")

    in_bucket(body)
