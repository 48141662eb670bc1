"""Lifecycle rules at work: the clock is moved, and what is due is gone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.s3.kept import Kept, events_of


async def days_go_by(opened: OpenedHouse, days: float) -> None:
    """Move the clock, and do what is due then."""
    opened.clock.advance(timedelta(days=days))
    await opened.run_periodic_work()


def test_objects_expire_at_the_midnight_after_their_days(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        await kept.rules({"ID": "logs", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 2}})
        await kept.put("logs/a", b"x" * 40_000)
        await kept.put("other/a")
        await days_go_by(opened, 1.9)
        assert await kept.keys() == ["logs/a", "other/a"]
        await days_go_by(opened, 1.2)
        assert await kept.keys() == ["other/a"]
        (event,) = await events_of(opened, "S3.EXPIRE.OBJECT")
        assert event.resources[0].arn == "arn:aws:s3:::rooms/logs/a"
        assert event.details == {"ruleId": "logs", "versionId": "null"}
        assert sum(len(batch) for batch in opened.house.blobs.batches()) == 0

    in_house(body)


def test_what_is_versioned_gets_a_delete_marker_and_ends_with_its_rules(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened, versioning="Enabled")
        await kept.rules(
            {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
        )
        version_id = await kept.put("a")
        await days_go_by(opened, 2.1)
        assert await kept.keys() == []
        (version, marker) = await kept.versions()
        assert (version, marker[2]) == (("a", version_id, False), True)
        assert len(await events_of(opened, "S3.CREATE.DELETEMARKER")) == 1
        await days_go_by(opened, 2)
        assert len(await kept.versions()) == 2
        await days_go_by(opened, 2.1)
        # The marker, which nothing is left behind now, goes with the next run at the latest.
        await days_go_by(opened, 0.1)
        assert await kept.versions() == []

    in_house(body)


def test_the_newest_of_the_old_versions_are_kept(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened, versioning="Enabled")
        await kept.rules({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}})
        versions = [await kept.put("a") for _ in range(5)]
        many = [await kept.put("b") for _ in range(130)]
        await days_go_by(opened, 3)
        left = [version_id for _, version_id, _ in await kept.versions()]
        assert left == [*reversed(versions[2:]), *reversed(many[-3:])]

    in_house(body)


def test_a_date_is_for_everything_from_then_on(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        date = datetime.fromtimestamp(opened.clock.now() // 86_400 * 86_400 + 3 * 86_400, UTC)
        await kept.rules({"Expiration": {"Date": date}})
        await kept.put("a")
        await days_go_by(opened, 1)
        assert await kept.keys() == ["a"]
        opened.clock.advance(timedelta(days=2))
        await kept.put("b")
        await opened.run_periodic_work()
        assert await kept.keys() == []

    in_house(body)


def test_only_what_the_filter_is_about(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        both = {"And": {"Prefix": "p/", "Tags": [{"Key": "keep", "Value": "no"}], "ObjectSizeGreaterThan": 3}}
        await kept.rules({"Filter": both, "Expiration": {"Days": 1}})
        for key, content, tags in (
            ("p/due", b"long", "keep=no&more=1"),
            ("p/short", b"abc", "keep=no"),
            ("p/kept", b"long", "keep=yes"),
            ("q/due", b"long", "keep=no"),
        ):
            await kept.put(key, content, Tagging=tags)
        await days_go_by(opened, 2.5)
        assert await kept.keys() == ["p/kept", "p/short", "q/due"]

    in_house(body)


def test_a_lone_delete_marker_goes_and_one_that_hides_something_stays(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened, versioning="Enabled")
        await kept.rules({"Expiration": {"ExpiredObjectDeleteMarker": True}})
        version_id = await kept.put("alone")
        await kept.put("hidden")
        await kept.s3("DeleteObject", Key="alone")
        await kept.s3("DeleteObject", Key="hidden")
        await kept.s3("DeleteObject", Key="alone", VersionId=version_id)
        await days_go_by(opened, 0.1)
        assert {key for key, _, _ in await kept.versions()} == {"hidden"}
        assert len(await kept.versions()) == 2

    in_house(body)


def test_uploads_that_nobody_completes_are_given_up(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        await kept.rules({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
        upload_id = (await kept.s3("CreateMultipartUpload", Key="a"))["UploadId"]
        await kept.stream("UploadPart", b"x" * 100_000, Key="a", UploadId=upload_id, PartNumber=1)
        await days_go_by(opened, 1)
        assert len((await kept.s3("ListMultipartUploads"))["Uploads"]) == 1
        await days_go_by(opened, 2.1)
        assert not (await kept.s3("ListMultipartUploads")).get("Uploads")
        assert [record.details for record in await events_of(opened, "S3.DELETE.UPLOAD")] == [
            {"ruleId": (await kept.s3("GetBucketLifecycleConfiguration"))["Rules"][0]["ID"], "uploadId": upload_id}
        ]
        assert sum(len(batch) for batch in opened.house.blobs.batches()) == 0

    in_house(body)


def test_what_is_locked_stays_until_it_is_not(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = Kept(opened)
        await kept.s3("CreateBucket", ObjectLockEnabledForBucket=True)
        await kept.rules({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
        until = datetime.fromtimestamp(opened.clock.now() + 10 * 86_400, UTC)
        locked = await kept.put("a", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
        held = await kept.put("b", ObjectLockLegalHoldStatus="ON")
        for key in "ab":
            await kept.put(key)
        await days_go_by(opened, 5)
        assert len(await kept.versions()) == 4
        await days_go_by(opened, 6)
        left = {version_id for _, version_id, _ in await kept.versions()}
        assert held in left
        assert locked not in left

    in_house(body)


def test_a_disabled_rule_and_a_suspended_bucket(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened, versioning="Enabled")
        older = await kept.put("a")
        await kept.s3("PutBucketVersioning", VersioningConfiguration={"Status": "Suspended"})
        await kept.put("a")
        await kept.rules({"Status": "Disabled", "Expiration": {"Days": 1}})
        await days_go_by(opened, 3)
        assert await kept.keys() == ["a"]
        await kept.rules({"Expiration": {"Days": 1}})
        await days_go_by(opened, 1)
        # The null version has given way to a marker that is the null version now; the older one stays.
        assert await kept.versions() == [("a", older, False), ("a", "null", True)]
        with pytest.raises(Exception, match="NoSuchKey"):
            await kept.get("a")

    in_house(body)
