"""Attaching managed policies to users, groups and roles, and that it bites at the next request."""

import json
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.running_server import RunningServer
from tests.services.iam.acting_user import acting_user, allow, deny, policy
from tests.services.refusals import refused

LIST_KEYS = policy(allow("kms:ListKeys"))


async def made_policy(opened: OpenedHouse, name: str, document: str = LIST_KEYS, **params: Any) -> str:
    created = await opened.call("iam", "CreatePolicy", PolicyName=name, PolicyDocument=document, **params)
    arn: str = created["Policy"]["Arn"]
    return arn


async def made_entity(opened: OpenedHouse, kind: str, name: str = "x") -> dict[str, str]:
    params: dict[str, Any] = {f"{kind}Name": name}
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    await opened.call(
        "iam", f"Create{kind}", **params, **({"AssumeRolePolicyDocument": trust} if kind == "Role" else {})
    )
    return {f"{kind}Name": name}


def test_an_attached_policy_bites_at_the_next_request(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")
        arn = await made_policy(opened, "list-keys")
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
        assert (await ann.call("kms", "ListKeys"))["Keys"] == []
        await opened.call("iam", "DetachUserPolicy", UserName="ann", PolicyArn=arn)
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")

    in_house(body)


def test_a_key_that_hands_over_to_the_account_asks_the_attached_policies(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        key = (await opened.kms("CreateKey"))["KeyMetadata"]
        with refused("AccessDeniedException"):
            await ann.call("kms", "Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
        arn = await made_policy(opened, "use", policy(allow("kms:Encrypt", "kms:Decrypt", resource=key["Arn"])))
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
        blob = (await ann.call("kms", "Encrypt", KeyId=key["KeyId"], Plaintext=b"x"))["CiphertextBlob"]
        assert (await ann.call("kms", "Decrypt", CiphertextBlob=blob))["Plaintext"] == b"x"
        never = await made_policy(opened, "never", policy(deny("kms:Decrypt")))
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=never)
        with refused("AccessDeniedException"):
            await ann.call("kms", "Decrypt", CiphertextBlob=blob)
        await ann.call("kms", "Encrypt", KeyId=key["KeyId"], Plaintext=b"x")

    in_house(body)


def test_a_groups_policy_is_its_members(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        await opened.call("iam", "CreateGroup", GroupName="staff")
        await opened.call("iam", "AddUserToGroup", GroupName="staff", UserName="ann")
        arn = await made_policy(opened, "list-keys")
        await opened.call("iam", "AttachGroupPolicy", GroupName="staff", PolicyArn=arn)
        await ann.call("kms", "ListKeys")
        await opened.call("iam", "DetachGroupPolicy", GroupName="staff", PolicyArn=arn)
        with refused("AccessDeniedException"):
            await ann.call("kms", "ListKeys")

    in_house(body)


def test_an_aws_managed_policy_works_without_having_been_made(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=arn)
        await ann.call("kms", "ListKeys")
        assert len((await ann.call("iam", "ListUsers"))["Users"]) == 1
        with refused("AccessDeniedException"):
            await ann.call("kms", "CreateKey")
        with refused("AccessDenied"):
            await ann.call("iam", "CreateUser", UserName="bob")

    in_house(body)


@pytest.mark.parametrize("kind", ["User", "Group", "Role"])
def test_attaching_listing_and_detaching(in_house: InHouse[None], kind: str) -> None:
    async def body(opened: OpenedHouse) -> None:
        named = await made_entity(opened, kind)
        arn = await made_policy(opened, "deep", Path="/a/b/")
        admin = "arn:aws:iam::aws:policy/AdministratorAccess"
        attach, detach, listed = f"Attach{kind}Policy", f"Detach{kind}Policy", f"ListAttached{kind}Policies"
        for _ in range(2):
            assert await opened.call("iam", attach, **named, PolicyArn=arn) == {}
        await opened.call("iam", attach, **named, PolicyArn=admin)
        assert await opened.call("iam", listed, **named) == {
            "AttachedPolicies": [
                {"PolicyName": "deep", "PolicyArn": arn},
                {"PolicyName": "AdministratorAccess", "PolicyArn": admin},
            ],
            "IsTruncated": False,
        }
        below = await opened.call("iam", listed, **named, PathPrefix="/a/")
        assert [each["PolicyName"] for each in below["AttachedPolicies"]] == ["deep"]
        first = await opened.call("iam", listed, **named, MaxItems=1)
        rest = await opened.call("iam", listed, **named, Marker=first["Marker"])
        assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
        assert [each["PolicyArn"] for each in rest["AttachedPolicies"]] == [admin]
        await opened.call("iam", detach, **named, PolicyArn=arn)
        with refused("NoSuchEntity", f"Policy {arn} was not found."):
            await opened.call("iam", detach, **named, PolicyArn=arn)

    in_house(body)


def test_what_cannot_be_attached(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await made_entity(opened, "Role")
        for text in ("a-name-that-is-no-arn", "malformed-policy-arn-000000"):
            with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
                await opened.call("iam", "AttachRolePolicy", RoleName="x", PolicyArn=text)
        with refused("ValidationError"):
            await opened.call("iam", "AttachRolePolicy", RoleName="x", PolicyArn=f"arn:aws:iam::{ACCOUNT}:user/bob")
        for owner in (ACCOUNT, "aws", "999988887777"):
            arn = f"arn:aws:iam::{owner}:policy/missing"
            with refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable."):
                await opened.call("iam", "AttachRolePolicy", RoleName="x", PolicyArn=arn)
        elsewhere = "arn:aws-cn:iam::aws:policy/AdministratorAccess"
        with refused("NoSuchEntity", f"Policy {elsewhere} does not exist or is not attachable."):
            await opened.call("iam", "AttachRolePolicy", RoleName="x", PolicyArn=elsewhere)
        arn = await made_policy(opened, "p")
        with refused("NoSuchEntity", "The role with name nobody cannot be found."):
            await opened.call("iam", "AttachRolePolicy", RoleName="nobody", PolicyArn=arn)

    in_house(body)


def test_ten_policies_and_no_more(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await made_entity(opened, "User")
        arns = [await made_policy(opened, f"p{number}") for number in range(11)]
        for arn in arns[:10]:
            await opened.call("iam", "AttachUserPolicy", UserName="x", PolicyArn=arn)
        with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10"):
            await opened.call("iam", "AttachUserPolicy", UserName="x", PolicyArn=arns[10])

    in_house(body)


def test_which_policies_may_be_attached_can_be_limited(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        await made_entity(opened, "User")
        harmless, dangerous = await made_policy(opened, "harmless"), await made_policy(opened, "dangerous")
        only = {"ArnEquals": {"iam:PolicyARN": harmless}}
        document = policy(allow("iam:AttachUserPolicy", "iam:DetachUserPolicy", Condition=only))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="delegated", PolicyDocument=document)
        await ann.call("iam", "AttachUserPolicy", UserName="x", PolicyArn=harmless)
        with refused("AccessDenied"):
            await ann.call("iam", "AttachUserPolicy", UserName="x", PolicyArn=dangerous)
        await ann.call("iam", "DetachUserPolicy", UserName="x", PolicyArn=harmless)

    in_house(body)


def test_who_uses_a_policy(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        arn = await made_policy(opened, "p")
        for kind in ("User", "Group", "Role"):
            await opened.call("iam", f"Attach{kind}Policy", **await made_entity(opened, kind), PolicyArn=arn)
        await made_entity(opened, "User", "limited")
        await opened.call("iam", "PutUserPermissionsBoundary", UserName="limited", PermissionsBoundary=arn)
        everybody = await opened.call("iam", "ListEntitiesForPolicy", PolicyArn=arn)
        assert [each["GroupName"] for each in everybody["PolicyGroups"]] == ["x"]
        assert [each["RoleName"] for each in everybody["PolicyRoles"]] == ["x"]
        assert [each["UserName"] for each in everybody["PolicyUsers"]] == ["limited", "x"]
        users = await opened.call("iam", "ListEntitiesForPolicy", PolicyArn=arn, EntityFilter="User")
        assert (len(users["PolicyUsers"]), users["PolicyRoles"], users["PolicyGroups"]) == (2, [], [])
        limits = await opened.call(
            "iam", "ListEntitiesForPolicy", PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary"
        )
        assert [each["UserName"] for each in limits["PolicyUsers"]] == ["limited"]
        assert limits["PolicyGroups"] == limits["PolicyRoles"] == []
        seen, marker = [], {}
        while True:
            page = await opened.call("iam", "ListEntitiesForPolicy", PolicyArn=arn, MaxItems=1, **marker)
            seen += [each for member in ("PolicyGroups", "PolicyUsers", "PolicyRoles") for each in page[member]]
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        assert len(seen) == 4
        with refused("NoSuchEntity"):
            await opened.call("iam", "ListEntitiesForPolicy", PolicyArn=arn + "2")

    in_house(body)


def test_a_real_client_sees_documents_and_is_stopped_by_them(server: RunningServer) -> None:
    iam = server.client("iam")
    iam.create_user(UserName="real")
    key = iam.create_access_key(UserName="real")["AccessKey"]
    kms = server.client("kms", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    with refused("AccessDeniedException"):
        kms.list_keys()
    document = json.loads(policy(allow("kms:ListKeys", Sid="Reading")))
    created = iam.create_policy(PolicyName="real-list-keys", PolicyDocument=json.dumps(document), Path="/real/")
    arn = created["Policy"]["Arn"]
    iam.attach_user_policy(UserName="real", PolicyArn=arn)
    kms.list_keys()
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == document
    iam.put_user_policy(UserName="real", PolicyName="no", PolicyDocument=policy(deny("kms:ListKeys")))
    assert iam.get_user_policy(UserName="real", PolicyName="no")["PolicyDocument"]["Statement"][0]["Effect"] == "Deny"
    with refused("AccessDeniedException"):
        kms.list_keys()
    simulated = iam.simulate_principal_policy(
        PolicySourceArn=iam.get_user(UserName="real")["User"]["Arn"], ActionNames=["kms:ListKeys", "kms:Encrypt"]
    )
    decisions = [each["EvalDecision"] for each in simulated["EvaluationResults"]]
    assert decisions == ["explicitDeny", "implicitDeny"]
    pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 20})
    names = [each["PolicyName"] for page in pages for each in page["Policies"]]
    assert {"real-list-keys", "AdministratorAccess", "ViewOnlyAccess"} <= set(names)
    details = iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]
    assert [each["UserPolicyList"][0]["PolicyName"] for each in details if each["UserName"] == "real"] == ["no"]
    with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
        iam.attach_user_policy(UserName="real", PolicyArn="not-an-arn-but-long-enough")
    report = iam.get_credential_report()["Content"].decode()
    assert "real" in report
