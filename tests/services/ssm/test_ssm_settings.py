"""Service settings, and the request quotas that they decide."""

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused
from tests.services.ssm.asking import InSqliteHouse, ask, put, value

TIER = "/ssm/parameter-store/default-parameter-tier"
THROUGHPUT = "/ssm/parameter-store/high-throughput-enabled"
ARN = f"arn:aws:ssm:us-east-1:{ACCOUNT}:servicesetting"


def test_settings_are_changed_and_reset(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        default = (await ask(house, "GetServiceSetting", SettingId=TIER))["ServiceSetting"]
        assert default == {
            "SettingId": TIER,
            "SettingValue": "Standard",
            "LastModifiedUser": "System",
            "ARN": f"{ARN}{TIER}",
            "Status": "Default",
        }
        assert await ask(house, "UpdateServiceSetting", SettingId=f"{ARN}{TIER}", SettingValue="Advanced") == {}
        changed = (await ask(house, "GetServiceSetting", SettingId=f"{ARN}{TIER}"))["ServiceSetting"]
        assert (changed["SettingValue"], changed["Status"]) == ("Advanced", "Customized")
        assert changed["LastModifiedUser"] == house.caller.arn
        elsewhere = await ask(house, "GetServiceSetting", SettingId=TIER, region="eu-west-1")
        assert elsewhere["ServiceSetting"]["Status"] == "Default"
        assert (await ask(house, "PutParameter", Name="a", Value="x", Type="String"))["Tier"] == "Advanced"
        await ask(house, "UpdateServiceSetting", SettingId=TIER, SettingValue="Intelligent-Tiering")
        assert (await ask(house, "PutParameter", Name="b", Value="x", Type="String"))["Tier"] == "Standard"
        assert (await ask(house, "PutParameter", Name="c", Value="x" * 5_000, Type="String"))["Tier"] == "Advanced"
        assert (await ask(house, "ResetServiceSetting", SettingId=TIER))["ServiceSetting"] == default
        assert (await ask(house, "PutParameter", Name="d", Value="x", Type="String"))["Tier"] == "Standard"
        with refused("ValidationException"):
            await put(house, "e", "x" * 5_000)

    in_house(body)


def test_settings_that_cannot_be(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        for setting_id, value_ in ((TIER, "Basic"), (THROUGHPUT, "True"), (THROUGHPUT, "yes")):
            with refused("ValidationException"):
                await ask(house, "UpdateServiceSetting", SettingId=setting_id, SettingValue=value_)
        for setting_id in ("/ssm/nothing", "x", "arn:x", f"arn:aws:ssm:us-east-1:444455556666:servicesetting{TIER}"):
            with refused("ServiceSettingNotFound"):
                await ask(house, "GetServiceSetting", SettingId=setting_id)
        with refused("UnsupportedOperationException"):
            await ask(house, "GetServiceSetting", SettingId="/ssm/managed-instance/activation-tier")

    in_sqlite_house(body)


def test_requests_share_the_default_throughput(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "p")
        taken = 0
        with refused("ThrottlingException", "Rate exceeded"):
            for taken in range(200):
                if taken % 2:
                    await value(house, "p")
                else:
                    await ask(house, "GetParametersByPath", Path="/")
        # The bucket fills while it is taken from.
        assert 39 <= taken < 100
        await ask(house, "UpdateServiceSetting", SettingId=THROUGHPUT, SettingValue="true")
        for _ in range(150):
            await value(house, "p")
        await ask(house, "ResetServiceSetting", SettingId=THROUGHPUT)
        with refused("ThrottlingException"):
            for _ in range(200):
                await value(house, "p")
        # What is not about values does not count.
        await ask(house, "DescribeParameters")

    in_sqlite_house(body, request_quotas="on")
