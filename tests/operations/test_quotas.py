"""Request quotas: buckets that hold a second's worth and refill all the time."""

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.base.clock import Clock
from strongroom.operations.callers import Caller
from strongroom.operations.quotas import Quotas, TokenBucket
from strongroom.services.kms.service import SYMMETRIC_QUOTA, own_quota


def test_a_bucket_gives_its_rate_and_no_more() -> None:
    bucket = TokenBucket(5, now=100.0)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(100.4) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1000.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_bucket_over_time() -> None:
    bucket = TokenBucket(10, now=0.0)
    taken = sum(bucket.take(step / 100) for step in range(1000))
    assert 10 + 95 <= taken <= 10 + 100


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    bucket = TokenBucket(2, now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert not bucket.take(50.0)
    assert not bucket.take(50.1)


def test_nothing_is_limited_until_a_limit_is_set() -> None:
    quotas = Quotas(Clock())
    assert all(quotas.take("kms/ListKeys", "1", "us-east-1") for _ in range(1000))
    assert quotas.taken == {"kms/ListKeys": 1000}
    quotas.limit("kms/ListKeys", 3)
    assert sum(quotas.take("kms/ListKeys", "1", "us-east-1") for _ in range(10)) == 3
    quotas.limit("kms/ListKeys", 4)
    assert sum(quotas.take("kms/ListKeys", "1", "us-east-1") for _ in range(10)) == 4
    with pytest.raises(ValueError, match="at least one"):
        quotas.limit("kms/ListKeys", 0.5)


def test_each_account_region_and_quota_has_its_own_bucket() -> None:
    quotas = Quotas(Clock())
    for name in ("a", "b"):
        quotas.limit(name, 1)
    places = [(name, account, region) for name in "ab" for account in "12" for region in ("us-east-1", "eu-west-1")]
    assert [quotas.take(*place) for place in places] == [True] * 8
    assert [quotas.take(*place) for place in places] == [False] * 8


def test_a_call_over_its_quota(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        house.house.quotas.limit(SYMMETRIC_QUOTA, 2)
        house.house.quotas.limit(own_quota("DisableKey"), 1)
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        await house.kms("Decrypt", CiphertextBlob=blob)
        text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
        with refused("ThrottlingException", text):
            await house.kms("GenerateRandom", NumberOfBytes=8)
        await house.kms("DescribeKey", KeyId=key_id)
        guest = Caller.root("444455556666", "AKIATESTGUESTKEY0001")
        await house.call("kms", "GenerateRandom", caller=guest, NumberOfBytes=8)
        await house.call("kms", "GenerateRandom", region="eu-west-1", NumberOfBytes=8)
        await house.kms("DisableKey", KeyId=key_id)
        with refused("ThrottlingException"):
            await house.kms("DisableKey", KeyId=key_id)
        now = house.clock.now()
        codes = [each.error_code for each in await house.house.audit.records(now - 60, now + 1)]
        assert codes.count("ThrottlingException") == 2

    in_house(body)
