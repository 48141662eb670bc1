"""Who may do what: actions on parameters and paths, condition keys, and parameters shared with other accounts."""

import json
from typing import Any

import pytest
from tests.identities_made import allow, document
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import make_account, make_identity, statement, user
from tests.services.refusals import refused
from tests.services.ssm.asking import ARN, InSqliteHouse, ask, names, put, records, shown, value

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller

OTHER = "444455556666"
TAG = [{"Key": "team", "Value": "blue"}]


async def _user(house: OpenedHouse, name: str, *statements: dict[str, Any], account_id: str = ACCOUNT) -> Caller:
    return await user(house, await make_identity(house, "user", name, document(*statements), account_id=account_id))


def test_denials_come_before_existence_is_told(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/app/there")
        nobody = await _user(house, "nobody", allow("sts:*"))
        by_name: dict[str, dict[str, Any]] = {
            "GetParameter": {},
            "GetParameterHistory": {},
            "DeleteParameter": {},
            "PutParameter": {"Value": "x", "Type": "String"},
            "LabelParameterVersion": {"Labels": ["x"]},
            "UnlabelParameterVersion": {"Labels": ["x"], "ParameterVersion": 1},
        }
        for name in ("/app/there", "/app/missing"):
            resource = f"{ARN}{name}"
            asked = [(operation, {"Name": name} | more) for operation, more in by_name.items()]
            asked += [(operation, {"Names": [name]}) for operation in ("GetParameters", "DeleteParameters")]
            tagged = {"ResourceType": "Parameter", "ResourceId": name}
            asked += [
                ("ListTagsForResource", tagged),
                ("AddTagsToResource", tagged | {"Tags": TAG}),
                ("RemoveTagsFromResource", tagged | {"TagKeys": ["x"]}),
                ("GetResourcePolicies", {"ResourceArn": resource}),
                ("PutResourcePolicy", {"ResourceArn": resource, "Policy": "{}"}),
                ("DeleteResourcePolicy", {"ResourceArn": resource, "PolicyId": "x", "PolicyHash": "x"}),
                ("GetParametersByPath", {"Path": name}),
            ]
            for operation, params in asked:
                with pytest.raises(AwsError) as caught:
                    await ask(house, operation, **params, caller=nobody)
                says = f"is not authorized to perform: ssm:{operation} on resource: {resource} because no"
                assert caught.value.code == "AccessDeniedException"
                assert says in caught.value.message, operation
        for operation in ("DescribeParameters",):
            with pytest.raises(AwsError) as caught:
                await ask(house, operation, caller=nobody)
            assert f"on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:* because" in caught.value.message

    in_sqlite_house(body)


def test_one_denied_name_denies_all(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/app/one")
        await put(house, "/secret/two")
        reader = await _user(house, "reader", allow("ssm:GetParameters", f"{ARN}/app/*"))
        assert len((await ask(house, "GetParameters", Names=["/app/one", "/app/no"], caller=reader))["Parameters"]) == 1
        with refused("AccessDeniedException"):
            await ask(house, "GetParameters", Names=["/app/one", "/secret/two"], caller=reader)
        # An action allows itself alone.
        with refused("AccessDeniedException"):
            await value(house, "/app/one", caller=reader)
        # A version and a label are the parameter's; so is its ARN.
        for name in ("/app/one:1", f"{ARN}/app/one"):
            assert (await ask(house, "GetParameters", Names=[name], caller=reader))["Parameters"]

    in_sqlite_house(body)


def test_paths_are_decided_by_the_path(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/a/b/c")
        await put(house, "/a/x")
        by_path = "ssm:GetParametersByPath"
        recursive = {"Condition": {"StringEquals": {"ssm:Recursive": "true"}}}
        caller = await _user(
            house,
            "paths",
            allow([by_path, "ssm:GetParameter"], [f"{ARN}/a", f"{ARN}/a/*"]),
            statement("Deny", "ssm:GetParameter", f"{ARN}/a/b/*"),
            statement("Deny", by_path, f"{ARN}/a/b*", **recursive),
        )
        assert await names(house, "GetParametersByPath", Path="/a", Recursive=True, caller=caller) == ["/a/b/c", "/a/x"]
        assert await names(house, "GetParametersByPath", Path="/a/b", caller=caller) == ["/a/b/c"]
        with refused("AccessDeniedException"):
            await names(house, "GetParametersByPath", Path="/a/b", Recursive=True, caller=caller)
        with refused("AccessDeniedException"):
            await value(house, "/a/b/c", caller=caller)
        for path in ("/", "/b"):
            with refused("AccessDeniedException"):
                await names(house, "GetParametersByPath", Path=path, caller=caller)
        for path in ("a", "/a//b", "/a b", "/ssm/x", ""):
            with refused("ValidationException"):
                await ask(house, "GetParametersByPath", Path=path)
        # The public parameters of AWS are not here.
        assert await names(house, "GetParametersByPath", Path="/aws/service", Recursive=True) == []

    in_sqlite_house(body)


def test_condition_keys(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        def when(key: str, text: str) -> dict[str, Any]:
            return {"Condition": {"StringEquals": {key: text}}}

        writer = await _user(
            house,
            "writer",
            allow("ssm:PutParameter"),
            statement("Deny", "ssm:PutParameter", **when("ssm:Overwrite", "true")),
            statement("Deny", "ssm:PutParameter", **when("ssm:Policies", "true")),
        )
        await put(house, "p", caller=writer)
        with refused("AccessDeniedException"):
            await put(house, "p", "new", Overwrite=True, caller=writer)
        with refused("AccessDeniedException"):
            await put(house, "q", Policies="[{}]", Tier="Advanced", caller=writer)
        # Tags at the making need their own permission, and can be asked for.
        with refused("AccessDeniedException"):
            await put(house, "q", Tags=TAG, caller=writer)
        tagger = await _user(
            house, "tagger", allow(["ssm:PutParameter", "ssm:AddTagsToResource"], **when("aws:RequestTag/team", "blue"))
        )
        await put(house, "tagged", Tags=TAG, caller=tagger)
        with refused("AccessDeniedException"):
            await put(house, "untagged", caller=tagger)
        for key in ("aws:ResourceTag/team", "ssm:resourceTag/team"):
            reader = await _user(house, f"by-{key[:3]}", allow("ssm:GetParameter", **when(key, "blue")))
            assert await value(house, "tagged", caller=reader) == "value"
            with refused("AccessDeniedException"):
                await value(house, "p", caller=reader)
            await ask(house, "RemoveTagsFromResource", ResourceType="Parameter", ResourceId="tagged", TagKeys=["team"])
            with refused("AccessDeniedException"):
                await value(house, "tagged", caller=reader)
            await ask(house, "AddTagsToResource", ResourceType="Parameter", ResourceId="tagged", Tags=TAG)

    in_sqlite_house(body)


def _sharing(principal: Any, action: Any = "ssm:GetParameter", resource: str = f"{ARN}/shared", **more: Any) -> str:
    principals = principal if isinstance(principal, str) and principal == "*" else {"AWS": principal}
    one = {"Effect": "Allow", "Principal": principals, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


READING = ["ssm:DescribeParameters", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory"]


def test_a_parameter_is_shared_with_another_account(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_account(house, OTHER)
        key = (await house.kms("CreateKey"))["KeyMetadata"]
        secure = {"Type": "SecureString", "KeyId": key["KeyId"], "Tier": "Advanced"}
        await put(house, "/shared", "geheim", **secure)
        await put(house, "/mine", "geheim", **secure)
        stranger = await _user(house, "stranger", allow(["ssm:*", "kms:*"]), account_id=OTHER)
        without = await _user(house, "without", allow("sts:*"), account_id=OTHER)
        arn = f"{ARN}/shared"
        with refused("AccessDeniedException"):
            await value(house, arn, caller=stranger)
        given = await ask(house, "PutResourcePolicy", ResourceArn=arn, Policy=_sharing(OTHER, READING))
        shared = await shown(house, arn, caller=stranger, WithDecryption=False)
        assert (shared["Name"], shared["ARN"]) == ("/shared", arn)
        # The key has to be shared, too.
        with refused("AccessDeniedException"):
            await value(house, arn, caller=stranger)
        policy = json.loads((await house.kms("GetKeyPolicy", KeyId=key["KeyId"]))["Policy"])
        policy["Statement"].append(
            {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "kms:Decrypt", "Resource": "*"}
        )
        await house.kms("PutKeyPolicy", KeyId=key["KeyId"], Policy=json.dumps(policy))
        assert await value(house, arn, caller=stranger) == "geheim"
        assert (await ask(house, "GetParameters", Names=[arn], caller=stranger))["Parameters"]
        assert (await ask(house, "GetParameterHistory", Name=arn, caller=stranger))["Parameters"]
        listed = await ask(house, "DescribeParameters", Shared=True, caller=stranger)
        assert [each["ARN"] for each in listed["Parameters"]] == [arn]
        assert (await ask(house, "DescribeParameters", Shared=True))["Parameters"] == []
        assert (await ask(house, "DescribeParameters", caller=stranger))["Parameters"] == []
        for name in (f"{ARN}/mine", f"{ARN}/none"):
            with refused("AccessDeniedException"):
                await value(house, name, caller=stranger)
        with refused("AccessDeniedException"):
            await value(house, arn, caller=without)
        with refused("AccessDeniedException"):
            await ask(house, "PutResourcePolicy", ResourceArn=arn, Policy=_sharing(OTHER), caller=stranger)
        # By its name alone it is a parameter of the caller's own account.
        with refused("ParameterNotFound"):
            await value(house, "/shared", caller=stranger)
        await ask(house, "DeleteResourcePolicy", ResourceArn=arn, **given)
        with refused("AccessDeniedException"):
            await value(house, arn, caller=stranger, WithDecryption=False)

    in_house(body)


def test_a_resource_policy_counts_in_its_own_account_too(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/shared", Tier="Advanced")
        ann = await _user(house, "ann", allow("sts:*"))
        bob = await _user(house, "bob", allow("ssm:*"))
        with refused("AccessDeniedException"):
            await value(house, "/shared", caller=ann)
        policy = json.loads(_sharing(ann.arn))
        denial = {"Effect": "Deny", "Principal": {"AWS": bob.arn}, "Action": "ssm:*", "Resource": f"{ARN}/shared"}
        policy["Statement"].append(denial)
        await ask(house, "PutResourcePolicy", ResourceArn=f"{ARN}/shared", Policy=json.dumps(policy))
        assert await value(house, "/shared", caller=ann) == "value"
        with refused("AccessDeniedException"):
            await ask(house, "GetParameters", Names=["/shared"], caller=ann)
        for operation in ("GetParameter", "DeleteParameter"):
            with refused("AccessDeniedException"):
                await ask(house, operation, Name="/shared", caller=bob)

    in_sqlite_house(body)


def test_resource_policies_and_their_rules(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = f"{ARN}/shared"
        about = {"ResourceArn": arn}
        with refused("ResourceNotFoundException", "The specified parameter to be shared could not be found."):
            await ask(house, "GetResourcePolicies", **about)
        await put(house, "/shared")
        assert (await ask(house, "GetResourcePolicies", **about))["Policies"] == []
        with refused("ResourcePolicyInvalidParameterException"):
            await ask(house, "PutResourcePolicy", **about, Policy=_sharing(OTHER))
        await put(house, "/shared", Overwrite=True, Tier="Advanced")
        for wrong in (
            "{",
            _sharing("*"),
            _sharing(OTHER, "ssm:PutParameter"),
            _sharing(OTHER, "ssm:*"),
            _sharing(OTHER, resource=f"{ARN}/other"),
            _sharing("nobody"),
        ):
            with refused("MalformedResourcePolicyDocumentException"):
                await ask(house, "PutResourcePolicy", **about, Policy=wrong)
        with refused("ResourcePolicyLimitExceededException"):
            await ask(house, "PutResourcePolicy", **about, Policy=_sharing([f"{number:012}" for number in range(80)]))
        first = await ask(house, "PutResourcePolicy", **about, Policy=_sharing(OTHER))
        with refused("ResourcePolicyLimitExceededException"):
            await ask(house, "PutResourcePolicy", **about, Policy=_sharing(OTHER))
        with refused("ResourcePolicyConflictException"):
            await ask(house, "PutResourcePolicy", **about, Policy=_sharing(OTHER), **(first | {"PolicyHash": "0"}))
        second = await ask(house, "PutResourcePolicy", **about, Policy=_sharing(OTHER, READING), **first)
        assert second["PolicyId"] == first["PolicyId"]
        assert second["PolicyHash"] != first["PolicyHash"]
        listed = (await ask(house, "GetResourcePolicies", **about))["Policies"]
        assert listed == [{**second, "Policy": _sharing(OTHER, READING)}]
        with refused("ResourcePolicyConflictException"):
            await ask(house, "DeleteResourcePolicy", **about, **first)
        with refused("ResourcePolicyNotFoundException"):
            await ask(house, "DeleteResourcePolicy", **about, PolicyId="x", PolicyHash=second["PolicyHash"])
        for wrong in (f"arn:aws:ssm:us-east-1:{ACCOUNT}:opsitemgroup/default", "arn:aws:s3:::some-bucket-name"):
            with refused("ResourcePolicyInvalidParameterException"):
                await ask(house, "GetResourcePolicies", ResourceArn=wrong)
        await put(house, "/default", Type="SecureString", Tier="Advanced")
        with refused("ResourcePolicyInvalidParameterException"):
            await ask(
                house,
                "PutResourcePolicy",
                ResourceArn=f"{ARN}/default",
                Policy=_sharing(OTHER, resource=f"{ARN}/default"),
            )
        # A policy goes with its parameter, and outlives a change of the value.
        await put(house, "/shared", "again", Overwrite=True)
        assert len((await ask(house, "GetResourcePolicies", **about))["Policies"]) == 1
        await ask(house, "DeleteParameter", Name="/shared")
        await put(house, "/shared", Tier="Advanced")
        assert (await ask(house, "GetResourcePolicies", **about))["Policies"] == []

    in_sqlite_house(body)


def test_the_audit_trail_has_the_calls_and_no_value(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/p", "a-value-nobody-records", Type="SecureString")
        await value(house, "/p")
        with refused("ParameterPatternMismatchException"):
            await put(house, "/p", "a-value-nobody-records", Overwrite=True, AllowedPattern="[0-9]+")
        found = await records(house)
        assert [record.operation for record in found] == ["PutParameter", "GetParameter", "PutParameter"]
        assert [record.reads_only for record in found] == [False, True, False]
        assert found[0].request == {"Name": "/p", "Type": "SecureString"}
        assert found[0].answer == {"Version": 1, "Tier": "Standard"}
        assert [one.arn for one in found[1].resources] == [f"{ARN}/p"]
        assert "nobody-records" not in repr(found)

    in_sqlite_house(body)
