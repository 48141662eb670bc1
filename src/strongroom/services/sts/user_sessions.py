"""GetSessionToken and GetFederationToken: temporary credentials of a user, or of an account's root user.

Source: AWS STS API Reference, "GetSessionToken", "GetFederationToken"; IAM User Guide, "Compare AWS STS credentials".
"""

from collections.abc import Sequence
from typing import NamedTuple

from strongroom.identities.identifiers import federated_user_arn
from strongroom.identities.sessions import FEDERATED_SESSION, ROOT_SESSION, USER_SESSION
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import REQUEST_TAG, tag_value
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.policy.context import ContextValue
from strongroom.services.sts.access import is_root, require_long_term
from strongroom.services.sts.credentials import give_out
from strongroom.services.sts.multi_factor import proven_by_code
from strongroom.services.sts.service import STS
from strongroom.services.sts.session_policies import (
    SessionPolicies,
    check_existence,
    packed_percent,
    passed_policies,
)
from strongroom.services.sts.session_tags import SessionTags, pairs, session_tags

DEFAULT_SECONDS = 43_200
ROOT_SECONDS_MAX = 3_600


def _seconds(call: Call) -> int:
    seconds: int = call.params.get("DurationSeconds", DEFAULT_SECONDS)
    # AWS shortens a root user's session without a word.
    return min(seconds, ROOT_SECONDS_MAX) if is_root(call) else seconds


async def _may_get_session_token(call: Call) -> Sequence[Requirement]:
    """Anybody may have a session of their own; a policy cannot say otherwise."""
    require_long_term(call)
    call.target = await proven_by_code(call)
    return ()


@operation(STS, "GetSessionToken", needs=_may_get_session_token, reads_only=True)
async def get_session_token(call: Call) -> Answer:
    """Give out temporary credentials of the caller, with a second factor if the request has one."""
    return await give_out(
        call,
        _seconds(call),
        {},
        kind=ROOT_SESSION if is_root(call) else USER_SESSION,
        account_id=call.account_id,
        issuer_id=call.caller.user_id,
        mfa_authenticated=call.target,
    )


class _Federation(NamedTuple):
    """A federated user about to get credentials."""

    arn: str
    policies: SessionPolicies
    tags: SessionTags


async def _may_get_federation_token(call: Call) -> Sequence[Requirement]:
    require_long_term(call)
    arn = federated_user_arn(call.house.directory.partition, call.account_id, call.params["Name"])
    tags = session_tags(pairs(call.params.get("Tags", ())), ())
    call.target = _Federation(arn, passed_policies(call), tags)

    def condition(name: str) -> ContextValue:
        if name == "sts:durationseconds":
            return _seconds(call)
        return tag_value(tags.tags, name[len(REQUEST_TAG) :]) if name.startswith(REQUEST_TAG) else None

    actions = ("sts:GetFederationToken", "sts:TagSession") if tags.tags else ("sts:GetFederationToken",)
    audited = Resource(arn, call.account_id, "AWS::STS::FederatedUser")
    return tuple(
        Requirement(
            action=action,
            resource=arn,
            account_id=call.account_id,
            conditions=condition,
            audited=audited if action == actions[0] else None,
        )
        for action in actions
    )


@operation(STS, "GetFederationToken", needs=_may_get_federation_token, reads_only=True)
async def get_federation_token(call: Call) -> Answer:
    """Give out temporary credentials for somebody else, with what the caller and the session policies both allow."""
    wanted: _Federation = call.target
    policies, tags, name = wanted.policies, wanted.tags, call.params["Name"]
    await check_existence(call, policies, call.account_id)
    answer: Answer = {
        "FederatedUser": {"FederatedUserId": f"{call.account_id}:{name}", "Arn": wanted.arn},
        "PackedPolicySize": packed_percent(policies, tags),
    }
    return await give_out(
        call,
        _seconds(call),
        answer,
        kind=FEDERATED_SESSION,
        account_id=call.account_id,
        issuer_id=call.caller.user_id,
        name=name,
        has_policies=bool(policies),
        policies=policies.documents,
        policy_arns=policies.arns,
        tags=dict(tags.tags),
    )
