"""Global condition keys (`aws:...`): what every request answers, whatever the service.

Source: IAM User Guide, "AWS global condition context keys". A key that a request does not have answers None, and the
policy engine applies the rules on absent keys.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.identities.sessions import FEDERATED_SESSION, Session
from strongroom.operations.call import Call
from strongroom.operations.organizations import Organizations
from strongroom.policy.context import AMBIGUOUS, ContextValue
from strongroom.policy.principal import PrincipalKind

PRINCIPAL_TAG = "aws:principaltag/"
REQUEST_TAG = "aws:requesttag/"
_TAG_MEMBERS = ("Tags", "tags")
_TAG_KEYS_MEMBERS = ("TagKeys", "tagKeys", "TagKeyList")
_KEY_NAMES, _VALUE_NAMES = ("Key", "TagKey", "key"), ("Value", "TagValue", "value")

_PRINCIPAL_TYPES: Mapping[str, str] = {
    "Root": "Account",
    "IAMUser": "User",
    "AssumedRole": "AssumedRole",
    "FederatedUser": "FederatedUser",
    "Anonymous": "Anonymous",
}

_UNSIGNED = frozenset({PrincipalKind.ANONYMOUS, PrincipalKind.FEDERATED})


def tag_value(tags: Mapping[str, str], wanted: str) -> ContextValue:
    """Return the value of a tag by its key in lower case, or None: condition keys are not case-sensitive.

    Two tags whose keys differ in case only are AMBIGUOUS, unless their values are the same. Source: IAM User Guide,
    "Controlling access to AWS resources using tags" (a condition matches either of the keys, "but not both").
    """
    values = {value for name, value in tags.items() if name.lower() == wanted}
    if len(values) > 1:
        return AMBIGUOUS
    return values.pop() if values else None


def request_tags(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that a request sends, whichever way its service writes them; a key alone has no value."""
    for member in _TAG_MEMBERS:
        sent = params.get(member)
        if isinstance(sent, Mapping):
            return {str(name): str(value) for name, value in sent.items()}
        if isinstance(sent, Sequence) and not isinstance(sent, str):
            return dict(_pair(tag) for tag in sent if isinstance(tag, Mapping))
    return {}


def _pair(tag: Mapping[str, Any]) -> tuple[str, str]:
    key = next((tag[name] for name in _KEY_NAMES if name in tag), "")
    value = next((tag[name] for name in _VALUE_NAMES if name in tag), "")
    return str(key), str(value)


def _tag_keys(call: Call) -> ContextValue:
    for member in _TAG_KEYS_MEMBERS:
        named = call.params.get(member)
        if isinstance(named, Sequence) and not isinstance(named, str):
            return [str(name) for name in named]
    return list(request_tags(call.params)) or None


def _called_via(call: Call) -> ContextValue:
    return [f"{service}.amazonaws.com" for service in call.called_via] or None


def _username(call: Call) -> ContextValue:
    # The key is there for IAM users, with long-term credentials or GetSessionToken's, and for nobody else.
    identity = call.caller.identity
    return identity.username if identity.type == "IAMUser" else None


def _issued_at(call: Call) -> ContextValue:
    session = call.caller.session
    return as_datetime(int(session.issued_at)) if session is not None else None


def _user_session(call: Call) -> Session | None:
    """Return the session that a user of this server began, of which it is known whether it was with MFA.

    How a federated identity signed in is known to its provider only: the keys about MFA are absent.
    """
    session = call.caller.session
    if session is None or session.provider or session.kind == FEDERATED_SESSION:
        return None
    return session


def _mfa_present(call: Call) -> ContextValue:
    session = _user_session(call)
    return session.mfa_authenticated if session is not None else None


def _mfa_age(call: Call) -> ContextValue:
    session = _user_session(call)
    if session is None or not session.mfa_authenticated:
        return None
    return max(0, int(call.now - session.issued_at))


def _of_session(member: str) -> Callable[[Call], ContextValue]:
    def value(call: Call) -> ContextValue:
        session = call.caller.session
        return (getattr(session, member) or None) if session is not None else None

    return value


def _organization_paths(organization_id: str | None) -> ContextValue:
    return [f"{organization_id}/r-root/"] if organization_id else None


def _principal_arn(call: Call) -> ContextValue:
    """The role of a role session; of everybody else, a federated user too, the ARN that calls."""
    principal = call.caller.principal
    return (principal.issuer_arn if principal.kind is PrincipalKind.ROLE_SESSION else principal.arn) or None


def _principal_account(call: Call) -> ContextValue:
    principal = call.caller.principal
    return "anonymous" if principal.kind is PrincipalKind.ANONYMOUS else principal.account_id or None


def _user_id(call: Call) -> ContextValue:
    caller = call.caller
    return "anonymous" if caller.principal.kind is PrincipalKind.ANONYMOUS else caller.user_id or None


def _is_service(call: Call) -> ContextValue:
    kind = call.caller.principal.kind
    return None if kind in _UNSIGNED else kind is PrincipalKind.SERVICE


def _principal_service(call: Call) -> ContextValue:
    principal = call.caller.principal
    return principal.name if principal.kind is PrincipalKind.SERVICE else None


def _source_account(call: Call) -> ContextValue:
    return call.source.account_id if call.source is not None else None


def _source_organization(call: Call) -> str | None:
    return call.source.organization_id if call.source is not None else None


def _source_ip(call: Call) -> ContextValue:
    # What a service does on somebody's behalf keeps that one's address; what it does for itself has none.
    is_service = call.caller.principal.kind is PrincipalKind.SERVICE
    return None if is_service else call.origin.source_ip or None


_GLOBAL: Mapping[str, Callable[[Call], ContextValue]] = {
    "aws:securetransport": lambda call: call.origin.secure,
    "aws:sourceip": _source_ip,
    "aws:useragent": lambda call: call.origin.user_agent or None,
    "aws:referer": lambda call: call.origin.referer or None,
    "aws:currenttime": lambda call: as_datetime(call.origin.received_at),
    "aws:epochtime": lambda call: int(call.origin.received_at),
    "aws:principalarn": _principal_arn,
    "aws:principalaccount": _principal_account,
    "aws:principaltype": lambda call: _PRINCIPAL_TYPES.get(call.caller.identity.type),
    "aws:principalorgid": lambda call: call.caller.organization_id,
    "aws:principalorgpaths": lambda call: _organization_paths(call.caller.organization_id),
    "aws:principalisawsservice": _is_service,
    "aws:principalservicename": _principal_service,
    "aws:principalservicenameslist": _principal_service,
    "aws:userid": _user_id,
    "aws:username": _username,
    "aws:tokenissuetime": _issued_at,
    "aws:multifactorauthpresent": _mfa_present,
    "aws:multifactorauthage": _mfa_age,
    "aws:sourceidentity": _of_session("source_identity"),
    "aws:federatedprovider": _of_session("provider"),
    "aws:requestedregion": lambda call: call.serving_region,
    "aws:viaawsservice": lambda call: bool(call.called_via),
    "aws:calledvia": _called_via,
    "aws:calledviafirst": lambda call: f"{call.called_via[0]}.amazonaws.com" if call.called_via else None,
    "aws:calledvialast": lambda call: f"{call.called_via[-1]}.amazonaws.com" if call.called_via else None,
    "aws:sourcearn": lambda call: call.source.arn if call.source is not None else None,
    "aws:sourceaccount": _source_account,
    "aws:sourceorgid": _source_organization,
    "aws:sourceorgpaths": lambda call: _organization_paths(_source_organization(call)),
    "aws:tagkeys": _tag_keys,
}


def _resource_organization(call: Call, account_id: str) -> str | None:
    caller = call.caller
    if account_id == caller.principal.account_id:
        return caller.organization_id
    return call.house.part(Organizations).of(account_id)


_OF_THE_OWNER: Mapping[str, Callable[[Call, str], ContextValue]] = {
    "aws:resourceaccount": lambda call, account_id: account_id or None,
    "aws:resourceorgid": _resource_organization,
    "aws:resourceorgpaths": lambda call, account_id: _organization_paths(_resource_organization(call, account_id)),
}


def global_condition(call: Call, resource_account_id: str, name: str) -> ContextValue:
    """Return the value of a condition key, named in lower case, or None when the request does not have it.

    Keys of the service that the caller's web identity was vouched for by (`accounts.example.com:sub`) are among them.
    """
    value = _GLOBAL.get(name)
    if value is not None:
        return value(call)
    of_the_owner = _OF_THE_OWNER.get(name)
    if of_the_owner is not None:
        return of_the_owner(call, resource_account_id)
    if name.startswith(PRINCIPAL_TAG):
        return tag_value(call.caller.tags, name[len(PRINCIPAL_TAG) :])
    if name.startswith(REQUEST_TAG):
        return tag_value(request_tags(call.params), name[len(REQUEST_TAG) :])
    session = call.caller.session
    return session.claims.get(name) if session is not None else None
