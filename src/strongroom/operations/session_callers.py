"""Callers made of what the directory knows: IAM users, and whoever acts by a session token.

Source: IAM User Guide, "AWS global condition context keys" (aws:userid, aws:PrincipalArn), "IAM identifiers",
"Session policies", "Pass session tags in AWS STS".
"""

from collections.abc import Mapping

from strongroom.base.arn import root_arn
from strongroom.identities.compiled import compiled
from strongroom.identities.directory import Directory, KnownIdentity
from strongroom.identities.identifiers import ROLE, USER, federated_user_arn, session_arn
from strongroom.identities.sessions import FEDERATED_SESSION, ROLE_SESSION, ROOT_SESSION, USER_SESSION, Session
from strongroom.operations.callers import NO_TAGS, Caller
from strongroom.operations.trail import Identity, SessionContext
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.principal import Principal


def user_caller(
    user: KnownIdentity, access_key_id: str, organization_id: str | None, session: Session | None = None
) -> Caller:
    """Return an IAM user who calls with one of its access keys, or with a session of GetSessionToken."""
    context = None if session is None else _context(session, "IAMUser", user.arn, user.name)
    return Caller(
        Principal.user(user.arn, user.account_id, user.unique_id),
        Identity("IAMUser", user.unique_id, user.arn, user.account_id, access_key_id, user.name, context),
        user.policies,
        user.boundary,
        tags=user.tags,
        session=session,
        organization_id=organization_id,
    )


async def caller_of(session: Session, directory: Directory, organization_id: str | None) -> Caller | None:
    """Return who acts by `session`, or None when the role or user behind it is gone."""
    if session.kind == ROOT_SESSION:
        return _root_session(session, directory.partition, organization_id)
    issued_by_root = session.issuer_id == session.account_id
    issuer = None if issued_by_root else await directory.find(session.issuer_id)
    if session.kind == FEDERATED_SESSION and (issuer is not None or issued_by_root):
        return await _federated_session(session, issuer, directory, organization_id)
    if issuer is None:
        return None
    if session.kind == USER_SESSION and issuer.kind == USER:
        return user_caller(issuer, session.access_key_id, organization_id, session)
    if session.kind == ROLE_SESSION and issuer.kind == ROLE:
        return await _role_session(session, issuer, directory, organization_id)
    return None


def _context(session: Session, issuer_type: str, issuer_arn: str, issuer_name: str) -> SessionContext:
    return SessionContext(
        issuer_type,
        session.issuer_id,
        issuer_arn,
        issuer_name,
        session.issued_at,
        session.mfa_authenticated,
        session.source_identity,
        session.provider,
    )


def _root_session(session: Session, partition: str, organization_id: str | None) -> Caller:
    account_id = session.account_id
    arn = root_arn(account_id, partition)
    context = _context(session, "Root", arn, "")
    return Caller(
        Principal.root(account_id, partition),
        Identity("Root", account_id, arn, account_id, session.access_key_id, None, context),
        session=session,
        organization_id=organization_id,
    )


async def _role_session(
    session: Session, role: KnownIdentity, directory: Directory, organization_id: str | None
) -> Caller:
    arn = session_arn(directory.partition, role.account_id, role.name, session.name)
    user_id = f"{role.unique_id}:{session.name}"
    context = _context(session, "Role", role.arn, role.name)
    return Caller(
        Principal.role_session(arn, role.account_id, role.arn, role.unique_id),
        Identity("AssumedRole", user_id, arn, role.account_id, session.access_key_id, None, context),
        role.policies,
        role.boundary,
        await _session_policies(session, directory),
        tags_under(role.tags, session.tags),
        session,
        organization_id,
    )


async def _federated_session(
    session: Session, issuer: KnownIdentity | None, directory: Directory, organization_id: str | None
) -> Caller:
    """A federated user has the permissions of the user (or root) who made the session, within its session policies."""
    account_id = session.account_id
    arn = federated_user_arn(directory.partition, account_id, session.name)
    issuer_arn = root_arn(account_id, directory.partition) if issuer is None else issuer.arn
    context = _context(session, "Root" if issuer is None else "IAMUser", issuer_arn, issuer.name if issuer else "")
    user_id = f"{account_id}:{session.name}"
    policies = (_ROOT_POWER,) if issuer is None else issuer.policies
    return Caller(
        Principal.federated_user(arn, account_id, issuer_arn, "" if issuer is None else issuer.unique_id),
        Identity("FederatedUser", user_id, arn, account_id, session.access_key_id, None, context),
        policies,
        issuer.boundary if issuer is not None else None,
        await _session_policies(session, directory),
        tags_under(NO_TAGS if issuer is None else issuer.tags, session.tags),
        session,
        organization_id,
    )


_ROOT_POWER = NamedPolicy(
    "the account root's own power",
    compiled('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'),
)


def tags_under(own: Mapping[str, str], session_tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return the tags of a session: its own ones, which take the place of the role's or user's of whatever case."""
    if not session_tags:
        return own
    replaced = {key.lower() for key in session_tags}
    return {key: value for key, value in own.items() if key.lower() not in replaced} | dict(session_tags)


async def _session_policies(session: Session, directory: Directory) -> tuple[NamedPolicy, ...] | None:
    if not session.has_policies:
        return None
    passed = [NamedPolicy("session policy", compiled(text)) for text in session.policies]
    passed += [await directory.managed_policy(arn) for arn in session.policy_arns]
    return tuple(passed)
