"""What IAM operations need: which action on which ARN, with IAM's own condition values.

Everything is about the caller's own account. What is not there is asked about with the path `/`, so that whoever may
not see it does not learn that it is not there.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
Management"; IAM User Guide, "IAM and AWS STS condition context keys".
"""

from collections.abc import Callable, Mapping, Sequence

from strongroom.identities.identifiers import USER, identity_arn
from strongroom.identities.sessions import FEDERATED_SESSION, ROOT_SESSION, USER_SESSION
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import NO_TAGS
from strongroom.operations.conditions import tag_value
from strongroom.operations.registry import Needs
from strongroom.operations.trail import Resource
from strongroom.services.iam import errors
from strongroom.services.iam.entity import NAME_MEMBERS, Entity, find_entity

_RESOURCE_TAG = ("aws:resourcetag/", "iam:resourcetag/")
_ASKS_FOR_BOUNDARY = frozenset(
    {"iam:CreateUser", "iam:CreateRole", "iam:PutUserPermissionsBoundary", "iam:PutRolePermissionsBoundary"}
)
_UNDER_BOUNDARY = frozenset(
    f"iam:{verb}{kind}{noun}"
    for kind in ("User", "Role")
    for verb, noun in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
)
_WITH_POLICY = frozenset(
    f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("User", "Role", "Group")
)

Own = Mapping[str, ConditionValue]


class IamConditions:
    """The `iam:` condition values of one requirement, and the tags of its resource.

    `iam:PermissionsBoundary` is the boundary that the request sets where it sets one, and that of the user or role
    where the request changes its policies.
    """

    __slots__ = ("_action", "_boundary_arn", "_call", "_own", "_tags")

    def __init__(
        self, call: Call, action: str, tags: Mapping[str, str], boundary_arn: str | None, own: Own | None
    ) -> None:
        self._call = call
        self._action = action
        self._tags = tags
        self._boundary_arn = boundary_arn
        self._own = own

    def __call__(self, name: str) -> ConditionValue:
        """Return the value of a condition key, named in lower case, or None when the request has none."""
        if self._own is not None and name in self._own:
            return self._own[name]
        for prefix in _RESOURCE_TAG:
            if name.startswith(prefix):
                return tag_value(self._tags, name[len(prefix) :])
        params = self._call.params
        if name == "iam:permissionsboundary":
            if self._action in _ASKS_FOR_BOUNDARY:
                return params.get("PermissionsBoundary")
            return self._boundary_arn if self._action in _UNDER_BOUNDARY else None
        if name == "iam:policyarn":
            return params.get("PolicyArn") if self._action in _WITH_POLICY else None
        if name == "iam:awsservicename":
            return params.get("AWSServiceName")
        return None


_TYPES: Mapping[str, str] = {
    "group": "AWS::IAM::Group",
    "instance-profile": "AWS::IAM::InstanceProfile",
    "policy": "AWS::IAM::Policy",
    "role": "AWS::IAM::Role",
    "user": "AWS::IAM::User",
}


def require_iam_credentials(call: Call) -> None:
    """Raise InvalidClientTokenId for temporary credentials that may not call IAM at all.

    Those are GetFederationToken's, and GetSessionToken's without MFA. Source: AWS STS API Reference, GetSessionToken,
    GetFederationToken.
    """
    session = call.caller.session
    if session is None:
        return
    without_mfa = session.kind in (USER_SESSION, ROOT_SESSION) and not session.mfa_authenticated
    if without_mfa or session.kind == FEDERATED_SESSION:
        raise errors.credentials_not_accepted()


def on(
    call: Call,
    action: str,
    resource: str = "*",
    *,
    tags: Mapping[str, str] = NO_TAGS,
    boundary_arn: str | None = None,
    own: Own | None = None,
) -> Requirement:
    """Return the requirement of `action` (`iam:GetUser`) on an ARN. Every requirement of IAM is made here.

    `tags` are those of the resource as it is, `own` are further condition values by their names in lower case.
    Raises InvalidClientTokenId for credentials that may not call IAM.
    """
    require_iam_credentials(call)
    return Requirement(
        action=action,
        resource=resource,
        account_id=call.account_id,
        conditions=IamConditions(call, action, tags, boundary_arn, own),
        audited=_audited(call, resource),
    )


def _audited(call: Call, resource: str) -> Resource | None:
    """Return a resource as the event history lists it, or None for what is no single one."""
    kind = resource.rpartition(":")[2].partition("/")[0]
    return Resource(resource, call.account_id, _TYPES[kind]) if kind in _TYPES and resource[-1] not in "*/" else None


def on_found(call: Call, action: str, entity: Entity, own: Own | None = None) -> Requirement:
    """Return the requirement of `action` on a user, group or role, there or not."""
    row = entity.row
    if row is None:
        return on(call, action, entity.arn, own=own)
    return on(call, action, entity.arn, tags=row.tags, boundary_arn=row.boundary_arn, own=own)


def account_wide(action: str) -> Needs:
    """Declare an operation on the account as a whole."""

    async def needs(call: Call) -> Sequence[Requirement]:
        return (on(call, action),)

    return needs


def listing(action: str, kind: str) -> Needs:
    """Declare a listing of all of one kind (`user`), of those below `PathPrefix` when the request has one."""

    async def needs(call: Call) -> Sequence[Requirement]:
        prefix = call.params.get("PathPrefix") or "/"
        return (on(call, action, identity_arn(call.house.directory.partition, call.account_id, kind, prefix, "")),)

    return needs


def on_entity(action: str, kind: str) -> Needs:
    """Declare an operation on the user, group or role that the request names; `call.target` is its `Entity`."""

    async def needs(call: Call) -> Sequence[Requirement]:
        entity = call.target = await find_entity(call, kind, call.params[NAME_MEMBERS[kind]])
        return (on_found(call, action, entity),)

    return needs


def on_user_or_caller(action: str) -> Needs:
    """Declare an operation on the user that the request names, or on the caller.

    `call.target` is the `Entity`, or None when the caller is the account's root user and names nobody. Raises
    ValidationError for another caller that is no user.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        require_iam_credentials(call)
        identity = call.caller.identity
        name = call.params.get("UserName")
        if name is None:
            if identity.type == "Root":
                return (on(call, action, identity.arn),)
            name = identity.username if identity.type == "IAMUser" else None
        if name is None:
            raise errors.user_name_needed()
        entity = call.target = await find_entity(call, USER, name)
        return (on_found(call, action, entity),)

    return needs


def creation(action: str, kind: str, tag_action: str = "", *, name_of: Callable[[Call], str] | None = None) -> Needs:
    """Declare an operation that makes a `kind` of the name and path that the request gives.

    With tags in the request, `tag_action` (`iam:TagUser`) must be allowed on it too.
    """

    async def needs(call: Call) -> Sequence[Requirement]:
        params = call.params
        name = name_of(call) if name_of is not None else params[NAME_MEMBERS[kind]]
        arn = identity_arn(call.house.directory.partition, call.account_id, kind, params.get("Path") or "/", name)
        actions = (action, tag_action) if tag_action and params.get("Tags") else (action,)
        return tuple(on(call, each, arn) for each in actions)

    return needs
