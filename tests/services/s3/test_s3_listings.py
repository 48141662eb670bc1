"""Listings at every page size against a model that lists everything and then cuts."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.services.s3.storing import InBucket, Storing, in_bucket, in_house_of_module

__all__ = ["in_bucket", "in_house_of_module"]
_numbers = itertools.count(1)
# Few characters, so that prefixes meet; the last of them around the surrogates and beyond the first plane.
KEYS = st.text(alphabet="ab/%_A\ud7ff\ue000\uffff\U00010000\U0010ffff", min_size=1, max_size=5)
PREFIXES = st.one_of(st.just(""), st.text(alphabet="ab/\U0010ffff", max_size=2))
DELIMITERS = st.sampled_from(["", "/", "a", "b/"])
Entry = tuple[str, str]


def _expected(keys: list[str], prefix: str, delimiter: str, after: str) -> list[Entry]:
    """Return (kind, name) of all that a listing has: keys and common prefixes behind `after`, in order."""
    found: list[Entry] = []
    for key in sorted(keys):
        if not key.startswith(prefix) or key <= after:
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = ("prefix", key[: at + len(delimiter)]) if at >= 0 else ("key", key)
        if entry not in found and not (entry[0] == "prefix" and entry[1] == after):
            found.append(entry)
    return found


def _entries(page: dict[str, Any]) -> list[Entry]:
    entries = [("key", each["Key"]) for each in page.get("Contents") or []]
    entries += [("prefix", each["Prefix"]) for each in page.get("CommonPrefixes") or []]
    return sorted(entries, key=lambda entry: entry[1])


async def _fresh(storing: Storing, keys: list[str]) -> None:
    storing.bucket = f"listed-{next(_numbers)}"
    await storing.s3("CreateBucket")
    for key in keys:
        await storing.put(key, b"")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    keys=st.lists(KEYS, unique=True, max_size=12),
    prefix=PREFIXES,
    delimiter=DELIMITERS,
    after=st.one_of(st.just(""), KEYS),
)
def test_objects_in_pages(in_bucket: InBucket[None], keys: list[str], prefix: str, delimiter: str, after: str) -> None:
    async def body(storing: Storing) -> None:
        await _fresh(storing, keys)
        asked = {"Prefix": prefix, "Delimiter": delimiter}
        expected = _expected(keys, prefix, delimiter, after)
        for size in range(1, len(expected) + 2):
            found: list[Entry] = []
            at: dict[str, Any] = {"StartAfter": after} if after else {}
            while True:
                page = await storing.s3("ListObjectsV2", MaxKeys=size, **asked, **at)
                entries = _entries(page)
                assert len(entries) == page["KeyCount"] <= size
                found += entries
                if not page["IsTruncated"]:
                    break
                assert len(entries) == size
                at = {"ContinuationToken": page["NextContinuationToken"]}
            assert found == expected
            found, marker = [], after
            while True:
                page = await storing.s3("ListObjects", MaxKeys=size, Marker=marker, **asked)
                entries = _entries(page)
                found += entries
                if not page["IsTruncated"]:
                    break
                marker = page["NextMarker"] if delimiter else page["Contents"][-1]["Key"]
            assert found == expected

    in_bucket(body)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(writes=st.lists(st.tuples(KEYS, st.booleans()), max_size=12), prefix=PREFIXES, delimiter=DELIMITERS)
def test_versions_in_pages(
    in_bucket: InBucket[None], writes: list[tuple[str, bool]], prefix: str, delimiter: str
) -> None:
    async def body(storing: Storing) -> None:
        await _fresh(storing, [])
        await storing.keep_versions()
        versions: list[tuple[str, str]] = []
        for key, is_deletion in writes:
            done = await (storing.s3("DeleteObject", Key=key) if is_deletion else storing.put(key, b""))
            versions.insert(0, (key, done["VersionId"]))
        versions.sort(key=lambda version: version[0])
        expected: list[tuple[str, str]] = []
        for key, version_id in versions:
            if key.startswith(prefix):
                at = key.find(delimiter, len(prefix)) if delimiter else -1
                entry = (key[: at + len(delimiter)], "") if at >= 0 else (key, version_id)
                if entry not in expected:
                    expected.append(entry)
        for size in range(1, len(expected) + 2):
            found: list[tuple[str, str]] = []
            at_markers: dict[str, Any] = {}
            while True:
                page = await storing.s3(
                    "ListObjectVersions", MaxKeys=size, Prefix=prefix, Delimiter=delimiter, **at_markers
                )
                shown = [*(page.get("Versions") or []), *(page.get("DeleteMarkers") or [])]
                entries = [(each["Key"], each["VersionId"]) for each in shown]
                entries += [(each["Prefix"], "") for each in page.get("CommonPrefixes") or []]
                found += entries
                assert len(entries) <= size
                if not page["IsTruncated"]:
                    break
                at_markers = {"KeyMarker": page["NextKeyMarker"]}
                if "NextVersionIdMarker" in page:
                    at_markers["VersionIdMarker"] = page["NextVersionIdMarker"]
            assert len(found) == len(set(found))
            assert set(found) == set(expected)

    in_bucket(body)


def test_what_a_listing_is_not_asked_for(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        for key in ("a", "b"):
            await storing.put(key)
        for operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
            page = await storing.s3(operation, MaxKeys=0)
            assert (page["IsTruncated"], page["MaxKeys"]) == (False, 0)
            await storing.refused("InvalidArgument", operation, MaxKeys=-1)
            assert (await storing.s3(operation, MaxKeys=5000))["MaxKeys"] == 1000
        page = await storing.s3("ListObjects", MaxKeys=0, Marker="a")
        assert page["IsTruncated"] is False
        await storing.refused("InvalidArgument", "ListObjectsV2", ContinuationToken="forged")
        await storing.refused("InvalidArgument", "ListObjectVersions", VersionIdMarker="x")
        assert "Owner" not in (await storing.s3("ListObjectsV2"))["Contents"][0]
        assert "Owner" in (await storing.s3("ListObjectsV2", FetchOwner=True))["Contents"][0]

    in_bucket(body)


def test_a_thousand_keys_under_one_prefix_are_one_entry(in_bucket: InBucket[None]) -> None:
    async def body(storing: Storing) -> None:
        for number in range(30):
            await storing.put(f"many/{number:04}", b"")
        await storing.put("many0", b"")
        page = await storing.s3("ListObjectsV2", Delimiter="/", MaxKeys=1)
        assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["many/"]
        page = await storing.s3("ListObjectsV2", Delimiter="/", ContinuationToken=page["NextContinuationToken"])
        assert [each["Key"] for each in page["Contents"]] == ["many0"]

    in_bucket(body)
