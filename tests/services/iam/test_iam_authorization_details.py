"""An account's identities and policies as a whole, and its credential report."""

import csv
import io
import json
from typing import Any
from urllib.parse import unquote

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy

LIST_KEYS = policy(allow("kms:ListKeys"))
TRUST = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
MEMBERS = ("GroupDetailList", "RoleDetailList", "UserDetailList", "Policies")


async def furnish(opened: OpenedHouse) -> str:
    """Make one of everything, and return the ARN of the managed policy."""
    for name, params in (
        ("CreateUser", {"UserName": "ann", "Tags": [{"Key": "k", "Value": "v"}]}),
        ("CreateGroup", {"GroupName": "staff"}),
        ("CreateRole", {"RoleName": "worker", "AssumeRolePolicyDocument": TRUST, "Description": "works"}),
        ("CreateInstanceProfile", {"InstanceProfileName": "machine"}),
        ("AddRoleToInstanceProfile", {"InstanceProfileName": "machine", "RoleName": "worker"}),
        ("AddUserToGroup", {"GroupName": "staff", "UserName": "ann"}),
        ("PutUserPolicy", {"UserName": "ann", "PolicyName": "i", "PolicyDocument": LIST_KEYS}),
        ("AttachGroupPolicy", {"GroupName": "staff", "PolicyArn": READ_ONLY}),
    ):
        await opened.call("iam", name, **params)
    created = await opened.call("iam", "CreatePolicy", PolicyName="own", PolicyDocument=LIST_KEYS, Description="d")
    arn: str = created["Policy"]["Arn"]
    await opened.call("iam", "AttachRolePolicy", RoleName="worker", PolicyArn=arn)
    await opened.call("iam", "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=arn)
    await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS)
    return arn


def test_everything_and_how_it_hangs_together(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        arn = await furnish(opened)
        answer = await opened.call("iam", "GetAccountAuthorizationDetails")
        assert answer["IsTruncated"] is False
        (user,), (group,), (role,) = answer["UserDetailList"], answer["GroupDetailList"], answer["RoleDetailList"]
        assert (user["UserName"], user["GroupList"]) == ("ann", ["staff"])
        assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
        assert user["Tags"] == [{"Key": "k", "Value": "v"}]
        assert user["AttachedManagedPolicies"] == []
        (inline,) = user["UserPolicyList"]
        assert (inline["PolicyName"], unquote(inline["PolicyDocument"])) == ("i", LIST_KEYS)
        assert group["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
        assert group["GroupPolicyList"] == []
        assert json.loads(unquote(role["AssumeRolePolicyDocument"])) == json.loads(TRUST)
        assert role["AttachedManagedPolicies"] == [{"PolicyName": "own", "PolicyArn": arn}]
        (profile,) = role["InstanceProfileList"]
        assert profile["InstanceProfileName"] == "machine"
        own, of_aws = answer["Policies"]
        assert (own["Arn"], own["AttachmentCount"], own["PermissionsBoundaryUsageCount"]) == (arn, 1, 1)
        versions = [(each["VersionId"], each["IsDefaultVersion"]) for each in own["PolicyVersionList"]]
        assert versions == [("v2", False), ("v1", True)]
        assert unquote(own["PolicyVersionList"][0]["Document"]) == LIST_KEYS
        assert (of_aws["Arn"], of_aws["AttachmentCount"]) == (READ_ONLY, 1)

    in_house(body)


def test_by_kind_and_page_by_page(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await furnish(opened)
        for number in range(4):
            await opened.call("iam", "CreateUser", UserName=f"u{number}")
            await opened.call("iam", "CreatePolicy", PolicyName=f"p{number}", PolicyDocument=LIST_KEYS)
        await opened.call("iam", "AttachUserPolicy", UserName="u0", PolicyArn="arn:aws:iam::aws:policy/IAMFullAccess")

        async def seen(items_max: int, *kinds: str) -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = []
            marker: dict[str, Any] = {"Filter": list(kinds)} if kinds else {}
            while True:
                page = await opened.call("iam", "GetAccountAuthorizationDetails", MaxItems=items_max, **marker)
                assert sum(len(page[member]) for member in MEMBERS) <= items_max
                found += [(member, each["Arn"]) for member in MEMBERS for each in page[member]]
                if not page["IsTruncated"]:
                    return found
                marker["Marker"] = page["Marker"]

        everything = await seen(1_000)
        assert len(everything) == 5 + 1 + 1 + 5 + 2
        for items_max in (1, 3):
            assert await seen(items_max) == everything
        for kind, member, count in (
            ("User", "UserDetailList", 5),
            ("Group", "GroupDetailList", 1),
            ("Role", "RoleDetailList", 1),
            ("LocalManagedPolicy", "Policies", 5),
            ("AWSManagedPolicy", "Policies", 2),
        ):
            assert [each for each, _ in await seen(2, kind)] == [member] * count

    in_house(body)


def test_the_credential_report(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        await opened.call("iam", "UpdateAccessKey", UserName="ann", AccessKeyId=ann.access_key_id, Status="Inactive")
        assert (await opened.call("iam", "GenerateCredentialReport"))["State"] == "COMPLETE"
        report = await opened.call("iam", "GetCredentialReport")
        assert report["ReportFormat"] == "text/csv"
        root, user = csv.DictReader(io.StringIO(report["Content"].decode()))
        assert (root["user"], root["arn"]) == ("<root_account>", f"arn:aws:iam::{ACCOUNT}:root")
        assert root["access_key_1_active"] == "true"
        assert (user["user"], user["arn"]) == ("ann", f"arn:aws:iam::{ACCOUNT}:user/ann")
        assert (user["access_key_1_active"], user["access_key_1_last_used_date"]) == ("false", "N/A")
        assert (user["access_key_2_active"], user["mfa_active"], user["password_enabled"]) == ("false",) * 3
        assert user["user_creation_time"].endswith("+00:00")
        assert None not in user
        assert None not in user.values()

    in_house(body)
