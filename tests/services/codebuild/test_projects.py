"""Projects: made, changed, listed and deleted; what they may not be; and who may do what with them."""

from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.codebuild.building import ENVIRONMENT, TRUST, document, specification
from tests.services.refusals import refused

from strongroom.services.codebuild import tables
from strongroom.services.codebuild.names import ProjectName
from strongroom.storage.connection import Connection

ARN = f"arn:aws:codebuild:us-east-1:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"
SETTINGS: dict[str, Any] = {
    "source": {"type": "NO_SOURCE", "buildspec": specification("true")},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": ENVIRONMENT,
    "serviceRole": ROLE,
}


def named(name: str) -> ProjectName:
    return ProjectName(ACCOUNT, "us-east-1", name)


async def with_role(opened: OpenedHouse, *statements: dict[str, Any], trust: dict[str, Any] | None = None) -> None:
    policy = document(trust or TRUST)
    await opened.call("iam", "CreateRole", RoleName="builder", AssumeRolePolicyDocument=policy)
    if statements:
        policy = document(*statements)
        await opened.call("iam", "PutRolePolicy", RoleName="builder", PolicyName="p", PolicyDocument=policy)


async def user(opened: OpenedHouse, name: str, *statements: dict[str, Any]) -> Any:
    """Return a new user who is allowed exactly this."""
    await opened.call("iam", "CreateUser", UserName=name)
    if statements:
        policy = document(*statements)
        await opened.call("iam", "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=policy)
    key = (await opened.call("iam", "CreateAccessKey", UserName=name))["AccessKey"]["AccessKeyId"]
    credential = await opened.house.principals.find(key)
    assert credential is not None
    return credential.caller


def test_the_life_of_a_project(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened)
        tags = [{"key": "team", "value": "a"}]
        made = (await opened.call("codebuild", "CreateProject", name="app", tags=tags, **SETTINGS))["project"]
        assert made["arn"] == f"{ARN}:project/app"
        assert (made["timeoutInMinutes"], made["queuedTimeoutInMinutes"]) == (60, 480)
        assert made["encryptionKey"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/aws/s3"
        assert made["tags"] == tags
        assert made["created"] == made["lastModified"]
        with refused("ResourceAlreadyExistsException", f"Project already exists: {ARN}:project/app"):
            await opened.call("codebuild", "CreateProject", name="app", **SETTINGS)
        opened.clock.advance(timedelta(seconds=5))
        changed = await opened.call(
            "codebuild", "UpdateProject", name="app", description="d", timeoutInMinutes=5, concurrentBuildLimit=2
        )
        assert changed["project"]["description"] == "d"
        assert changed["project"]["source"] == made["source"]
        assert changed["project"]["lastModified"] > changed["project"]["created"]
        found = await opened.call("codebuild", "BatchGetProjects", names=[f"{ARN}:project/app", "no", "app", "?"])
        assert [project["name"] for project in found["projects"]] == ["app", "app"]
        assert found["projects"][0] == changed["project"]
        assert found["projectsNotFound"] == ["no", "?"]
        unlimited = await opened.call("codebuild", "UpdateProject", name="app", concurrentBuildLimit=-1)
        assert "concurrentBuildLimit" not in unlimited["project"]
        assert await opened.call("codebuild", "DeleteProject", name="app") == {}
        assert await opened.call("codebuild", "DeleteProject", name="app") == {}
        with refused("ResourceNotFoundException", f"Project cannot be found: {ARN}:project/app"):
            await opened.call("codebuild", "UpdateProject", name="app", description="d")
        with refused("ResourceNotFoundException"):
            await opened.call("codebuild", "StartBuild", projectName="app")

    in_house(body)


def test_projects_are_listed_in_three_orders(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened)
        names = ["b", "c", "a"]
        for name in names:
            await opened.call("codebuild", "CreateProject", name=name * 3, **SETTINGS)
            opened.clock.advance(timedelta(seconds=1))
        await opened.call("codebuild", "UpdateProject", name="bbb", description="d")

        async def listed(**params: Any) -> str:
            answer = await opened.call("codebuild", "ListProjects", **params)
            assert "nextToken" not in answer
            return "".join(name[0] for name in answer["projects"])

        assert await listed() == "abc"
        assert await listed(sortOrder="DESCENDING") == "cba"
        assert await listed(sortBy="CREATED_TIME", sortOrder="ASCENDING") == "bca"
        assert await listed(sortBy="LAST_MODIFIED_TIME", sortOrder="DESCENDING") == "bac"
        row = await opened.house.store.read(lambda connection: tables.select_project(connection, named("aaa")))

        def many(connection: Connection) -> None:
            for number in range(98):
                tables.insert_project(connection, {**row._mapping, "name": f"n{number:02}"})

        await opened.house.store.write(many)
        page = await opened.call("codebuild", "ListProjects")
        rest = await opened.call("codebuild", "ListProjects", nextToken=page["nextToken"])
        assert (len(page["projects"]), rest["projects"]) == (100, ["n97"])
        with refused("InvalidInputException"):
            await opened.call("codebuild", "ListProjects", nextToken="x")

    in_house(body)


REFUSED: tuple[dict[str, Any], ...] = (
    {"vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}},
    {"environment": ENVIRONMENT | {"privilegedMode": True}},
    {"environment": ENVIRONMENT | {"image": "aws/codebuild/standard:7.0"}},
    {"environment": ENVIRONMENT | {"type": "WINDOWS_CONTAINER"}},
    {"environment": ENVIRONMENT | {"computeType": "BUILD_LAMBDA_1GB"}},
    {"environment": ENVIRONMENT | {"fleet": {"fleetArn": "arn"}}},
    {"environment": ENVIRONMENT | {"environmentVariables": [{"name": "1", "value": "x"}]}},
    {"environment": ENVIRONMENT | {"environmentVariables": [{"name": "CODEBUILD_X", "value": "x"}]}},
    {"environment": ENVIRONMENT | {"environmentVariables": [{"name": "A", "value": "x"}] * 2}},
    {"cache": {"type": "S3", "location": "b/c"}},
    {"cache": {"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]}},
    {"artifacts": {"type": "CODEPIPELINE"}},
    {"artifacts": {"type": "S3"}},
    {"secondaryArtifacts": [{"type": "S3", "location": "bucket"}]},
    {"fileSystemLocations": [{"type": "EFS", "location": "x"}]},
    {"buildBatchConfig": {"serviceRole": ROLE}},
    {"autoRetryLimit": -1},
    {"badgeEnabled": True},
    {"concurrentBuildLimit": 0},
    {"serviceRole": f"arn:aws:iam::{ACCOUNT}:role/none"},
    {"serviceRole": "arn:aws:iam::999999999999:role/builder"},
    {"serviceRole": f"arn:aws:iam::{ACCOUNT}:user/builder"},
    {"logsConfig": {"s3Logs": {"status": "ENABLED"}}},
    {"tags": [{"key": "aws:x", "value": "y"}]},
)


def test_what_is_not_served_is_refused(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened)
        for members in REFUSED:
            with refused("InvalidInputException"):
                await opened.call("codebuild", "CreateProject", name="app", **(SETTINGS | members))
        assert (await opened.call("codebuild", "ListProjects"))["projects"] == []

    in_house(body)


@pytest.mark.parametrize(
    "trust",
    [
        TRUST | {"Principal": {"Service": "lambda.amazonaws.com"}},
        TRUST | {"Condition": {"ArnEquals": {"aws:SourceArn": f"{ARN}:project/other"}}},
    ],
)
def test_the_role_must_trust_codebuild(in_house: InHouse[None], trust: dict[str, Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened, trust=trust)
        message = f"CodeBuild is not authorized to perform: sts:AssumeRole on service role: {ROLE}"
        with refused("InvalidInputException", message):
            await opened.call("codebuild", "CreateProject", name="app", **SETTINGS)

    in_house(body)


def test_what_is_needed_to_make_a_project(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened)
        create = {"Effect": "Allow", "Action": "codebuild:*", "Resource": f"{ARN}:project/app"}
        passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE}
        to_codebuild = passing | {"Condition": {"StringEquals": {"iam:PassedToService": "codebuild.amazonaws.com"}}}
        to_others = passing | {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
        for name, statements in (("none", ()), ("half", (create,)), ("other", (create, to_others))):
            caller = await user(opened, name, *statements)
            with refused("AccessDeniedException"):
                await opened.call("codebuild", "CreateProject", name="app", caller=caller, **SETTINGS)
        caller = await user(opened, "whole", create, to_codebuild)
        await opened.call("codebuild", "CreateProject", name="app", caller=caller, **SETTINGS)
        for missing in ("CreateProject", "UpdateProject"):
            with refused("AccessDeniedException"):
                await opened.call("codebuild", missing, name="appp", caller=caller, **SETTINGS)
        # What is there is told to nobody who may not know.
        for operation, params in (
            ("StartBuild", {"projectName": "other"}),
            ("BatchGetProjects", {"names": ["app", "other"]}),
            ("BatchGetBuilds", {"ids": ["other:00000000-0000-0000-0000-000000000000"]}),
            ("StopBuild", {"id": "other:00000000-0000-0000-0000-000000000000"}),
            ("BatchGetBuilds", {"ids": ["no build at all"]}),
            ("BatchDeleteBuilds", {"ids": ["no build at all"]}),
            ("ListBuilds", {}),
        ):
            with refused("AccessDeniedException"):
                await opened.call("codebuild", operation, caller=caller, **params)

    in_house(body)


def test_conditions_on_what_a_project_is(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await with_role(opened)
        passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
        anything = {"Effect": "Allow", "Action": "codebuild:*", "Resource": "*"}

        def deny(operator: str, key: str, value: Any) -> dict[str, Any]:
            return anything | {"Effect": "Deny", "Condition": {operator: {key: value}}}

        denials = (
            deny("StringEquals", "codebuild:environment.computeType", "BUILD_GENERAL1_SMALL"),
            deny("Bool", "codebuild:source.buildspec", "true"),
            deny("StringNotEquals", "codebuild:serviceRole", "arn:aws:iam::1:role/x"),
            deny("StringEquals", "aws:RequestTag/team", "a"),
            deny("ForAnyValue:StringEquals", "codebuild:environment.environmentVariables.name", "A"),
            deny("StringEquals", "codebuild:environment.environmentVariables/A.value", "x"),
        )
        environment = ENVIRONMENT | {"environmentVariables": [{"name": "A", "value": "x"}]}
        settings = SETTINGS | {"environment": environment, "tags": [{"key": "team", "value": "a"}]}
        for number, denial in enumerate(denials):
            caller = await user(opened, f"u{number}", anything, passing, denial)
            with refused("AccessDeniedException"):
                await opened.call("codebuild", "CreateProject", name="app", caller=caller, **settings)
        caller = await user(opened, "u", anything, passing, deny("Bool", "codebuild:vpcConfig", "true"))
        await opened.call("codebuild", "CreateProject", name="app", caller=caller, **settings)
        denial = deny("StringEquals", "aws:ResourceTag/team", "a")
        caller = await user(opened, "by-tag", anything, denial)
        with refused("AccessDeniedException"):
            await opened.call("codebuild", "StartBuild", projectName="app", caller=caller)

    in_house(body)


def test_what_is_not_served_at_all_says_so(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        with refused("UnsupportedOperationException", "Strongroom does not serve codebuild:CreateWebhook yet."):
            await opened.call("codebuild", "CreateWebhook", projectName="app")
        for operation, params in (
            ("PutResourcePolicy", {"policy": "{}", "resourceArn": "arn:aws:codebuild:us-east-1:1:report-group/rr"}),
            ("GetResourcePolicy", {"resourceArn": "arn:aws:codebuild:us-east-1:1:project/app"}),
            ("StartBuildBatch", {"projectName": "app"}),
        ):
            with refused("UnsupportedOperationException"):
                await opened.call("codebuild", operation, **params)

    in_house(body)
