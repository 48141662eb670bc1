"""Who calls in a simulation, and whose resource it is. Source: IAM API Reference, "SimulatePrincipalPolicy"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.identities.identifiers import ROLE, USER, session_arn
from strongroom.operations.call import Call
from strongroom.policy.context import ContextValue
from strongroom.policy.principal import Principal, PrincipalKind
from strongroom.policy.principal_element import account_named
from strongroom.services.iam import errors
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.policy_source import entity_kind_and_name

SIMULATED_SESSION_NAME = "simulated"


@dataclass(frozen=True, slots=True)
class SimulatedCaller:
    """Who is taken to call. `facts` are the condition values that follow from who it is, by key in lower case."""

    principal: Principal
    facts: Mapping[str, ContextValue] = field(default_factory=dict)


def nobody_in_particular(account_id: str) -> SimulatedCaller:
    """Return some user of an account, of whom nothing else is known."""
    return SimulatedCaller(Principal(PrincipalKind.USER, account_id=account_id), {"aws:principalaccount": account_id})


def simulated_caller(call: Call, arn: str, row: EntityRow | None) -> SimulatedCaller:
    """Return the user, group or role with an ARN as a caller: a role by a session of it, a group as some user would be.

    `row` is what is stored of it, None when it is not there, or not of the caller's account. Raises InvalidInput for an
    ARN of anything else.
    """
    kind, name = entity_kind_and_name(arn)
    parts = parse_arn(arn)
    account_id = parts.account_id if parts is not None else ""
    facts: dict[str, ContextValue] = {"aws:principalarn": arn, "aws:principalaccount": account_id}
    unique_id = ""
    if row is not None:
        unique_id = row.unique_id
        facts |= {f"aws:principaltag/{key.lower()}": value for key, value in row.tags.items()}
    if kind == ROLE:
        facts["aws:principaltype"] = "AssumedRole"
        session = session_arn(call.house.directory.partition, account_id, name, SIMULATED_SESSION_NAME)
        return SimulatedCaller(Principal.role_session(session, account_id, arn, unique_id), facts)
    facts["aws:principaltype"] = "User"
    if kind == USER:
        facts["aws:username"] = name
        if unique_id:
            facts["aws:userid"] = unique_id
    return SimulatedCaller(Principal.user(arn, account_id, unique_id), facts)


def resource_owner(params: Mapping[str, Any], resource: str, caller: SimulatedCaller) -> str:
    """Return the account that owns a simulated resource: as its ARN says, as the request says, or the caller's.

    Raises InvalidInput for a ResourceOwner that is no account.
    """
    parts = parse_arn(resource)
    if parts is not None and parts.account_id:
        return parts.account_id
    named = params.get("ResourceOwner")
    if named is None:
        return caller.principal.account_id
    account_id = account_named(named)
    if account_id is None:
        raise errors.invalid_input("ResourceOwner must be an account id.")
    return account_id
