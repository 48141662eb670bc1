"""The account's alias and its summary, on both databases."""

from tests.identities_made import Identities
from tests.identities_made import allow as allowed
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

from strongroom.identities.accounts import create_account
from strongroom.model.service import service_model
from strongroom.operations.callers import Caller

OTHER = "444455556666"


async def other_root(opened: OpenedHouse) -> Caller:
    """Make another account of the same server, and return its root user."""
    store, sealer = opened.house.store, opened.house.sealer
    await create_account(store, sealer, OTHER, "other", opened.clock.now(), along=lambda connection: None)
    return Caller.root(OTHER, "AKIATESTROOTKEY00002")


def test_an_account_has_one_alias_that_no_other_has(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        other = await other_root(opened)
        for alias in ("first", "second"):
            await opened.call("iam", "CreateAccountAlias", AccountAlias=alias)
        assert (await opened.call("iam", "ListAccountAliases"))["AccountAliases"] == ["second"]
        assert (await opened.call("iam", "GetUser"))["User"]["UserName"] == "second"
        with refused("EntityAlreadyExists", "The account alias second already exists."):
            await opened.call("iam", "CreateAccountAlias", AccountAlias="second", caller=other)
        with refused("NoSuchEntity"):
            await opened.call("iam", "DeleteAccountAlias", AccountAlias="second", caller=other)
        await opened.call("iam", "DeleteAccountAlias", AccountAlias="second")
        await opened.call("iam", "CreateAccountAlias", AccountAlias="second", caller=other)
        assert (await opened.call("iam", "ListAccountAliases"))["AccountAliases"] == []
        with refused("ValidationError"):
            await opened.call("iam", "CreateAccountAlias", AccountAlias="123456789012")

    in_house(body)


def test_the_summary_counts_this_account_only(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        other = await other_root(opened)
        await opened.call("iam", "CreateUser", UserName="theirs", caller=other)
        empty = (await opened.call("iam", "GetAccountSummary"))["SummaryMap"]
        for name in ("a", "b"):
            await opened.call("iam", "CreateUser", UserName=name)
        await opened.call("iam", "CreateGroup", GroupName="g")
        await opened.call("iam", "CreateInstanceProfile", InstanceProfileName="i")
        await opened.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="d")
        made = await opened.call("iam", "CreatePolicy", PolicyName="p", PolicyDocument=policy(allow("s3:*")))
        arn = made["Policy"]["Arn"]
        await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy(allow("kms:*")))
        full = (await opened.call("iam", "GetAccountSummary"))["SummaryMap"]
        changed = {key: value for key, value in full.items() if value != empty[key]}
        assert changed == {
            "Users": 2,
            "Groups": 1,
            "InstanceProfiles": 1,
            "MFADevices": 1,
            "Policies": 1,
            "PolicyVersionsInUse": 2,
        }
        assert (full["UsersQuota"], full["AccessKeysPerUserQuota"]) == (5000, 2)
        assert full["GlobalEndpointTokenVersion"] == 2
        every = service_model("iam").operations["GetAccountSummary"].output.members["SummaryMap"].target.entry[0].target
        assert set(full) == set(every.enum)
        for name in ("ServerCertificates", "AccountSigningCertificatesPresent", "AccountPasswordPresent"):
            assert full[name] == 0

    in_house(body)


def test_accounts_do_not_meet(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        other = await other_root(opened)
        ann = await acting_user(opened)
        await opened.call("iam", "CreateVirtualMFADevice", VirtualMFADeviceName="d")
        asked = [
            ("GetUser", {"UserName": "ann"}),
            ("ListAccessKeys", {"UserName": "ann"}),
            ("GetAccessKeyLastUsed", {"AccessKeyId": ann.access_key_id}),
            ("DeleteVirtualMFADevice", {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/d"}),
            ("TagMFADevice", {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/d", "Tags": [{"Key": "a", "Value": ""}]}),
        ]
        for operation, params in asked:
            with refused("NoSuchEntity"):
                await opened.call("iam", operation, caller=other, **params)
        assert (await opened.call("iam", "ListUsers", caller=other))["Users"] == []
        await opened.call("iam", "CreateUser", UserName="ann", caller=other)
        assert (await opened.call("iam", "ListVirtualMFADevices", caller=other))["VirtualMFADevices"] == []

    in_house(body)


def test_iam_has_one_region_whatever_a_request_was_signed_for(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        made = Identities(house.house)
        elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": elsewhere}
        ann = await made.caller(await made.user("ann", allowed("*"), deny))
        assert (await house.call("iam", "GetUser", caller=ann, region="eu-west-1"))["User"]["UserName"] == "ann"
        with refused("AccessDeniedException"):
            await house.call("kms", "ListKeys", caller=ann, region="eu-west-1")

    in_house(body)
