"""Customer managed policies and their versions, in a house without a server, on both databases."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, deny, policy
from tests.services.refusals import refused

from strongroom.base.errors import AwsError

LIST_KEYS = policy(allow("kms:ListKeys"))
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


async def made_policy(opened: OpenedHouse, name: str, document: str = LIST_KEYS, **params: Any) -> str:
    created = await opened.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=document, **params)
    arn: str = created["Policy"]["Arn"]
    return arn


def test_a_policy_is_made_described_and_deleted(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        created = (
            await opened.call(
                "iam",
                "CreatePolicy",
                PolicyName="Readers",
                Path="/a/",
                Description="for readers",
                PolicyDocument=LIST_KEYS,
                Tags=[{"Key": "team", "Value": "blue"}],
            )
        )["Policy"]
        arn = f"arn:aws:iam::{ACCOUNT}:policy/a/Readers"
        assert (created["Arn"], created["Path"], created["DefaultVersionId"]) == (arn, "/a/", "v1")
        assert created["PolicyId"].startswith("ANPA")
        assert created["AttachmentCount"] == created["PermissionsBoundaryUsageCount"] == 0
        assert created["IsAttachable"] is True
        assert "Description" not in created
        got = (await opened.call("iam", "GetPolicy", PolicyArn=arn))["Policy"]
        assert got == created | {"Description": "for readers", "Tags": [{"Key": "team", "Value": "blue"}]}
        with refused("EntityAlreadyExists", "A policy called readers already exists. Duplicate names are not allowed."):
            await made_policy(opened, "readers")
        await opened.call("iam", "DeletePolicy", PolicyArn=arn)
        with refused("NoSuchEntity", f"Policy {arn} was not found."):
            await opened.call("iam", "GetPolicy", PolicyArn=arn)
        with refused("NoSuchEntity"):
            await opened.call("iam", "DeletePolicy", PolicyArn=arn)

    in_house(body)


BAD_DOCUMENTS = [
    ("{", None),
    ('{"Version":"2012-10-17"} x', None),
    ("null", None),
    ('{"Version":"2012-10-17"}', None),
    (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
    (policy({"Effect": "Allow", "Action": [], "Resource": "*"}), "Policy statement must contain actions."),
    (policy({"Effect": "Allow", "Action": "kms:*"}), "Policy statement must contain resources."),
    (policy(allow("kms:*", Principal="*")), "Policy document should not specify a principal."),
    (policy(allow("kms")), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (policy(allow("kms:kms:*")), "Actions/Condition can contain only one colon."),
    (policy(allow("k s:List*")), "Vendor k s is not valid"),
    (policy(allow("kms:*", resource="key")), 'Resource key must be in ARN format or "*".'),
    (policy(allow("a:b", Sid="s"), allow("a:b", Sid="s")), "Statement IDs (SID) in a single policy must be unique."),
    (policy(allow("a:b", Condition={"StringEqualz": {"a:b": "c"}})), None),
    (policy(allow("a:b", Efect="Deny")), None),
    (
        json.dumps({"Version": "2008-10-17", "Statement": [allow("a:b")]}),
        "Policy document must be version 2012-10-17 or greater.",
    ),
]


def test_what_is_no_policy_is_refused_in_awss_words(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        for document, message in BAD_DOCUMENTS:
            with refused("MalformedPolicyDocument", message):
                await made_policy(opened, "p", document)
        assert (await opened.call("iam", "ListPolicies", Scope="Local"))["Policies"] == []

    in_house(body)


def test_where_aws_only_says_syntax_errors_the_reason_is_told_too(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        with refused("MalformedPolicyDocument", "Syntax errors in policy. (statement 1: unknown member 'Efect')"):
            await made_policy(opened, "p", policy(allow("a:b", Efect="Deny")))
        with pytest.raises(AwsError, match=r"Syntax errors in policy. \(the policy is not valid JSON: .*\)"):
            await made_policy(opened, "p", "{")

    in_house(body)


def test_white_space_does_not_count_against_the_size(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        empty = len(json.dumps(json.loads(policy(allow("kms:"))), separators=(",", ":")))
        fits = policy(allow("kms:" + "A" * (6_144 - empty)))
        await made_policy(opened, "fits", json.dumps(json.loads(fits), indent=40))
        with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
            await made_policy(opened, "larger", fits.replace("kms:", "kms:A"))

    in_house(body)


def test_a_policy_in_use_is_not_deleted(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        arn = await made_policy(opened, "p")
        await opened.call("iam", "CreateUser", UserName="ann")
        conflict = "Cannot delete a policy attached to entities."
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
        with refused("DeleteConflict", conflict):
            await opened.call("iam", "DeletePolicy", PolicyArn=arn)
        await opened.call("iam", "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=arn)
        got = (await opened.call("iam", "GetPolicy", PolicyArn=arn))["Policy"]
        assert (got["AttachmentCount"], got["PermissionsBoundaryUsageCount"]) == (1, 1)
        await opened.call("iam", "DetachUserPolicy", UserName="ann", PolicyArn=arn)
        with refused("DeleteConflict", conflict):
            await opened.call("iam", "DeletePolicy", PolicyArn=arn)
        await opened.call("iam", "DeleteUserPermissionsBoundary", UserName="ann")
        await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS)
        with refused("DeleteConflict"):
            await opened.call("iam", "DeletePolicy", PolicyArn=arn)
        await opened.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
        await opened.call("iam", "DeletePolicy", PolicyArn=arn)

    in_house(body)


def test_versions_come_into_force_and_go(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        arn = await made_policy(opened, "p")
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
        await ann.call("kms", "ListKeys")
        forbidding = json.dumps(json.loads(policy(deny("kms:ListKeys"))), indent=2)
        made = await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=forbidding)
        assert made["PolicyVersion"]["VersionId"] == "v2"
        assert made["PolicyVersion"]["IsDefaultVersion"] is False
        await ann.call("kms", "ListKeys")
        await opened.call("iam", "SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v2")
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")
        got = (await opened.call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId="v2"))["PolicyVersion"]
        assert got["IsDefaultVersion"] is True
        assert unquote(got["Document"]) == forbidding
        assert set('{} /:"') & set(got["Document"]) == set()
        with refused("DeleteConflict", "Cannot delete the default version of a policy."):
            await opened.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
        await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS, SetAsDefault=True)
        await ann.call("kms", "ListKeys")
        await opened.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
        listed = (await opened.call("iam", "ListPolicyVersions", PolicyArn=arn))["Versions"]
        assert [(each["VersionId"], each["IsDefaultVersion"]) for each in listed] == [("v3", True), ("v1", False)]
        assert (await opened.call("iam", "GetPolicy", PolicyArn=arn))["Policy"]["DefaultVersionId"] == "v3"
        for gone in ("v2", "v9", "v99999999999"):
            for name in ("GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"):
                with refused("NoSuchEntity", f"Policy {arn} version {gone} does not exist or is not attachable."):
                    await opened.call("iam", name, PolicyArn=arn, VersionId=gone)

    in_house(body)


def test_five_versions_and_no_number_comes_back(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        arn = await made_policy(opened, "p")
        for _ in range(4):
            await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS)
        with refused("LimitExceeded"):
            await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS)
        await opened.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId="v5")
        made = await opened.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=LIST_KEYS)
        assert made["PolicyVersion"]["VersionId"] == "v6"

    in_house(body)


def test_listing_by_scope_path_and_use(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        async def names(**params: Any) -> list[str]:
            listed: list[str] = []
            marker: dict[str, str] = {}
            while True:
                page = await opened.call("iam", "ListPolicies", MaxItems=7, **params, **marker)
                assert len(page["Policies"]) <= 7
                listed += [each["PolicyName"] for each in page["Policies"]]
                if not page["IsTruncated"]:
                    return listed
                marker = {"Marker": page["Marker"]}

        for number in range(9):
            await made_policy(opened, f"p{number}", Path="/x/" if number % 2 else "/")
        await opened.call("iam", "CreateUser", UserName="ann")
        used = f"arn:aws:iam::{ACCOUNT}:policy/p4"
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=used)
        await opened.call("iam", "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=ADMINISTRATOR)
        assert await names(Scope="Local") == [f"p{number}" for number in range(9)]
        everything = await names()
        assert everything == await names(Scope="Local") + await names(Scope="AWS")
        assert len(set(everything)) == len(everything) > 50
        assert await names(Scope="Local", PathPrefix="/x/") == ["p1", "p3", "p5", "p7"]
        assert "ViewOnlyAccess" in await names(PathPrefix="/job-function/")
        assert await names(OnlyAttached=True) == ["p4", "AdministratorAccess"]
        assert await names(PolicyUsageFilter="PermissionsPolicy") == ["p4"]
        assert await names(PolicyUsageFilter="PermissionsBoundary", Scope="AWS") == ["AdministratorAccess"]
        with refused("ValidationError"):
            await opened.call("iam", "ListPolicies", Marker="bm90IG9uZQ==")

    in_house(body)


def test_nobody_changes_an_aws_managed_policy(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        got = (await opened.call("iam", "GetPolicy", PolicyArn=ADMINISTRATOR))["Policy"]
        assert (got["PolicyName"], got["DefaultVersionId"]) == ("AdministratorAccess", "v1")
        version = await opened.call("iam", "GetPolicyVersion", PolicyArn=ADMINISTRATOR, VersionId="v1")
        assert json.loads(unquote(version["PolicyVersion"]["Document"]))["Statement"][0]["Action"] == "*"
        changes: list[tuple[str, dict[str, Any]]] = [
            ("DeletePolicy", {}),
            ("CreatePolicyVersion", {"PolicyDocument": LIST_KEYS, "SetAsDefault": True}),
            ("DeletePolicyVersion", {"VersionId": "v1"}),
            ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ]
        for name, params in changes:
            for owner in ("aws", "999988887777"):
                with refused("AccessDenied"):
                    await opened.call(
                        "iam", name, PolicyArn=f"arn:aws:iam::{owner}:policy/AdministratorAccess", **params
                    )

    in_house(body)


def test_policies_are_guarded_by_their_arn_and_tags(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        blue = await made_policy(opened, "blue", Tags=[{"Key": "team", "Value": "blue"}])
        red = await made_policy(opened, "red", Tags=[{"Key": "team", "Value": "red"}])
        tagged = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
        document = policy(
            allow("iam:CreatePolicyVersion", Condition=tagged),
            allow("iam:CreatePolicy", resource=f"arn:aws:iam::{ACCOUNT}:policy/ann/*"),
            allow("iam:ListPolicies", resource=f"arn:aws:iam::{ACCOUNT}:policy/*"),
        )
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="x", PolicyDocument=document)
        with refused("AccessDenied"):
            await ann.call("iam", "ListPolicies")
        await ann.call("iam", "CreatePolicyVersion", PolicyArn=blue, PolicyDocument=LIST_KEYS)
        with refused("AccessDenied"):
            await ann.call("iam", "CreatePolicyVersion", PolicyArn=red, PolicyDocument=LIST_KEYS)
        await ann.call("iam", "CreatePolicy", PolicyName="own", Path="/ann/", PolicyDocument=LIST_KEYS)
        with refused("AccessDenied"):
            await ann.call("iam", "CreatePolicy", PolicyName="other", PolicyDocument=LIST_KEYS)
        with refused("AccessDenied"):
            tags = [{"Key": "team", "Value": "blue"}]
            await ann.call("iam", "CreatePolicy", PolicyName="t", Path="/ann/", PolicyDocument=LIST_KEYS, Tags=tags)

    in_house(body)


def test_of_many_at_once_one_gets_the_name_and_the_last_version(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        async def outcome(name: str, **params: Any) -> str:
            try:
                await opened.call("iam", name, **params)
            except AwsError as error:
                return error.code
            return ""

        names = ["P", "p"] * 4
        made = await asyncio.gather(
            *(outcome("CreatePolicy", PolicyName=name, PolicyDocument=LIST_KEYS) for name in names)
        )
        assert sorted(made) == ["", *["EntityAlreadyExists"] * 7]
        (policy_made,) = (await opened.call("iam", "ListPolicies", Scope="Local"))["Policies"]
        arn = policy_made["Arn"]
        params = {"PolicyArn": arn, "PolicyDocument": LIST_KEYS}
        versions = await asyncio.gather(*(outcome("CreatePolicyVersion", **params) for _ in range(8)))
        assert sorted(versions) == [*[""] * 4, *["LimitExceeded"] * 4]
        await opened.call("iam", "CreateUser", UserName="ann")
        attached = await asyncio.gather(
            *(outcome("AttachUserPolicy", UserName="ann", PolicyArn=arn) for _ in range(8)),
            *(outcome("PutUserPolicy", UserName="ann", PolicyName="i", PolicyDocument=LIST_KEYS) for _ in range(8)),
        )
        assert set(attached) == {""}
        ended = await asyncio.gather(
            outcome("DetachUserPolicy", UserName="ann", PolicyArn=arn),
            outcome("DetachUserPolicy", UserName="ann", PolicyArn=arn),
        )
        assert sorted(ended) == ["", "NoSuchEntity"]

    in_house(body)
