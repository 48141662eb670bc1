"""Execution roles: who may pass one to Lambda, which ones Lambda can assume, and who a function is while it runs.

Source: AWS Lambda Developer Guide, "Defining Lambda function permissions with an execution role"; IAM User Guide,
"Grant a user permissions to pass a role to an AWS service".
"""

from strongroom.base.arn import parse_arn
from strongroom.identities.directory import KnownIdentity
from strongroom.identities.identifiers import ROLE
from strongroom.identities.sessions import ROLE_SESSION, Session
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.trail import Resource
from strongroom.policy.context import Context
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import Policies, PolicySet
from strongroom.policy.principal import Principal
from strongroom.policy.request import AccessRequest
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.service import PRINCIPAL

NOT_ASSUMED = "The role defined for the function cannot be assumed by Lambda."


def passing(call: Call, role_arn: str, function_arn: str) -> Requirement:
    """Return the requirement to pass a role to Lambda. Raises AccessDeniedException for another account's role."""
    arn = parse_arn(role_arn)
    if arn is None or arn.account_id != call.account_id:
        raise errors.denied("Cross-account pass role is not allowed.")

    def condition(name: str) -> ConditionValue:
        if name == "iam:passedtoservice":
            return PRINCIPAL
        return function_arn if name == "iam:associatedresourcearn" else None

    return Requirement(
        action="iam:PassRole",
        resource=role_arn,
        account_id=arn.account_id,
        conditions=condition,
        audited=Resource(role_arn, arn.account_id, "AWS::IAM::Role"),
    )


async def assumable_role(call: Call, role_arn: str, function_arn: str) -> KnownIdentity:
    """Return a role. Raises InvalidParameterValueException when it does not exist or does not trust Lambda."""
    role = await call.house.directory.find_by_arn(role_arn)
    if role is None or role.kind != ROLE or not _trusts_lambda(role, function_arn):
        raise errors.invalid_parameter(NOT_ASSUMED)
    return role


def _trusts_lambda(role: KnownIdentity, function_arn: str) -> bool:
    if role.trust is None:
        return False

    known: dict[str, ConditionValue] = {
        "aws:sourcearn": function_arn,
        "aws:sourceaccount": role.account_id,
        "aws:principalservicename": PRINCIPAL,
        "aws:principalisawsservice": True,
    }
    service = Principal.service(PRINCIPAL)
    request = AccessRequest(service, "sts:AssumeRole", role.arn, role.account_id, Context(None, known.get))
    nothing = PolicySet(())
    return evaluate(request, Policies(nothing, None, None, role.trust, True, (), ())).allowed


async def running_as(house: House, role_arn: str, session_name: str) -> Caller | None:
    """Return who a function of that name is while it runs: a session of its role, or None when the role is gone.

    No credentials are given out for it: it is for what Lambda does in the role's name before the function starts.
    """
    role = await house.directory.find_by_arn(role_arn)
    if role is None:
        return None
    now = house.clock.now()
    session = Session(
        kind=ROLE_SESSION,
        access_key_id="",
        secret_access_key="",
        account_id=role.account_id,
        issuer_id=role.unique_id,
        name=session_name,
        issued_at=now,
        expires_at=now,
    )
    return await house.principals.caller_of_session(session)
