"""Templates of organizations, tags, and reports of use."""

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import make_account
from tests.services.refusals import refused
from tests.services.servicequotas.asking import FIXED, RSA, SYMMETRIC, ask

from strongroom.operations.callers import Caller
from strongroom.services.servicequotas.tables import requests_with_status
from strongroom.services.servicequotas.templates import ENTRIES_MAX, request_for_new_account

MEMBER = "444455556666"
ARN = f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:kms/L-6E3AF000"


def test_a_template_is_filled_used_and_emptied(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        with refused("ServiceQuotaTemplateNotInUseException"):
            await ask(house, "GetAssociationForServiceQuotaTemplate")
        put = "PutServiceQuotaIncreaseRequestIntoTemplate"
        entry = (await ask(house, put, AwsRegion="eu-west-1", DesiredValue=200_000, **SYMMETRIC))[
            "ServiceQuotaIncreaseRequestInTemplate"
        ]
        assert (entry["AwsRegion"], entry["DesiredValue"], entry["QuotaCode"]) == ("eu-west-1", 200_000, "L-6E3AF000")
        await ask(house, put, AwsRegion="eu-west-1", DesiredValue=300_000, **SYMMETRIC)
        await ask(house, put, AwsRegion="us-east-1", DesiredValue=2_000, **RSA)
        named = SYMMETRIC | {"AwsRegion": "eu-west-1"}
        got = await ask(house, "GetServiceQuotaIncreaseRequestFromTemplate", **named)
        assert got["ServiceQuotaIncreaseRequestInTemplate"]["DesiredValue"] == 300_000
        listing = "ListServiceQuotaIncreaseRequestsInTemplate"
        member = "ServiceQuotaIncreaseRequestInTemplateList"
        assert len((await ask(house, listing))[member]) == 2
        assert len((await ask(house, listing, AwsRegion="us-east-1", ServiceCode="kms"))[member]) == 1
        page = await ask(house, listing, MaxResults=1)
        assert len((await ask(house, listing, MaxResults=1, NextToken=page["NextToken"]))[member]) == 1

        assert await requests_of_new(house) == []
        await ask(house, "AssociateServiceQuotaTemplate")
        status = await ask(house, "GetAssociationForServiceQuotaTemplate")
        assert status == {"ServiceQuotaTemplateAssociationStatus": "ASSOCIATED"}
        assert await requests_of_new(house) == [
            (MEMBER, "eu-west-1", "kms/L-6E3AF000", 300_000.0),
            (MEMBER, "us-east-1", "kms/L-2AC98190", 2_000.0),
        ]
        await ask(house, "DisassociateServiceQuotaTemplate")
        with refused("ServiceQuotaTemplateNotInUseException"):
            await ask(house, "DisassociateServiceQuotaTemplate")
        status = await ask(house, "GetAssociationForServiceQuotaTemplate")
        assert status == {"ServiceQuotaTemplateAssociationStatus": "DISASSOCIATED"}
        await ask(house, "DeleteServiceQuotaIncreaseRequestFromTemplate", **named)
        for operation in (
            "GetServiceQuotaIncreaseRequestFromTemplate",
            "DeleteServiceQuotaIncreaseRequestFromTemplate",
        ):
            with refused("NoSuchResourceException"):
                await ask(house, operation, **named)

    in_house(body)


async def requests_of_new(house: OpenedHouse) -> list[tuple[str, str, str, float]]:
    """Make the requests of an account just made, and return them."""

    def write(connection: object) -> list[tuple[str, str, str, float]]:
        from strongroom.identities.tables import select_account

        account = select_account(connection, ACCOUNT)  # type: ignore[arg-type]
        assert account is not None
        request_for_new_account(connection, MEMBER, account.organization_id, house.clock.now())  # type: ignore[arg-type]
        rows = requests_with_status(connection, ("PENDING",))  # type: ignore[arg-type]
        return sorted((row.account_id, row.region, row.quota_id, row.desired_value) for row in rows)

    return await house.house.store.write(write)


def test_a_template_has_its_limits(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        put = "PutServiceQuotaIncreaseRequestIntoTemplate"
        for number in range(ENTRIES_MAX):
            await ask(house, put, AwsRegion=f"region-{number}", DesiredValue=200_000, **SYMMETRIC)
        await ask(house, put, AwsRegion="region-0", DesiredValue=300_000, **SYMMETRIC)
        with refused("QuotaExceededException"):
            await ask(house, put, AwsRegion="region-10", DesiredValue=200_000, **SYMMETRIC)
        with refused("IllegalArgumentException"):
            await ask(house, put, AwsRegion="us-east-1", DesiredValue=100_000, **SYMMETRIC)
        with refused("IllegalArgumentException"):
            await ask(house, put, AwsRegion="us-east-1", DesiredValue=100_000, **FIXED)

    in_house(body)


def test_templates_belong_to_the_management_account_and_one_region(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, MEMBER)
        member = Caller.root(MEMBER, "AKIATESTMEMBERKEY001")
        stranger = Caller.root("999988887777", "AKIATESTSTRANGER0001")
        with refused("AccessDeniedException"):
            await ask(house, "AssociateServiceQuotaTemplate", caller=member)
        with refused("NoAvailableOrganizationException"):
            await ask(house, "AssociateServiceQuotaTemplate", caller=stranger)
        with refused("TemplatesNotAvailableInRegionException"):
            await ask(house, "AssociateServiceQuotaTemplate", region="eu-west-1")

    in_house(body)


def test_tags_come_and_change_and_go(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        assert await ask(house, "ListTagsForResource", ResourceARN=ARN) == {"Tags": []}
        await ask(house, "TagResource", ResourceARN=ARN, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}])
        await ask(house, "TagResource", ResourceARN=ARN, Tags=[{"Key": "b", "Value": "2"}])
        tags = (await ask(house, "ListTagsForResource", ResourceARN=ARN))["Tags"]
        assert tags == [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]
        await ask(house, "UntagResource", ResourceARN=ARN, TagKeys=["a", "nothing"])
        assert len((await ask(house, "ListTagsForResource", ResourceARN=ARN))["Tags"]) == 1
        fifty = [{"Key": f"key-{number}", "Value": "x"} for number in range(50)]
        with refused("TooManyTagsException"):
            await ask(house, "TagResource", ResourceARN=ARN, Tags=fifty)
        for wrong in ([{"Key": "aws:x", "Value": ""}], [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]):
            with refused("IllegalArgumentException"):
                await ask(house, "TagResource", ResourceARN=ARN, Tags=wrong)

    in_house(body)


@pytest.mark.parametrize(
    "arn",
    [
        ARN.replace(ACCOUNT, MEMBER),
        ARN.replace("us-east-1", "eu-west-1"),
        ARN.replace("L-6E3AF000", "L-00000000"),
        ARN.replace("kms", "nothing"),
        f"arn:aws:kms:us-east-1:{ACCOUNT}:key/x",
    ],
)
def test_only_ones_own_quotas_have_tags(in_house: InHouse[None], arn: str) -> None:
    async def body(house: OpenedHouse) -> None:
        for operation, more in (("ListTagsForResource", {}), ("UntagResource", {"TagKeys": ["a"]})):
            with refused("NoSuchResourceException"):
                await ask(house, operation, ResourceARN=arn, **more)

    in_house(body)


def test_a_report_tells_what_is_used(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        for name in ("alias/one", "alias/two"):
            await house.kms("CreateAlias", AliasName=name, TargetKeyId=key)
        await house.kms("RotateKeyOnDemand", KeyId=key)
        await house.kms("CreateGrant", KeyId=key, GranteePrincipal=house.caller.arn, Operations=["Encrypt"])
        started = await ask(house, "StartQuotaUtilizationReport")
        report = await ask(house, "GetQuotaUtilizationReport", ReportId=started["ReportId"])
        assert (report["Status"], report["TotalCount"]) == ("COMPLETED", len(report["Quotas"]))
        used = {each["QuotaName"]: each["Utilization"] for each in report["Quotas"] if each["ServiceCode"] == "kms"}
        assert list(used) == [
            "On-demand rotations per CMK",
            "Aliases per CMK",
            "Grants per CMK",
            "Customer Master Keys (CMKs)",
            "Custom Key Stores",
        ]
        assert list(used.values()) == pytest.approx([4.0, 4.0, 0.002, 0.001, 0.0])
        page = await ask(house, "GetQuotaUtilizationReport", ReportId=started["ReportId"], MaxResults=3)
        last = await ask(house, "GetQuotaUtilizationReport", ReportId=started["ReportId"], NextToken=page["NextToken"])
        assert page["Quotas"] + last["Quotas"] == report["Quotas"]
        with refused("NoSuchResourceException"):
            await ask(house, "GetQuotaUtilizationReport", ReportId="0" * 32)

    in_house(body)
