"""Requests to increase a quota: asked, shown, decided on, and in force."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.operations.quotas.setting import with_quota
from tests.services.refusals import refused
from tests.services.servicequotas.asking import CREATE_KEY, FIXED, RSA, SYMMETRIC, ask, requested, value_of

from strongroom.base.configuration import parse_quota_ceilings
from strongroom.base.errors import OperatorError
from strongroom.operations.callers import Caller
from strongroom.operations.quotas.values import QUOTAS_CACHE_NAME
from strongroom.services.kms.quotas import SYMMETRIC_QUOTA
from strongroom.services.servicequotas.approval import APPROVED, DENIED, ceiling_of, decide
from strongroom.services.servicequotas.requests import OPEN_REQUESTS_MAX

NOT_GREATER_THAN_DEFAULT = "You must provide a quota value greater than the default quota value of 100000.0"


async def decided(house: OpenedHouse, request_id: str, status: str) -> None:
    """Decide as the operator's command does."""
    await house.house.store.write(
        lambda connection: decide(connection, request_id, status, house.clock.now()), invalidates=(QUOTAS_CACHE_NAME,)
    )


async def request_of(house: OpenedHouse, request_id: str) -> dict[str, Any]:
    answer = await ask(house, "GetRequestedServiceQuotaChange", RequestId=request_id)
    request: dict[str, Any] = answer["RequestedQuota"]
    return request


def test_an_approved_increase_is_in_force(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000)
        assert request["Status"] == "PENDING"
        assert (request["DesiredValue"], request["QuotaRequestedAtLevel"]) == (150_000.0, "ACCOUNT")
        assert request["QuotaArn"] == f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:kms/L-6E3AF000"
        assert json.loads(request["Requester"]) == {"accountId": ACCOUNT, "callerArn": f"arn:aws:iam::{ACCOUNT}:root"}
        assert await value_of(house) == 100_000
        assert await request_of(house, request["Id"]) == request
        house.clock.advance(timedelta(minutes=5))
        await decided(house, request["Id"], APPROVED)
        after = await request_of(house, request["Id"])
        assert after["Status"] == "APPROVED"
        assert after["LastUpdated"] - after["Created"] >= timedelta(minutes=5)
        assert await value_of(house) == 150_000
        elsewhere = await house.call("service-quotas", "GetServiceQuota", region="us-west-2", **SYMMETRIC)
        assert elsewhere["Quota"]["Value"] == 100_000
        with pytest.raises(OperatorError, match="APPROVED already"):
            await decided(house, request["Id"], DENIED)
        with pytest.raises(OperatorError, match="no quota request"):
            await decided(house, "0" * 40, APPROVED)

    in_house(body)


def test_a_denied_increase_changes_nothing(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000)
        await decided(house, request["Id"], DENIED)
        assert (await request_of(house, request["Id"]))["Status"] == "DENIED"
        assert await value_of(house) == 100_000
        await requested(house, 140_000)

    in_house(body)


def test_an_increase_after_the_operator_lowered_a_quota(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_quota(house, SYMMETRIC_QUOTA, 100)
        with refused(
            "IllegalArgumentException", "You must provide a quota value greater than the current quota value of 100.0"
        ):
            await requested(house, 100)
        request = await requested(house, 500)
        await decided(house, request["Id"], APPROVED)
        assert await value_of(house) == 500

    in_house(body)


def test_an_approval_never_lowers_a_quota(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000)
        await with_quota(house, SYMMETRIC_QUOTA, 400_000)
        await decided(house, request["Id"], APPROVED)
        assert await value_of(house) == 400_000

    in_house(body)


def test_what_cannot_be_requested(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        with refused("IllegalArgumentException", NOT_GREATER_THAN_DEFAULT):
            await requested(house, 100_000)
        with refused("IllegalArgumentException", "The request failed because the specified quota is not adjustable."):
            await requested(house, 1_000, **FIXED)
        with refused("NoSuchResourceException"):
            await requested(house, 1_000, ServiceCode="kms", QuotaCode="L-00000000")
        await requested(house, 150_000)
        with refused(
            "ResourceAlreadyExistsException", "Only one open service quota increase request is allowed per quota."
        ):
            await requested(house, 160_000)
        await requested(house, 2_000, **RSA)

    in_house(body)


def test_so_many_open_requests_and_no_more(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        quotas = (await ask(house, "ListServiceQuotas", ServiceCode="kms"))["Quotas"]
        adjustable = [quota for quota in quotas if quota["Adjustable"]]
        for quota in adjustable[:OPEN_REQUESTS_MAX]:
            await requested(house, quota["Value"] + 1, QuotaCode=quota["QuotaCode"])
        last = adjustable[OPEN_REQUESTS_MAX]
        with refused("QuotaExceededException"):
            await requested(house, last["Value"] + 1, QuotaCode=last["QuotaCode"])

    in_house(body)


def test_support_cases(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000)
        assert "CaseId" not in request
        assert await ask(house, "CreateSupportCase", RequestId=request["Id"]) == {}
        opened = await request_of(house, request["Id"])
        assert opened["Status"] == "CASE_OPENED"
        assert opened["CaseId"].isdecimal()
        with refused("ResourceAlreadyExistsException"):
            await ask(house, "CreateSupportCase", RequestId=request["Id"])
        with refused("ResourceAlreadyExistsException"):
            await requested(house, 160_000)
        await decided(house, request["Id"], APPROVED)
        with refused("InvalidResourceStateException"):
            await ask(house, "CreateSupportCase", RequestId=request["Id"])
        with refused("NoSuchResourceException"):
            await ask(house, "CreateSupportCase", RequestId="0" * 40)

    in_house(body)


def test_without_a_case_nobody_is_asked(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000, SupportCaseAllowed=False)
        assert request["Status"] == "NOT_APPROVED"
        assert await value_of(house) == 100_000

    in_house(body)


def test_nobody_sees_the_requests_of_others(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        request = await requested(house, 150_000)
        guest = Caller.root("444455556666", "AKIATESTGUESTKEY0001")
        for call in (
            house.call("service-quotas", "GetRequestedServiceQuotaChange", caller=guest, RequestId=request["Id"]),
            house.call("service-quotas", "CreateSupportCase", caller=guest, RequestId=request["Id"]),
            house.call("service-quotas", "GetRequestedServiceQuotaChange", region="us-west-2", RequestId=request["Id"]),
        ):
            with refused("NoSuchResourceException"):
                await call
        history = await house.call("service-quotas", "ListRequestedServiceQuotaChangeHistory", caller=guest)
        assert history["RequestedQuotas"] == []

    in_house(body)


def test_the_history_newest_first_page_by_page(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = []
        for number in range(7):
            quota = (SYMMETRIC, RSA)[number % 2]
            request = await requested(house, 200_000 + number, **quota)
            await decided(house, request["Id"], DENIED)
            made.append(request["Id"])
            house.clock.advance(timedelta(seconds=number % 3))
        made.append((await requested(house, 10, **CREATE_KEY))["Id"])
        seen: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = await ask(house, "ListRequestedServiceQuotaChangeHistory", MaxResults=3, **token)
            seen += [each["Id"] for each in page["RequestedQuotas"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert sorted(seen) == sorted(made)
        assert seen[0] == made[-1]
        by_quota = await ask(house, "ListRequestedServiceQuotaChangeHistoryByQuota", **RSA)
        assert [each["Id"] for each in by_quota["RequestedQuotas"]] == [made[5], made[3], made[1]]
        history = "ListRequestedServiceQuotaChangeHistory"
        assert len((await ask(house, history, Status="DENIED"))["RequestedQuotas"]) == 7
        assert len((await ask(house, history, Status="PENDING", ServiceCode="kms"))["RequestedQuotas"]) == 1
        assert (await ask(house, history, QuotaRequestedAtLevel="RESOURCE"))["RequestedQuotas"] == []
        with refused("NoSuchResourceException"):
            await ask(house, history, ServiceCode="nothing")

    in_house(body)


def test_rules_approve_up_to_their_ceilings(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        below = await requested(house, 1_000_000)
        assert below["Status"] == "APPROVED"
        assert await value_of(house) == 1_000_000
        assert (await requested(house, 1_000_001))["Status"] == "PENDING"
        assert (await requested(house, 6, **CREATE_KEY))["Status"] == "APPROVED"
        assert (await requested(house, 8, **CREATE_KEY))["Status"] == "PENDING"
        assert (await requested(house, 2_500, **RSA))["Status"] == "APPROVED"
        assert (await requested(house, 3_500, **RSA, SupportCaseAllowed=False))["Status"] == "NOT_APPROVED"

    in_house(body, quota_ceilings=("10x", "L-32B67F4A=7", "l-2ac98190=3x"))


def test_a_rule_approves_what_waits_already(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await with_quota(house, SYMMETRIC_QUOTA, 10)
        request = await requested(house, 60)
        assert request["Status"] == "APPROVED"
        over = await requested(house, 100_001)
        await house.run_periodic_work()
        assert (await request_of(house, over["Id"]))["Status"] == "PENDING"
        await house.house.store.write(
            lambda connection: connection.exec_driver_sql("UPDATE quota_requests SET desired_value = 70") and None
        )
        await house.run_periodic_work()
        assert (await request_of(house, over["Id"]))["Status"] == "APPROVED"
        assert await value_of(house) == 70
        now = house.clock.now()
        records = await house.house.audit.records(now - 60, now + 1)
        assert [each.details for each in records if each.operation == "QuotaIncreaseApproved"] == [
            {"requestId": over["Id"], "desiredValue": "70.0"}
        ]

    in_house(body, quota_ceilings=("1x",))


@pytest.mark.parametrize("texts", [("10",), ("x",), ("=10",), ("1x", "2x"), ("A=1", "a=2"), ("L-1=-1",), ("nanx",)])
def test_rules_that_mean_nothing(texts: tuple[str, ...]) -> None:
    with pytest.raises(OperatorError, match="quota-ceilings"):
        parse_quota_ceilings(texts)


def test_the_rule_of_one_quota_decides_for_it_alone() -> None:
    ceilings = parse_quota_ceilings(("10x", "L-6E3AF000=5"))
    assert ceiling_of(ceilings, SYMMETRIC_QUOTA, "us-east-1") == 5
    assert ceiling_of(ceilings[:1], SYMMETRIC_QUOTA, "us-east-1") == 1_000_000
    assert ceiling_of((), SYMMETRIC_QUOTA, "us-east-1") == 0
