"""Service-linked roles, on both databases."""

import json

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

ECS = "ecs.amazonaws.com"
PROTECTED = (
    "Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS"
)


def test_a_service_linked_role_changes_only_by_its_own_operations(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        role = (await opened.call("iam", "CreateServiceLinkedRole", AWSServiceName=ECS))["Role"]
        assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{ECS}/AWSServiceRoleForECS"
        name = {"RoleName": role["RoleName"]}
        trust = json.dumps(
            {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
        )
        inline = {"PolicyName": "p", "PolicyDocument": policy(allow("s3:*"))}
        refusals = [
            ("DeleteRole", {}),
            ("UpdateAssumeRolePolicy", {"PolicyDocument": trust}),
            ("UpdateRole", {"MaxSessionDuration": 7200}),
            ("PutRolePolicy", inline),
            ("AttachRolePolicy", {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ]
        for operation, params in refusals:
            with refused("UnmodifiableEntity", PROTECTED):
                await opened.call("iam", operation, **name, **params)
        taken = "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix."
        with refused("InvalidInput", taken):
            await opened.call("iam", "CreateServiceLinkedRole", AWSServiceName=ECS)
        task = await opened.call("iam", "DeleteServiceLinkedRole", **name)
        assert await opened.call("iam", "GetServiceLinkedRoleDeletionStatus", **task) == {"Status": "SUCCEEDED"}
        with refused("NoSuchEntity"):
            await opened.call("iam", "GetRole", **name)
        for other in ("task/aws-service-role/x", task["DeletionTaskId"][:-36] + "0" * 36, "task/"):
            with refused("NoSuchEntity"):
                await opened.call("iam", "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=other)

    in_house(body)


def test_names_and_suffixes_are_the_services_to_say(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        with refused("InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com"):
            await opened.call("iam", "CreateServiceLinkedRole", AWSServiceName=ECS, CustomSuffix="x")
        with refused("InvalidInput"):
            await opened.call("iam", "CreateServiceLinkedRole", AWSServiceName="no-service.amazonaws.com")
        made = await opened.call(
            "iam", "CreateServiceLinkedRole", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x"
        )
        assert made["Role"]["RoleName"] == "AWSServiceRoleForAutoScaling_x"
        with refused("NoSuchEntity"):
            await opened.call("iam", "DeleteServiceLinkedRole", RoleName="AWSServiceRoleForAutoScaling")

    in_house(body)


def test_the_service_can_be_a_condition(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        condition = {"StringEquals": {"iam:AWSServiceName": ECS}}
        document = policy(allow("iam:CreateServiceLinkedRole", Condition=condition))
        await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)
        await ann.call("iam", "CreateServiceLinkedRole", AWSServiceName=ECS)
        with refused("AccessDenied"):
            await ann.call("iam", "CreateServiceLinkedRole", AWSServiceName="batch.amazonaws.com")

    in_house(body)
