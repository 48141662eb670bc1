"""Roles to be assumed: what their trust policies are asked, and the session that comes of it.

AssumeRole and AssumeRoleWithWebIdentity differ in who asks and in how that is proved; the rest is here.

Source: AWS STS API Reference, "AssumeRole"; IAM User Guide, "IAM and AWS STS condition context keys", "Roles terms and
concepts" (role chaining), "Monitor and control actions taken with assumed roles" (source identity).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from strongroom.base.arn import Arn, parse_arn
from strongroom.base.errors import AwsError
from strongroom.identities.compiled import compiled
from strongroom.identities.directory import KnownIdentity
from strongroom.identities.identifiers import session_arn
from strongroom.identities.sessions import ROLE_SESSION
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import REQUEST_TAG, tag_value
from strongroom.operations.registry import Answer
from strongroom.operations.trail import Resource
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.services.sts import errors
from strongroom.services.sts.credentials import give_out
from strongroom.services.sts.session_policies import SessionPolicies, check_existence, packed_percent
from strongroom.services.sts.session_tags import SessionTags

DEFAULT_SECONDS = 3_600
CHAINED_SECONDS_MAX = 3_600

_RESOURCE_TAGS = ("aws:resourcetag/", "iam:resourcetag/")
_NO_ROLE = compiled('{"Statement":{"Effect":"Deny","Principal":"*","Action":"sts:*"}}', PolicyKind.TRUST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A role about to be assumed. `role` is None when there is none with that ARN: a refusal does not tell so.

    `mfa_authenticated` is whether the request itself had a code. `provider` is the ARN of who vouched for a web
    identity, and `claims` are the condition keys that follow from its token, by name in lower case. `session_keys` are
    more of them, which a service gives the session that it asks for. `chained` tells that a role session asks.
    """

    role_arn: Arn
    role: KnownIdentity | None
    session_name: str
    policies: SessionPolicies
    tags: SessionTags
    source_identity: str = ""
    mfa_authenticated: bool = False
    provider: str = ""
    claims: Mapping[str, str | list[str]] = field(default_factory=dict)
    session_keys: Mapping[str, str] = field(default_factory=dict)
    chained: bool = False


def role_arn_of(call: Call) -> Arn:
    """Return the ARN of the role that a request names. Raises ValidationError when it is not a role's."""
    text = call.params["RoleArn"]
    arn = parse_arn(text)
    if arn is None or arn.service != "iam" or arn.region or not arn.resource.startswith("role/"):
        raise errors.invalid(f"{text} is invalid")
    return arn


def checked_source_identity(value: str) -> str:
    """Return a source identity. Raises ValidationError for one that AWS keeps to itself."""
    if value.lower().startswith("aws:"):
        raise errors.invalid("A source identity cannot begin with aws:, which is reserved.")
    return value


def requirements(
    call: Call, assumption: Assumption, action: str, refusal: Callable[[str], AwsError]
) -> tuple[Requirement, ...]:
    """Return what has to be allowed: `action`, tagging where there are tags, and setting a source identity.

    Each is asked of the caller's policies and of the role's trust policy. Tags and a source identity that come down a
    chain of roles have to be allowed at every link. `refusal` makes the error to answer with, of the action.
    """
    actions = [action]
    if assumption.tags.tags:
        actions.append("sts:TagSession")
    if assumption.source_identity:
        actions.append("sts:SetSourceIdentity")
    role, arn = assumption.role, str(assumption.role_arn)
    trust = role.trust if role is not None else None
    if trust is None:
        trust = NamedPolicy(f"no trust policy, for {arn} is no role", _NO_ROLE)
    conditions = _Conditions(call, assumption)
    return tuple(
        Requirement(
            action=each,
            resource=arn,
            account_id=assumption.role_arn.account_id,
            policy=trust,
            policy_is_decisive=True,
            is_trust_policy=True,
            conditions=conditions,
            audited=Resource(arn, assumption.role_arn.account_id, "AWS::IAM::Role") if each == action else None,
            refusal=refusal(each),
        )
        for each in actions
    )


class _Conditions:
    """The condition keys of one call that assumes a role, asked in lower case."""

    __slots__ = ("_known", "_role", "_tags")

    def __init__(self, call: Call, assumption: Assumption) -> None:
        tags = assumption.tags
        self._role = assumption.role
        self._tags = tags.tags
        self._known: dict[str, ConditionValue] = {
            "sts:rolesessionname": assumption.session_name,
            "sts:externalid": call.params.get("ExternalId"),
            "sts:sourceidentity": assumption.source_identity or None,
            "sts:transitivetagkeys": list(tags.transitive) or None,
            "sts:durationseconds": call.params.get("DurationSeconds", DEFAULT_SECONDS),
            "aws:tagkeys": list(tags.tags) or None,
            **assumption.claims,
        }
        if assumption.mfa_authenticated:
            self._known |= {"aws:multifactorauthpresent": True, "aws:multifactorauthage": 0}
        if assumption.provider:
            # Whoever comes with a web identity belongs to no account yet, and an empty list is an absent key.
            absent = ("aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid")
            self._known |= {"aws:federatedprovider": assumption.provider, **dict.fromkeys(absent, ())}

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, or None when it is not one of these."""
        if name.startswith(REQUEST_TAG):
            return tag_value(self._tags, name[len(REQUEST_TAG) :])
        if name.startswith(_RESOURCE_TAGS):
            return tag_value(self._role.tags, name.partition("/")[2]) if self._role is not None else None
        return self._known.get(name)


async def assume(call: Call, assumption: Assumption, **told: str) -> Answer:
    """Return the answer that gives out credentials for the role, with what is `told` besides.

    The guard has allowed it. Raises ValidationError for a session that would be longer than the role or a chain allows,
    or a managed session policy that does not exist, and PackedPolicyTooLarge.
    """
    role = assumption.role
    if role is None:
        # Nothing allows what is no role; should anything ever, there is still nothing to assume.
        raise errors.denied(f"{assumption.role_arn} cannot be assumed")
    seconds = call.params.get("DurationSeconds", DEFAULT_SECONDS)
    if seconds > role.max_session_seconds:
        raise errors.invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if assumption.chained and seconds > CHAINED_SECONDS_MAX:
        raise errors.invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    policies, tags = assumption.policies, assumption.tags
    await check_existence(call, policies, role.account_id)
    percent = packed_percent(policies, tags)
    name = assumption.session_name
    answer: Answer = {
        "AssumedRoleUser": {
            "Arn": session_arn(call.house.directory.partition, role.account_id, role.name, name),
            "AssumedRoleId": f"{role.unique_id}:{name}",
        },
        "PackedPolicySize": percent,
        "SourceIdentity": assumption.source_identity or None,
        **told,
    }
    return await give_out(
        call,
        seconds,
        answer,
        kind=ROLE_SESSION,
        account_id=role.account_id,
        issuer_id=role.unique_id,
        name=name,
        has_policies=bool(policies),
        policies=policies.documents,
        policy_arns=policies.arns,
        tags=dict(tags.tags),
        transitive_tags=tags.transitive,
        source_identity=assumption.source_identity,
        # What the role may do is not asked for the second factor again: AWS leaves it out of role sessions.
        mfa_authenticated=False,
        provider=assumption.provider,
        claims=dict(assumption.claims) | dict(assumption.session_keys),
        chained=assumption.chained,
    )
