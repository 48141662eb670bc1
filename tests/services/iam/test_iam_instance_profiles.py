"""Instance profiles, on both databases."""

import json

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.iam.acting_user import acting_user, allow, policy
from tests.services.refusals import refused

P = {"InstanceProfileName": "web"}
R = {"RoleName": "web-role"}
STATEMENT = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


def test_an_instance_profile_holds_one_role(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        made = (await opened.call("iam", "CreateInstanceProfile", Path="/x/", **P))["InstanceProfile"]
        assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/x/web"
        assert made["InstanceProfileId"].startswith("AIPA")
        assert made["Roles"] == []
        with refused("EntityAlreadyExists", "Instance Profile WEB already exists."):
            await opened.call("iam", "CreateInstanceProfile", InstanceProfileName="WEB")
        with refused("NoSuchEntity", "The role with name web-role cannot be found."):
            await opened.call("iam", "AddRoleToInstanceProfile", **P, **R)
        await opened.call("iam", "CreateRole", AssumeRolePolicyDocument=TRUST, **R)
        await opened.call("iam", "AddRoleToInstanceProfile", **P, **R)
        with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"):
            await opened.call("iam", "AddRoleToInstanceProfile", **P, **R)
        found = (await opened.call("iam", "GetInstanceProfile", **P))["InstanceProfile"]
        assert [role["RoleName"] for role in found["Roles"]] == ["web-role"]
        assert (await opened.call("iam", "ListInstanceProfiles"))["InstanceProfiles"] == [found]
        assert (await opened.call("iam", "ListInstanceProfilesForRole", **R))["InstanceProfiles"] == [found]
        conflict = "Cannot delete entity, must remove roles from instance profile first."
        with refused("DeleteConflict", conflict):
            await opened.call("iam", "DeleteInstanceProfile", **P)
        with refused("DeleteConflict", conflict):
            await opened.call("iam", "DeleteRole", **R)
        await opened.call("iam", "RemoveRoleFromInstanceProfile", **P, **R)
        with refused("NoSuchEntity", "Role web-role in Instance Profile web cannot be found."):
            await opened.call("iam", "RemoveRoleFromInstanceProfile", **P, **R)
        assert (await opened.call("iam", "ListInstanceProfilesForRole", **R))["InstanceProfiles"] == []
        await opened.call("iam", "DeleteRole", **R)
        await opened.call("iam", "DeleteInstanceProfile", **P)
        for operation in ("GetInstanceProfile", "DeleteInstanceProfile"):
            with refused("NoSuchEntity", "Instance Profile web cannot be found."):
                await opened.call("iam", operation, **P)

    in_house(body)


def test_adding_a_role_passes_it(in_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        ann = await acting_user(opened)
        await opened.call("iam", "CreateInstanceProfile", **P)
        await opened.call("iam", "CreateRole", AssumeRolePolicyDocument=TRUST, **R)

        async def permit(*statements: object) -> None:
            document = policy(*statements)  # type: ignore[arg-type]
            await opened.call("iam", "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=document)

        adding = allow("iam:AddRoleToInstanceProfile")
        await permit(adding)
        with refused("AccessDenied"):
            await ann.call("iam", "AddRoleToInstanceProfile", **P, **R)
        for service, allowed in (("lambda.amazonaws.com", False), ("ec2.amazonaws.com", True)):
            passing = allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": service}})
            await permit(adding, passing)
            if allowed:
                await ann.call("iam", "AddRoleToInstanceProfile", **P, **R)
            else:
                with refused("AccessDenied"):
                    await ann.call("iam", "AddRoleToInstanceProfile", **P, **R)

    in_house(body)
