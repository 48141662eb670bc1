"""Who may do what with a function: identity policies, its own policies, other accounts, services, roles passed."""

import json
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT
from tests.services.kms.made_identities import make_account
from tests.services.lambda_.functions import (
    ROLE,
    TRUST,
    Functions,
    allow,
    creation,
    function_arn,
    with_functions,
)
from tests.services.refusals import refused

from strongroom.base.context import Origin, new_request_id
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.perform import perform

GUEST_ACCOUNT = "444455556666"
GUEST = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001")
GET = "lambda:GetFunctionConfiguration"
REPLACED = "The Revision Id provided does not match the latest Revision Id. Call the {} API to retrieve the latest "
MISSING = "The resource you requested does not exist."


async def _get(functions: Functions, name: str = function_arn("hello"), **params: Any) -> str:
    found = await functions("GetFunctionConfiguration", name, **params)
    return str(found["Version"])


def test_permission_is_asked_before_existence_is_told(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Publish=True)
        ann = await functions.user("ann", allow(GET, resource=function_arn("hello")))
        assert await _get(functions, caller=ann) == "$LATEST"
        for name in (function_arn("nothing"), function_arn("hello", "1"), function_arn("hello", "$LATEST")):
            with refused("AccessDeniedException"):
                await _get(functions, name, caller=ann)
        with refused("AccessDeniedException"):
            await functions("ListFunctions", None, caller=ann)
        bob = await functions.user("bob", allow(GET, resource=function_arn("*")))
        with refused("ResourceNotFoundException", f"Function not found: {function_arn('nothing')}"):
            await _get(functions, "nothing", caller=bob)

    with_functions(tmp_path, body)


def test_tags_of_the_function_and_of_the_request_are_conditions(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Tags={"team": "red"})
        await functions.make("other", Tags={"team": "blue"})
        condition = {"StringEquals": {"aws:ResourceTag/team": "red"}}
        ann = await functions.user("ann", {**allow(GET), "Condition": condition})
        assert await _get(functions, caller=ann) == "$LATEST"
        with refused("AccessDeniedException"):
            await _get(functions, function_arn("other"), caller=ann)
        await functions("TagResource", None, Resource=function_arn("other"), Tags={"team": "red"})
        assert await _get(functions, function_arn("other"), caller=ann) == "$LATEST"
        making = {**allow("lambda:CreateFunction"), "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}}
        bob = await functions.user("bob", making, allow("iam:PassRole", "lambda:TagResource"))
        await functions.make("third", caller=bob, Tags={"team": "red"})
        with refused("AccessDeniedException"):
            await functions.make("fourth", caller=bob, Tags={"team": "blue"})

    with_functions(tmp_path, body)


def test_a_role_has_to_be_passed_to_lambda_and_to_trust_it(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        passing = {**allow("iam:PassRole", resource=ROLE), "Condition": {}}
        passing["Condition"] = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        ann = await functions.user("ann", allow("lambda:*"), passing)
        await functions.make(caller=ann)
        bob = await functions.user("bob", allow("lambda:*"))
        with refused("AccessDeniedException"):
            await functions.make("other", caller=bob)
        with refused("AccessDeniedException"):
            await functions("UpdateFunctionConfiguration", Role=ROLE, caller=bob)
        assert (await functions("UpdateFunctionConfiguration", Timeout=9, caller=bob))["Timeout"] == 9
        other_trust = TRUST.replace("lambda.amazonaws.com", "ec2.amazonaws.com")
        await functions.house.call("iam", "CreateRole", RoleName="elsewhere", AssumeRolePolicyDocument=other_trust)
        cannot = "The role defined for the function cannot be assumed by Lambda."
        for role in (f"arn:aws:iam::{ACCOUNT}:role/missing", f"arn:aws:iam::{ACCOUNT}:role/elsewhere"):
            with refused("InvalidParameterValueException", cannot):
                await functions.make("other", Role=role)
        with refused("AccessDeniedException", "Cross-account pass role is not allowed."):
            await functions.make("other", Role=f"arn:aws:iam::{GUEST_ACCOUNT}:role/execution")

    with_functions(tmp_path, body)


def test_another_account_is_let_in_by_the_functions_policy(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Publish=True)
        for name in (function_arn("hello"), function_arn("nothing")):
            told = (
                f"User: {GUEST.arn} is not authorized to perform: {GET} on resource: {name} because no resource-based "
            )
            with refused("AccessDeniedException", f"{told}policy allows the {GET} action"):
                await _get(functions, name, caller=GUEST)
        added = await functions("AddPermission", StatementId="guest", Action=GET, Principal=GUEST_ACCOUNT)
        assert json.loads(added["Statement"]) == {
            "Sid": "guest",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{GUEST_ACCOUNT}:root"},
            "Action": GET,
            "Resource": function_arn("hello"),
        }
        assert await _get(functions, caller=GUEST) == "$LATEST"
        with refused("AccessDeniedException"):
            await _get(functions, function_arn("hello", "1"), caller=GUEST)
        await functions("AddPermission", StatementId="one", Action=GET, Principal=GUEST_ACCOUNT, Qualifier="1")
        assert await _get(functions, function_arn("hello", "1"), caller=GUEST) == "1"
        await functions("RemovePermission", StatementId="guest")
        with refused("AccessDeniedException"):
            await _get(functions, caller=GUEST)
        with refused("ResourceNotFoundException", MISSING):
            await functions("GetPolicy")

    with_functions(tmp_path, body)


def test_an_identity_of_the_account_is_let_in_and_who_is_made_anew_is_somebody_else(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make()
        ann = await functions.user("ann")
        with refused("AccessDeniedException"):
            await _get(functions, caller=ann)
        await functions("AddPermission", StatementId="ann", Action=GET, Principal=ann.arn)
        assert await _get(functions, caller=ann) == "$LATEST"
        policy = json.loads((await functions("GetPolicy"))["Policy"])
        assert policy["Statement"][0]["Principal"] == {"AWS": ann.arn}
        invalid = "The provided principal was invalid. Please check the principal and try again."
        for principal in ("nobody", f"arn:aws:iam::{ACCOUNT}:user/nobody", "arn:aws:s3:::bucket", "12345"):
            with refused("InvalidParameterValueException", invalid):
                await functions("AddPermission", StatementId="x", Action=GET, Principal=principal)

    with_functions(tmp_path, body)


def test_a_service_is_let_in_for_the_source_that_was_named(tmp_path: Path) -> None:
    source = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-abcdef"

    async def body(functions: Functions) -> None:
        await functions.make()
        house = functions.house.house

        async def as_service(arn: str, account_id: str = ACCOUNT, name: str = "secretsmanager.amazonaws.com") -> str:
            now = house.clock.now()
            answer = await perform(
                house,
                "lambda",
                "GetFunctionConfiguration",
                {"FunctionName": function_arn("hello")},
                caller=Caller.service(name, account_id),
                origin=Origin(new_request_id(now), now, "AWS Internal", True),
                region="us-east-1",
                source=SourceResource(arn, account_id),
            )
            return str(answer["Version"])

        with refused("AccessDeniedException"):
            await as_service(source)
        added = await functions(
            "AddPermission",
            StatementId="rotation",
            Action=GET,
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=ACCOUNT,
            SourceArn=f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-*",
        )
        assert json.loads(added["Statement"])["Condition"] == {
            "StringEquals": {"AWS:SourceAccount": ACCOUNT},
            "ArnLike": {"AWS:SourceArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-*"},
        }
        assert await as_service(source) == "$LATEST"
        for wrong in (
            (source.replace("db-", "other-"),),
            (source, GUEST_ACCOUNT),
            (source, ACCOUNT, "s3.amazonaws.com"),
        ):
            with refused("AccessDeniedException"):
                await as_service(*wrong)

    with_functions(tmp_path, body)


def test_everybody_of_an_organization_is_let_in(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make()
        await make_account(functions.house, GUEST_ACCOUNT)
        added = await functions(
            "AddPermission", StatementId="org", Action="lambda:*", Principal="*", PrincipalOrgID="o-1234567890"
        )
        assert json.loads(added["Statement"])["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
        inside = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001", organization_id="o-1234567890")
        outside = Caller.root(GUEST_ACCOUNT, "AKIATESTGUESTKEY0001", organization_id="o-0987654321")
        assert await _get(functions, caller=inside) == "$LATEST"
        for stranger in (outside, GUEST):
            with refused("AccessDeniedException"):
                await _get(functions, caller=stranger)

    with_functions(tmp_path, body)


def test_policies_have_the_revision_of_what_they_belong_to(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        made = await functions.make(Publish=True)
        await functions("CreateAlias", Name="live", FunctionVersion="1")
        permission = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        await functions("AddPermission", StatementId="s1", **permission)
        policy = await functions("GetPolicy")
        assert policy["RevisionId"] == (await functions("GetFunctionConfiguration"))["RevisionId"]
        with refused("PreconditionFailedException", f"{REPLACED.format('GetFunction/GetAlias')}Revision Id"):
            await functions("AddPermission", StatementId="s2", RevisionId=made["RevisionId"], **permission)
        await functions("AddPermission", StatementId="s2", RevisionId=policy["RevisionId"], **permission)
        await functions("AddPermission", StatementId="s1", Qualifier="live", **permission)
        of_alias = await functions("GetPolicy", Qualifier="live")
        assert of_alias["RevisionId"] == (await functions("GetAlias", Name="live"))["RevisionId"]
        with refused("PreconditionFailedException", f"{REPLACED.format('GetPolicy')}Revision Id"):
            await functions("AddPermission", StatementId="s2", Qualifier="live", RevisionId="other", **permission)
        exists = "Please provide a new statement id, or remove the existing statement."
        with refused("ResourceConflictException", f"The statement id (s1) provided already exists. {exists}"):
            await functions("AddPermission", StatementId="s1", **permission)
        with refused("ResourceNotFoundException", "Statement s3 is not found in resource policy."):
            await functions("RemovePermission", StatementId="s3")
        await functions("RemovePermission", StatementId="s2")
        with refused("ResourceNotFoundException", "No policy is associated with the given resource."):
            await functions("RemovePermission", StatementId="s1", Qualifier="1")

    with_functions(tmp_path, body)


def test_permissions_are_refused_as_aws_does(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make()
        permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        with refused("InvalidParameterValueException", "We currently do not support adding policies for $LATEST."):
            await functions("AddPermission", Qualifier="$LATEST", **permission)
        with refused("ResourceNotFoundException", f"Function not found: {function_arn('hello', '42')}"):
            await functions("AddPermission", Qualifier="42", **permission)
        with refused("ResourceNotFoundException", f"Cannot find alias arn: {function_arn('hello', 'none')}"):
            await functions("AddPermission", Qualifier="none", **permission)
        with refused("ResourceNotFoundException", f"Function not found: {function_arn('nothing')}"):
            await functions("AddPermission", "nothing", **permission)
        differ = "The derived qualifier from the function name does not match the specified qualifier."
        with refused("InvalidParameterValueException", differ):
            await functions("AddPermission", "hello:one", Qualifier="two", **permission)
        with refused("ResourceNotFoundException", f"No policy found for: {function_arn('nothing')}"):
            await functions("RemovePermission", "nothing", StatementId="s")
        permission |= {"SourceArn": "arn:aws:s3:::" + "b" * 900}
        with refused("PolicyLengthExceededException"):
            for number in range(30):
                await functions("AddPermission", **permission | {"StatementId": f"s{number}"})

    with_functions(tmp_path, body)


def test_nobody_makes_a_function_in_another_account(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await make_account(functions.house, GUEST_ACCOUNT)
        name = f"arn:aws:lambda:us-east-1:{GUEST_ACCOUNT}:function:hello"
        with refused("AccessDeniedException"):
            await functions.house.call("lambda", "CreateFunction", **creation(name))

    with_functions(tmp_path, body)
