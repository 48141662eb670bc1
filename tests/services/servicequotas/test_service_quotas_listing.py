"""Services and quotas, their values and defaults, page by page, for those who may see them."""

import pytest
from tests.identities_made import Identities, allow
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.operations.quotas.setting import with_quota
from tests.services.refusals import refused
from tests.services.servicequotas.asking import FIXED, RSA, SYMMETRIC, ask, value_of

from strongroom.model.service import service_model
from strongroom.operations.registry import OPERATIONS
from strongroom.services.kms.quotas import SYMMETRIC_QUOTA

KMS_NAME = "AWS Key Management Service (AWS KMS)"
NO_SERVICE = "The request failed because the specified service does not exist."
NO_QUOTA = "The request failed because the specified quota does not exist."


def test_what_is_served() -> None:
    served = {name for service, name in OPERATIONS if service == "service-quotas"}
    missing = set(service_model("service-quotas").operations) - served
    assert missing == {
        "GetAutoManagementConfiguration",
        "StartAutoManagement",
        "StopAutoManagement",
        "UpdateAutoManagement",
    }


def test_services(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        listed = {each["ServiceCode"]: each["ServiceName"] for each in (await ask(house, "ListServices"))["Services"]}
        assert listed["kms"] == KMS_NAME
        assert listed["secretsmanager"] == "AWS Secrets Manager"
        assert listed["ssm"] == "AWS Systems Manager"

    in_house(body)


def test_a_quota_as_it_is_and_as_it_is_by_default(in_house: InHouse[None]) -> None:
    expected = {
        "ServiceCode": "kms",
        "ServiceName": KMS_NAME,
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:kms/L-6E3AF000",
        "QuotaCode": "L-6E3AF000",
        "QuotaName": "Cryptographic operations (symmetric) request rate",
        "Value": 100_000.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "UsageMetric": {
            "MetricNamespace": "AWS/Usage",
            "MetricName": "CallCount",
            "MetricDimensions": {
                "Class": "None",
                "Resource": "CryptographicOperationsSymmetric",
                "Service": "KMS",
                "Type": "API",
            },
            "MetricStatisticRecommendation": "Sum",
        },
        "Period": {"PeriodValue": 1, "PeriodUnit": "SECOND"},
        "QuotaAppliedAtLevel": "ACCOUNT",
        "Description": "Cryptographic operations with symmetric KMS keys, in a second, all operations together.",
    }

    async def body(house: OpenedHouse) -> None:
        assert (await ask(house, "GetServiceQuota", **SYMMETRIC))["Quota"] == expected
        await with_quota(house, SYMMETRIC_QUOTA, 250)
        assert (await ask(house, "GetServiceQuota", **SYMMETRIC))["Quota"] == expected | {"Value": 250.0}
        default = (await ask(house, "GetAWSDefaultServiceQuota", **SYMMETRIC))["Quota"]
        assert default == expected | {"QuotaArn": "arn:aws:servicequotas:us-east-1::kms/L-6E3AF000"}
        elsewhere = await house.call("service-quotas", "GetServiceQuota", region="eu-central-1", **SYMMETRIC)
        assert elsewhere["Quota"]["Value"] == 250.0

    in_house(body)


def test_all_quotas_page_by_page(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
            whole = (await ask(house, operation, ServiceCode="kms"))["Quotas"]
            codes = [quota["QuotaCode"] for quota in whole]
            assert codes == sorted(set(codes))
            assert {"L-6E3AF000", "L-2AC98190", "L-DC14942D", "L-32B67F4A", "L-C2F1777E"} <= set(codes)
            assert "CustomKeyStore-rate" not in codes
            paged, token = [], {}
            while True:
                page = await ask(house, operation, ServiceCode="kms", MaxResults=7, **token)
                assert len(page["Quotas"]) <= 7
                paged += page["Quotas"]
                if "NextToken" not in page:
                    break
                token = {"NextToken": page["NextToken"]}
            assert paged == whole
        one = await ask(house, "ListServiceQuotas", ServiceCode="kms", QuotaCode="L-2AC98190")
        assert [quota["QuotaCode"] for quota in one["Quotas"]] == ["L-2AC98190"]
        for_resources = await ask(house, "ListServiceQuotas", ServiceCode="kms", QuotaAppliedAtLevel="RESOURCE")
        assert for_resources["Quotas"] == []
        fixed = (await ask(house, "GetServiceQuota", **FIXED))["Quota"]
        assert (fixed["Adjustable"], fixed["Value"]) == (False, 25.0)
        assert "Period" not in fixed

    in_house(body)


@pytest.mark.parametrize("token", ["AAAA", "nonsense", "AAAAAAAAAAAA", "a2V5AGtleQBr"])
def test_a_token_of_elsewhere_is_refused(in_house: InHouse[None], token: str) -> None:
    async def body(house: OpenedHouse) -> None:
        other = (await ask(house, "ListServiceQuotas", ServiceCode="kms", MaxResults=1))["NextToken"]
        for forged in (token, other):
            with refused("InvalidPaginationTokenException"):
                await ask(house, "ListAWSDefaultServiceQuotas", ServiceCode="kms", NextToken=forged)

    in_house(body)


def test_what_is_not_there(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
            with refused("NoSuchResourceException", NO_SERVICE):
                await ask(house, operation, ServiceCode="nothing", QuotaCode="L-6E3AF000")
            for code in ("L-00000000", "CustomKeyStore-rate"):
                with refused("NoSuchResourceException", NO_QUOTA):
                    await ask(house, operation, ServiceCode="kms", QuotaCode=code)
        with refused("NoSuchResourceException", NO_SERVICE):
            await ask(house, "ListServiceQuotas", ServiceCode="nothing")
        with refused("IllegalArgumentException"):
            await ask(house, "GetServiceQuota", ContextId="arn:aws:kms:us-east-1:111122223333:key/x", **RSA)
        with refused("UnsupportedOperationException"):
            await ask(house, "GetAutoManagementConfiguration")

    in_house(body)


def test_who_may(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        identities = Identities(house.house)
        nobody = await identities.caller(await identities.user("nobody"))
        with refused("AccessDeniedException"):
            await ask(house, "ListServices", caller=nobody)
        arn = f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:kms/L-2AC98190"
        reader = await identities.caller(await identities.user("reader", allow("servicequotas:GetServiceQuota", arn)))
        assert await value_of(house, RSA, caller=reader) == 1_000
        with refused("AccessDeniedException"):
            await value_of(house, SYMMETRIC, caller=reader)
        of_kms = {"StringEquals": {"servicequotas:service": "kms"}}
        asking = allow("servicequotas:RequestServiceQuotaIncrease", Condition=of_kms)
        asker = await identities.caller(await identities.user("asker", asking))
        await ask(house, "RequestServiceQuotaIncrease", caller=asker, DesiredValue=2_000, **RSA)
        with refused("AccessDeniedException"):
            await ask(
                house,
                "RequestServiceQuotaIncrease",
                caller=asker,
                DesiredValue=2_000,
                ServiceCode="iam",
                QuotaCode="L-FE177D64",
            )

    in_house(body)
