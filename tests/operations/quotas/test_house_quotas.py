"""Calls take from the buckets of their account, Region and quota; what was set is in force at the next call."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.operations.quotas.setting import with_quota
from tests.services.refusals import refused

from strongroom.base.configuration import Configuration
from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller
from strongroom.operations.quotas import house_quotas
from strongroom.operations.quotas.house_quotas import OTHER, Counted
from strongroom.operations.quotas.quota import QUOTAS, Quota, RequestQuota, declare, find_quota, quotas_named
from strongroom.operations.quotas.tables import EVERY, delete_values, select_values
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME, QuotaValues
from strongroom.services.kms.quotas import KEYS_QUOTA, RSA_QUOTA, SYMMETRIC_QUOTA, own_quota

GUEST = "444455556666"
THROTTLED = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."


async def new_key(house: OpenedHouse) -> str:
    key_id: str = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    return key_id


async def let_through(house: OpenedHouse, calls: int, operation: str, **params: Any) -> int:
    """Return how many of so many calls were not throttled."""
    through = 0
    for _ in range(calls):
        try:
            await house.kms(operation, **params)
        except AwsError as error:
            if error.code != "ThrottlingException":
                raise
        else:
            through += 1
    return through


def test_quotas_are_on_unless_turned_off() -> None:
    assert Configuration().request_quotas == "on"


def test_the_defaults_are_enforced(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        begin = time.monotonic()
        made = await let_through(house, 30, "CreateKey")
        assert 5 <= made <= 6 + 5 * (time.monotonic() - begin)
        with refused("ThrottlingException", THROTTLED):
            while True:
                await house.kms("CreateKey")

    in_house(body, request_quotas="on")


def test_turned_off_they_only_count(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        assert await let_through(house, 12, "CreateKey") == 12
        counts = house.house.quotas.counts[Counted("kms/L-32B67F4A", ACCOUNT, "us-east-1")]
        assert (counts.taken, counts.throttled) == (12, 0)

    in_house(body)


def test_operations_share_and_accounts_and_regions_do_not(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        await with_quota(house, SYMMETRIC_QUOTA, 0.01)
        blob = (await house.kms("Encrypt", KeyId=key, Plaintext=b"x"))["CiphertextBlob"]
        for operation, params in (
            ("Encrypt", {"KeyId": key, "Plaintext": b"x"}),
            ("Decrypt", {"CiphertextBlob": blob}),
            ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key}),
            ("GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}),
            ("GenerateDataKeyWithoutPlaintext", {"KeyId": key}),
            ("GenerateRandom", {"NumberOfBytes": 8}),
        ):
            with refused("ThrottlingException", THROTTLED):
                await house.kms(operation, **params)
        guest = Caller.root(GUEST, "AKIATESTGUESTKEY0001")
        await house.call("kms", "GenerateRandom", caller=guest, NumberOfBytes=8)
        await house.call("kms", "GenerateRandom", region="eu-west-1", NumberOfBytes=8)
        await house.kms("DescribeKey", KeyId=key)
        counts = house.house.quotas.counts[Counted(SYMMETRIC_QUOTA.id, ACCOUNT, "us-east-1")]
        assert (counts.taken, counts.throttled) == (1, 6)

    in_house(body, request_quotas="on")


def test_the_account_that_calls_pays_and_a_refused_request_counts(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        guest = Caller.root(GUEST, "AKIATESTGUESTKEY0001")
        await with_quota(house, SYMMETRIC_QUOTA, 0.01, GUEST)
        # The first one is denied, and is a request all the same; the owner of the key does not pay for it.
        with refused("AccessDeniedException"):
            await house.call("kms", "Encrypt", caller=guest, KeyId=arn, Plaintext=b"x")
        with refused("ThrottlingException", THROTTLED):
            await house.call("kms", "Encrypt", caller=guest, KeyId=arn, Plaintext=b"x")
        await house.kms("Encrypt", KeyId=arn, Plaintext=b"x")

    in_house(body, request_quotas="on")


def test_a_throttled_request_is_in_the_audit_trail(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await new_key(house)
        await with_quota(house, QUOTAS["kms/L-6B8C93BD"], 0)
        with refused("ThrottlingException", THROTTLED):
            await house.kms("DisableKey", KeyId=key)
        now = house.clock.now()
        records = await house.house.audit.records(now - 60, now + 1)
        (record,) = [each for each in records if each.operation == "DisableKey"]
        assert (record.error_code, record.error_message) == ("ThrottlingException", THROTTLED)
        assert [each.arn for each in record.resources] == [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}"]
        assert (await house.kms("DescribeKey", KeyId=key))["KeyMetadata"]["KeyState"] == "Enabled"

    in_house(body, request_quotas="on")


def test_what_was_set_is_in_force_at_the_next_call_lower_and_higher(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_quota(house, SYMMETRIC_QUOTA, 0)
        assert await let_through(house, 3, "GenerateRandom", NumberOfBytes=8) == 0
        await with_quota(house, SYMMETRIC_QUOTA, 4)
        await asyncio.sleep(1.0)
        assert await let_through(house, 20, "GenerateRandom", NumberOfBytes=8) >= 4
        await with_quota(house, SYMMETRIC_QUOTA, 1_000_000)
        await asyncio.sleep(0.1)
        assert await let_through(house, 200, "GenerateRandom", NumberOfBytes=8) == 200

    in_house(body, request_quotas="on")


def test_a_moved_clock_fills_no_bucket(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_quota(house, SYMMETRIC_QUOTA, 0.01)
        await house.kms("GenerateRandom", NumberOfBytes=8)
        house.clock.advance(timedelta(days=1))
        with refused("ThrottlingException"):
            await house.kms("GenerateRandom", NumberOfBytes=8)

    in_house(body, request_quotas="on")


def test_two_houses_on_one_database_have_the_same_buckets(tmp_path: Path, postgresql_url: str) -> None:
    async def main() -> None:
        one_home, other_home = tmp_path / "one", tmp_path / "other"
        for home in (one_home, other_home):
            home.mkdir()
        async with opened_house(one_home, postgresql_url, request_quotas="on") as one:
            (other_home / "root.key").write_bytes((one_home / "root.key").read_bytes())
            (other_home / "root.key").chmod(0o600)
            async with opened_house(other_home, postgresql_url, request_quotas="on") as other:
                await with_quota(one, SYMMETRIC_QUOTA, 4)
                begin = time.monotonic()
                through = 0
                for house in (one, other, one, other, one, other, one, other):
                    through += await let_through(house, 1, "GenerateRandom", NumberOfBytes=8)
                assert 4 <= through <= 4 + 4 * (time.monotonic() - begin) + 1
                await with_quota(other, SYMMETRIC_QUOTA, 0)
                assert await let_through(one, 2, "GenerateRandom", NumberOfBytes=8) == 0
                assert await let_through(other, 2, "GenerateRandom", NumberOfBytes=8) == 0

    asyncio.run(main())


def test_quotas_of_resources_come_from_the_same_table(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_quota(house, KEYS_QUOTA, 2, ACCOUNT, "us-east-1")
        key, _ = await new_key(house), await new_key(house)
        with refused("LimitExceededException", "The account has reached its limit of 2 keys."):
            await new_key(house)
        await house.call("kms", "CreateKey", region="eu-west-1")
        await with_quota(house, QUOTAS["kms/L-340F62FB"], 1)
        await house.kms("CreateAlias", AliasName="alias/one", TargetKeyId=key)
        with refused("LimitExceededException"):
            await house.kms("CreateAlias", AliasName="alias/two", TargetKeyId=key)
        await with_quota(house, QUOTAS["kms/L-0E66C9C0"], 1)
        await house.kms("RotateKeyOnDemand", KeyId=key)
        with refused("LimitExceededException"):
            await house.kms("RotateKeyOnDemand", KeyId=key)
        policy = (await house.kms("GetKeyPolicy", KeyId=key))["Policy"]
        await with_quota(house, QUOTAS["kms/KeyPolicyDocumentSize"], 100)
        with refused("LimitExceededException", "Policy size exceeds the limit of 100 bytes."):
            await house.kms("PutKeyPolicy", KeyId=key, Policy=policy)

    in_house(body)


def test_the_narrowest_value_holds_and_a_new_one_takes_the_place_of_all_within(in_house: InHouse[None]) -> None:
    quota, account, region = SYMMETRIC_QUOTA, ACCOUNT, "us-east-1"

    async def body(house: OpenedHouse) -> None:
        async def value(account_id: str = account, in_region: str = region) -> float:
            return QuotaValues(await house.house.store.read(select_values)).value(quota, account_id, in_region)

        assert [await value(), await value(in_region="eu-north-1")] == [100_000, 10_000]
        assert await with_quota(house, quota, 1) == 0
        assert await with_quota(house, quota, 2, EVERY, region) == 0
        assert await with_quota(house, quota, 3, account) == 0
        assert await with_quota(house, quota, 4, account, region) == 0
        assert await value() == 4
        assert await value(in_region="eu-north-1") == 3
        assert await value(GUEST) == 2
        assert await value(GUEST, "eu-north-1") == 1
        assert QuotaValues(await house.house.store.read(select_values)).value(RSA_QUOTA, account, region) == 1_000
        assert await with_quota(house, quota, 5, account) == 2
        assert [await value(), await value(GUEST)] == [5, 2]
        assert await with_quota(house, quota, 6) == 3
        assert [await value(), await value(GUEST), await value(GUEST, "eu-north-1")] == [6, 6, 6]
        deleted = await house.house.store.write(
            lambda connection: delete_values(connection, None, EVERY, EVERY), invalidates=(QUOTAS_CACHE_NAME,)
        )
        assert deleted == 1
        assert await value() == 100_000

    in_house(body)


def test_labels_are_bounded(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_quotas, "COUNTED_MAX", 3)

    async def body(house: OpenedHouse) -> None:
        for number in range(8):
            await house.call("kms", "GenerateRandom", region=f"region-{number}", NumberOfBytes=8)
        counts = house.house.quotas.counts
        assert len(counts) == 4
        assert counts[Counted(OTHER, OTHER, OTHER)].taken == 5

    in_house(body)


def test_quotas_are_found_by_code_and_by_name() -> None:
    assert find_quota("kms", "L-6E3AF000") is SYMMETRIC_QUOTA
    assert find_quota("kms", "L-00000000") is None
    for text in ("L-6E3AF000", "l-6e3af000", "kms/L-6E3AF000", "Cryptographic operations (symmetric) request rate"):
        assert quotas_named(text) == [SYMMETRIC_QUOTA]
    assert quotas_named("nothing") == []


def test_no_quota_is_declared_twice_or_too_long() -> None:
    with pytest.raises(ValueError, match="twice"):
        declare("AWS Key Management Service (AWS KMS)", [own_quota("CreateKey")])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="at most"):
        declare("x", [Quota("x", "y" * 64, "z", 1)])
    assert isinstance(own_quota("CreateKey"), RequestQuota)
