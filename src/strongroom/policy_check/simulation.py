"""One request put together from the words of a command line, to be decided without a server."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from strongroom.base.arn import parse_arn
from strongroom.base.errors import OperatorError
from strongroom.policy.context import Context, ContextValue
from strongroom.policy.document import Document, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.principal import Principal, PrincipalKind
from strongroom.policy.request import AccessRequest
from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.vocabulary.actions import closest_action, matching_actions

_TYPES = {
    PrincipalKind.ROOT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
    PrincipalKind.ANONYMOUS: "Anonymous",
}
_SESSION_NAME = "simulated"
_SERVICES = (".amazonaws.com", ".amazonaws.com.cn")


def read_principal(text: str, role_arn: str = "") -> Principal:
    """Return the principal that an ARN, an account id, a service's or provider's name or `*` (anonymous) means.

    A role's ARN means a session of it. `role_arn` is the role of a session that is given by its own ARN, when the role
    has a path. Raises OperatorError.
    """
    if text in ("*", "anonymous"):
        return Principal.anonymous()
    if text.isdecimal() and len(text) == 12:
        return Principal.root(text)
    arn = parse_arn(text)
    if arn is None:
        return _without_arn(text)
    kind, _, name = arn.resource.partition("/")
    if arn.service == "iam" and arn.resource == "root":
        return Principal.root(arn.account_id, arn.partition)
    if arn.service == "iam" and kind == "user" and name:
        return Principal.user(text, arn.account_id)
    if arn.service == "iam" and kind == "role" and name:
        role_name = name.rpartition("/")[2]
        session = f"arn:{arn.partition}:sts::{arn.account_id}:assumed-role/{role_name}/{_SESSION_NAME}"
        return Principal.role_session(session, arn.account_id, text)
    if arn.service == "iam" and kind in ("saml-provider", "oidc-provider"):
        return Principal.federated(text)
    if arn.service == "sts" and kind == "assumed-role" and "/" in name:
        issuer = role_arn or f"arn:{arn.partition}:iam::{arn.account_id}:role/{name.partition('/')[0]}"
        return Principal.role_session(text, arn.account_id, issuer)
    if arn.service == "sts" and kind == "federated-user" and name:
        return Principal.federated_user(text, arn.account_id, f"arn:{arn.partition}:iam::{arn.account_id}:user/{name}")
    raise OperatorError(f"principal {text!r} is not the ARN of a user, role, session, provider or account")


def _without_arn(text: str) -> Principal:
    if text.endswith(_SERVICES):
        return Principal.service(text)
    if "." in text and "/" not in text and ":" not in text:
        return Principal.federated(text)
    raise OperatorError(f"principal {text!r} is neither an ARN nor an account id nor the name of a service")


def read_context(pairs: Iterable[str]) -> dict[str, list[str]]:
    """Return `key=value` pairs as condition keys and values; a key may be given several times. Raises OperatorError."""
    context: dict[str, list[str]] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or ":" not in key:
            raise OperatorError(f"context {pair!r} is not of the form key=value, such as aws:SourceIp=192.0.2.1")
        context.setdefault(key.strip(), []).append(value)
    return context


def assumed_context(request: AccessRequest, region: str, now: datetime) -> dict[str, ContextValue]:
    """Return the condition keys that follow from the request itself, and those of an ordinary HTTPS request now."""
    principal = request.principal
    is_user, is_role = principal.kind is PrincipalKind.USER, principal.kind is PrincipalKind.ROLE_SESSION
    return {
        "aws:PrincipalArn": (principal.issuer_arn if is_role else principal.arn) or None,
        "aws:PrincipalAccount": principal.account_id or None,
        "aws:PrincipalType": _TYPES.get(principal.kind),
        "aws:username": principal.arn.rpartition("/")[2] if is_user else None,
        "aws:ResourceAccount": request.resource_account_id or None,
        "aws:RequestedRegion": region or None,
        "aws:SecureTransport": True,
        "aws:ViaAWSService": False,
        "aws:CurrentTime": now,
        "aws:EpochTime": int(now.timestamp()),
    }


def build_request(
    *,
    action: str,
    resource: str,
    principal: Principal,
    resource_account: str,
    context: Mapping[str, Sequence[str]],
    now: datetime,
) -> AccessRequest:
    """Return the request; what the caller says of the context goes before what is assumed. Raises OperatorError."""
    service, sign, name = action.partition(":")
    if not sign or not service or not name or set(action) & set("*? "):
        raise OperatorError(f"action {action!r} is not of the form service:Name, such as kms:Decrypt")
    if matching_actions(action) == []:
        close = closest_action(action)
        hint = f"; did you mean {close}?" if close is not None else ""
        raise OperatorError(f"{service} has no action {name}{hint}")
    arn = parse_arn(resource)
    if arn is None and resource != "*":
        raise OperatorError(f"resource {resource!r} is neither an ARN nor *")
    account = resource_account or (arn.account_id if arn is not None else "") or principal.account_id
    request = AccessRequest(principal, action, resource, account)
    facts = assumed_context(request, arn.region if arn is not None else "", now)
    given = {key.lower() for key in context}
    facts = {key: value for key, value in facts.items() if key.lower() not in given and value is not None}
    request.context = Context(facts | dict(context))
    return request


def is_decisive(action: str, resource: str) -> bool:
    """Return whether the resource's own policy has to agree for this action: keys, and the trust in roles.

    Of KMS's actions, those about aliases and about no resource are decided by identity policies.
    """
    if action.lower().startswith("sts:assumerole"):
        return True
    arn = parse_arn(resource)
    if arn is not None:
        return arn.service == "kms" and arn.resource.startswith("key/")
    known = matching_actions(action) or ()
    return action.lower().startswith("kms:") and any(one.resource_types != () for one in known)


def read_document(name: str, text: str, kind: PolicyKind) -> Document:
    """Return a policy read from the file `name`. Raises OperatorError when it is none."""
    try:
        return parse(text, kind, resource_required=False)
    except PolicySyntaxError as error:
        raise OperatorError(f"{name} is no {kind.value}: {error}") from None


def resource_policy_kind(action: str) -> PolicyKind:
    """Return the kind of policy that a resource has for this action: a role's is its trust policy."""
    return PolicyKind.TRUST if action.lower().startswith("sts:assumerole") else PolicyKind.RESOURCE
