"""Simulated requests: the decision, the statements behind it, and the condition keys that were missing."""

import json
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, deny, policy
from tests.services.refusals import refused

from strongroom.operations.callers import Caller

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"
BUCKET = "arn:aws:s3:::bucket"


async def custom(opened: OpenedHouse, *documents: str, actions: list[str], **params: Any) -> list[dict[str, Any]]:
    answer = await opened.call(
        "iam", "SimulateCustomPolicy", PolicyInputList=list(documents), ActionNames=actions, **params
    )
    results: list[dict[str, Any]] = answer["EvaluationResults"]
    return results


async def decision(opened: OpenedHouse, *documents: str, action: str = "kms:Encrypt", **params: Any) -> str:
    (result,) = await custom(opened, *documents, actions=[action], **params)
    told: str = result["EvalDecision"]
    return told


def entry(name: str, kind: str, *values: str) -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


@pytest.mark.parametrize("kind", ["User", "Group", "Role"])
def test_a_principals_policies_as_aws_answered_it(in_house: InHouse[None], kind: str) -> None:
    """The recorded answer of AWS to a simulation with one attached policy."""

    async def body(opened: OpenedHouse) -> None:
        trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
        extra = {"AssumeRolePolicyDocument": trust} if kind == "Role" else {}
        arn = (await opened.call("iam", f"Create{kind}", **{f"{kind}Name": "x"}, **extra))[kind]["Arn"]
        statement = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        created = await opened.call("iam", "CreatePolicy", PolicyName="writers", PolicyDocument=document)
        await opened.call("iam", f"Attach{kind}Policy", **{f"{kind}Name": "x"}, PolicyArn=created["Policy"]["Arn"])
        answer = await opened.call(
            "iam",
            "SimulatePrincipalPolicy",
            PolicySourceArn=arn,
            ActionNames=["s3:PutObject", "s3:GetObjectVersion"],
            ResourceArns=[BUCKET],
            caller=Caller.root(ACCOUNT, "AKIATESTROOTKEY00001", organization_id="o-aaaaaaaaaa"),
        )
        matched = [
            {
                "SourcePolicyId": "writers",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 41},
                "EndPosition": {"Line": 1, "Column": 113},
            }
        ]
        assert answer["IsTruncated"] is False
        assert answer["EvaluationResults"] == [
            {
                "EvalActionName": action,
                "EvalResourceName": BUCKET,
                "EvalDecision": told,
                "EvalDecisionDetails": {},
                "MatchedStatements": statements,
                "MissingContextValues": [],
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
                "ResourceSpecificResults": [
                    {
                        "EvalResourceName": BUCKET,
                        "EvalResourceDecision": told,
                        "MatchedStatements": statements,
                        "MissingContextValues": [],
                    }
                ],
            }
            for action, told, statements in (
                ("s3:PutObject", "allowed", matched),
                ("s3:GetObjectVersion", "implicitDeny", []),
            )
        ]

    in_house(body)


def test_where_a_statement_stands_in_lines_and_columns(in_house: InHouse[None]) -> None:
    """The example of the AWS CLI's reference, and a document of many lines."""

    async def body(opened: OpenedHouse) -> None:
        example = (
            '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
            '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
        )
        late = entry("aws:CurrentTime", "date", "2019-04-25T11:00:00Z")
        (result,) = await custom(opened, example, actions=["dynamodb:CreateBackup"], ContextEntries=[late])
        (found,) = result["MatchedStatements"]
        assert found["SourcePolicyId"] == "PolicyInputList.1"
        assert found["StartPosition"] == {"Line": 1, "Column": 38}
        assert found["EndPosition"] == {"Line": 1, "Column": 167}
        assert result["EvalResourceName"] == "*"
        assert "ResourceSpecificResults" not in result
        early = entry("aws:CurrentTime", "date", "2014-04-25T11:00:00Z")
        assert await decision(opened, example, action="dynamodb:CreateBackup", ContextEntries=[early]) == "implicitDeny"
        lines = json.dumps(json.loads(policy(allow("a:b", Sid="Statement"), deny("c:d"))), indent=2)
        (result,) = await custom(opened, lines, actions=["c:d"])
        (found,) = result["MatchedStatements"]
        text = lines.splitlines()
        start, end = found["StartPosition"], found["EndPosition"]
        assert text[start["Line"] - 1][: start["Column"] - 1] == "    {"
        assert text[end["Line"] - 1][: end["Column"] - 1] == "    }"
        assert '"Deny"' in text[start["Line"]]

    in_house(body)


def test_a_deny_is_told_alone_and_every_allow_is_told(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        first, second = policy(allow("kms:*"), allow("kms:Encrypt")), policy(allow("*"))
        (result,) = await custom(opened, first, second, actions=["kms:Encrypt"])
        sources = [each["SourcePolicyId"] for each in result["MatchedStatements"]]
        assert sources == ["PolicyInputList.1", "PolicyInputList.1", "PolicyInputList.2"]
        (result,) = await custom(opened, first, policy(deny("kms:*")), actions=["kms:Encrypt"])
        assert result["EvalDecision"] == "explicitDeny"
        assert [each["SourcePolicyId"] for each in result["MatchedStatements"]] == ["PolicyInputList.2"]

    in_house(body)


def test_missing_context_values_are_told_and_can_be_given(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        document = policy(
            allow(
                "kms:Encrypt",
                resource="arn:aws:kms:*:*:key/${aws:PrincipalTag/key}",
                Condition={
                    "Bool": {"aws:MultiFactorAuthPresent": "true"},
                    "StringLike": {"kms:ViaService": "${a:b, 'x'}"},
                },
            ),
            allow("s3:GetObject", Condition={"StringEquals": {"s3:prefix": "x"}}),
        )
        given: list[dict[str, Any]] = []
        (result,) = await custom(opened, document, actions=["kms:Encrypt"], ResourceArns=[KEY])
        wanted = ["aws:MultiFactorAuthPresent", "kms:ViaService", "aws:PrincipalTag/key"]
        assert result["MissingContextValues"] == wanted
        assert result["ResourceSpecificResults"][0]["MissingContextValues"] == wanted
        assert result["EvalDecision"] == "implicitDeny"
        given.append(entry("AWS:multifactorauthpresent", "boolean", "true"))
        given.append(entry("kms:ViaService", "string", "x"))
        given.append(entry("aws:PrincipalTag/key", "string", "1234"))
        (result,) = await custom(opened, document, actions=["kms:Encrypt"], ResourceArns=[KEY], ContextEntries=given)
        assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])

    in_house(body)


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        {"NumericLessThan": {"kms:x": "5"}},
        entry("kms:x", "numeric", "4.5"),
        entry("kms:x", "numeric", "6"),
    ),
    (
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
        entry("aws:TagKeys", "stringList", "a", "b"),
        entry("aws:TagKeys", "stringList", "a", "c"),
    ),
    (
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        entry("aws:SourceIp", "ip", "10.1.2.3"),
        entry("aws:SourceIp", "ip", "11.1.2.3"),
    ),
    (
        {"BinaryEquals": {"kms:x": "QmluYXJ5"}},
        entry("kms:x", "binary", "QmluYXJ5"),
        entry("kms:x", "binary", "QmluYXJz"),
    ),
    (
        {"Bool": {"kms:x": "false"}},
        entry("kms:x", "boolean", "false"),
        entry("kms:x", "boolean", "true"),
    ),
    (
        {"ForAnyValue:NumericEquals": {"kms:x": "3"}},
        entry("kms:x", "numericList", "1", "3"),
        entry("kms:x", "numericList", "1", "2"),
    ),
]


def test_context_entries_of_every_type(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        for condition, meets, misses in CONDITIONS:
            document = policy(allow("kms:Encrypt", Condition=condition))
            assert await decision(opened, document, ContextEntries=[meets]) == "allowed", condition
            assert await decision(opened, document, ContextEntries=[misses]) == "implicitDeny", condition
        document = policy(allow("kms:Encrypt"))
        for wrong in (
            entry("kms:x", "numeric", "many"),
            entry("kms:x", "boolean", "perhaps"),
            entry("kms:x", "ip", "300.1.1.1"),
            entry("kms:x", "date", "tomorrow"),
            entry("kms:x", "binary", "%"),
            entry("kms:x", "string", "a", "b"),
        ):
            with refused("InvalidInput"):
                await decision(opened, document, ContextEntries=[wrong])
        nowhere = policy(allow("kms:Encrypt", resource="arn:aws:kms"))
        with refused("InvalidInput", "PolicyInputList.1: The policy failed legacy parsing"):
            await decision(opened, nowhere)
        with refused("InvalidInput"):
            twice = [entry("kms:x", "string", "a"), entry("KMS:X", "string", "b")]
            await decision(opened, document, ContextEntries=twice)

    in_house(body)


def test_a_boundary_and_an_organization_limit(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        everything, only_list = policy(allow("*")), policy(allow("kms:List*"))
        told = []
        for action in ("kms:ListKeys", "kms:Encrypt"):
            (result,) = await custom(
                opened, everything, actions=[action], PermissionsBoundaryPolicyInputList=[only_list], ResourceArns=[KEY]
            )
            limit = {"AllowedByPermissionsBoundary": action == "kms:ListKeys"}
            assert result["PermissionsBoundaryDecisionDetail"] == limit
            assert result["ResourceSpecificResults"][0]["PermissionsBoundaryDecisionDetail"] == limit
            told.append(result["EvalDecision"])
        assert told == ["allowed", "implicitDeny"]
        levels = [{"ServiceControlPolicyInputList": [text]} for text in (everything, only_list)]
        (result,) = await custom(opened, everything, actions=["kms:Encrypt"], OrderedOrganizationPolicyInputList=levels)
        assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
        assert result["EvalDecision"] == "implicitDeny"
        with refused("InvalidInput"):
            await decision(opened, everything, PermissionsBoundaryPolicyInputList=[only_list, everything])

    in_house(body)


def test_a_resource_policy_and_two_accounts(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
        grants = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:GetObject", Principal={"AWS": ann})})
        nothing, everything = policy(allow("a:b")), policy(allow("s3:*"))
        with refused("InvalidInput", "CallerArn is required when a ResourcePolicy is given."):
            await decision(opened, nothing, action="s3:GetObject", ResourcePolicy=grants)
        wrong = policy(allow("s3:GetObject", Principal="*", Efect="Deny"))
        with refused("InvalidInput", "ResourcePolicy: Syntax errors in policy. (statement 1: unknown member 'Efect')"):
            await decision(opened, nothing, CallerArn=ann, ResourcePolicy=wrong)
        here: dict[str, Any] = {"ResourceArns": [f"{BUCKET}/x"], "CallerArn": ann, "ResourcePolicy": grants}
        (result,) = await custom(opened, nothing, actions=["s3:GetObject"], **here)
        assert result["EvalDecision"] == "allowed"
        assert [each["SourcePolicyType"] for each in result["MatchedStatements"]] == ["Resource Policy"]
        assert result["EvalDecisionDetails"] == {}
        elsewhere = here | {"ResourceOwner": "999988887777"}
        (result,) = await custom(opened, nothing, actions=["s3:GetObject"], **elsewhere)
        assert result["EvalDecision"] == "implicitDeny"
        assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
        (result,) = await custom(opened, everything, actions=["s3:GetObject"], **elsewhere)
        assert result["EvalDecision"] == "allowed"
        (result,) = await custom(opened, everything, actions=["s3:PutObject"], **elsewhere)
        assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}

    in_house(body)


def test_a_key_policy_is_decisive(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        caller = f"arn:aws:iam::{ACCOUNT}:user/ann"
        to_account = json.dumps({"Statement": allow("kms:*", Principal={"AWS": ACCOUNT})})
        to_nobody = json.dumps({"Statement": allow("kms:*", Principal={"AWS": "999988887777"})})
        params: dict[str, Any] = {"ResourceArns": [KEY], "CallerArn": caller}
        everything = policy(allow("kms:*"))
        assert await decision(opened, everything, ResourcePolicy=to_account, **params) == "allowed"
        assert await decision(opened, everything, ResourcePolicy=to_nobody, **params) == "implicitDeny"
        assert await decision(opened, policy(allow("a:b")), ResourcePolicy=to_account, **params) == "implicitDeny"

    in_house(body)


def test_what_is_simulated_is_what_happens(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        key = (await opened.kms("CreateKey"))["KeyMetadata"]["Arn"]
        await opened.call("iam", "CreateGroup", GroupName="g")
        await opened.call("iam", "AddUserToGroup", GroupName="g", UserName="ann")
        await opened.call("iam", "TagUser", UserName="ann", Tags=[{"Key": "Team", "Value": "blue"}])
        own = policy(
            allow("kms:Encrypt", Condition={"StringEquals": {"aws:username": "ann"}}),
            allow("kms:GenerateDataKey", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
            allow("kms:DescribeKey", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        )
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="own", PolicyDocument=own)
        of_group = policy(allow("kms:GetKeyPolicy"), deny("kms:EnableKey"))
        await opened.call("iam", "PutGroupPolicy", GroupName="g", PolicyName="p", PolicyDocument=of_group)
        params = {"Encrypt": {"Plaintext": b"x"}, "GenerateDataKey": {"KeySpec": "AES_256"}}
        names = ("Encrypt", "GenerateDataKey", "DescribeKey", "GetKeyPolicy", "EnableKey", "DisableKey")
        answer = await opened.call(
            "iam",
            "SimulatePrincipalPolicy",
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/ann",
            ActionNames=[f"kms:{name}" for name in names],
            ResourceArns=[key],
        )
        told = {each["EvalActionName"].removeprefix("kms:"): each for each in answer["EvaluationResults"]}
        assert {name: result["EvalDecision"] for name, result in told.items()} == {
            "Encrypt": "allowed",
            "GenerateDataKey": "allowed",
            "DescribeKey": "implicitDeny",
            "GetKeyPolicy": "allowed",
            "EnableKey": "explicitDeny",
            "DisableKey": "implicitDeny",
        }
        assert told["GetKeyPolicy"]["MatchedStatements"][0]["SourcePolicyId"] == "group_g_p"
        for name in names:
            if told[name]["EvalDecision"] == "allowed":
                await ann.call("kms", name, KeyId=key, **params.get(name, {}))
            else:
                with refused("AccessDeniedException"):
                    await ann.call("kms", name, KeyId=key, **params.get(name, {}))

    in_house(body)


def test_policies_can_be_left_out_and_others_added(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        user = (await opened.call("iam", "CreateUser", UserName="ann"))["User"]["Arn"]
        administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
        await opened.call("iam", "AttachUserPolicy", UserName="ann", PolicyArn=administrator)
        document = policy(deny("kms:Encrypt"))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)

        async def told(*excluded: dict[str, Any], **params: Any) -> str:
            answer = await opened.call(
                "iam",
                "SimulatePrincipalPolicy",
                PolicySourceArn=user,
                ActionNames=["kms:Encrypt"],
                PolicyExclusionList=list(excluded),
                **params,
            )
            decided: str = answer["EvaluationResults"][0]["EvalDecision"]
            return decided

        inline = {"PolicyName": "p", "AttachmentType": "user", "AttachmentName": "ann"}
        assert await told() == "explicitDeny"
        assert await told({"InlinePolicyIdentifier": inline}) == "allowed"
        assert await told({"PolicyType": "inline"}) == "allowed"
        assert await told({"PolicyType": "inline"}, {"PolicyType": "aws-managed"}) == "implicitDeny"
        assert await told({"PolicyType": "inline"}, {"PolicyArn": "arn:aws:iam::aws:policy/Admin*"}) == "implicitDeny"
        assert await told({"PolicyType": "inline"}, PolicyInputList=[document]) == "explicitDeny"

    in_house(body)


def test_pages_of_results(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        actions, resources = [f"kms:A{n}" for n in range(5)], [f"{KEY}{n}" for n in range(3)]
        params: dict[str, Any] = {
            "PolicyInputList": [policy(allow("kms:A3"))],
            "ActionNames": actions,
            "ResourceArns": resources,
            "MaxItems": 4,
        }
        seen: list[tuple[str, str]] = []
        marker: dict[str, str] = {}
        while True:
            page = await opened.call("iam", "SimulateCustomPolicy", **params, **marker)
            seen += [(each["EvalActionName"], each["EvalResourceName"]) for each in page["EvaluationResults"]]
            for each in page["EvaluationResults"]:
                assert (each["EvalDecision"] == "allowed") is (each["EvalActionName"] == "kms:A3")
            if not page["IsTruncated"]:
                break
            marker = {"Marker": page["Marker"]}
        assert seen == [(action, resource) for action in actions for resource in resources]

    in_house(body)


def test_what_cannot_be_simulated(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        document = policy(allow("*"))
        for action in ("Encrypt", "kms:*", "kms:Encrypt:x"):
            with refused("InvalidInput"):
                await decision(opened, document, action=action)
        with refused("InvalidInput"):
            await decision(opened, document, ResourceArns=["bucket"])
        with refused("InvalidInput", "PolicyInputList.2: Policy statement must contain actions."):
            await decision(opened, document, policy({"Effect": "Allow", "Resource": "*"}))
        with refused("InvalidInput"):
            await decision(opened, document, CallerArn=f"arn:aws:iam::{ACCOUNT}:root")
        with refused("NoSuchEntity", "The user with name bob cannot be found."):
            await opened.call(
                "iam",
                "SimulatePrincipalPolicy",
                PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/bob",
                ActionNames=["kms:Encrypt"],
            )

    in_house(body)


def test_whose_policies_may_be_simulated(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        own = f"arn:aws:iam::{ACCOUNT}:user/ann"
        await opened.call("iam", "CreateUser", UserName="bob")
        document = policy(allow("iam:SimulatePrincipalPolicy", "iam:GetContextKeysForPrincipalPolicy", resource=own))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        for name, params in (
            ("SimulatePrincipalPolicy", {"ActionNames": ["kms:Encrypt"]}),
            ("GetContextKeysForPrincipalPolicy", {}),
        ):
            await ann.call("iam", name, PolicySourceArn=own, **params)
            for other in ("bob", "nobody"):
                with refused("AccessDenied"):
                    await ann.call("iam", name, PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/{other}", **params)

    in_house(body)


def test_the_context_keys_that_policies_ask_for(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        first = policy(
            allow(
                "kms:*",
                resource="arn:aws:kms:*:*:key/${aws:username}",
                Condition={"Bool": {"aws:SecureTransport": "true"}},
            )
        )
        second = policy(
            deny("kms:*", Condition={"StringLike": {"AWS:UserName": "${aws:PrincipalTag/Team}${*}${s3:x, 'y'}"}})
        )
        answer = await opened.call("iam", "GetContextKeysForCustomPolicy", PolicyInputList=[first, second])
        assert answer["ContextKeyNames"] == ["aws:SecureTransport", "aws:username", "aws:PrincipalTag/Team"]
        user = (await opened.call("iam", "CreateUser", UserName="ann"))["User"]["Arn"]
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=second)
        answer = await opened.call("iam", "GetContextKeysForPrincipalPolicy", PolicySourceArn=user)
        assert answer["ContextKeyNames"] == ["AWS:UserName", "aws:PrincipalTag/Team"]

    in_house(body)
