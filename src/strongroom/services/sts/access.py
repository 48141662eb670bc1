"""Which credentials may call STS for what. Source: IAM User Guide, "Compare AWS STS credentials"."""

from collections.abc import Sequence

from strongroom.identities.sessions import ROLE_SESSION
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.services.sts import errors


def require_long_term(call: Call) -> None:
    """Raise AccessDenied unless the caller signs with an access key of a user or root user."""
    if call.caller.session is not None or not is_user(call):
        raise errors.not_with_session_credentials(call.operation.name)


def is_root(call: Call) -> bool:
    """Return whether an account's root user calls, with a session or without."""
    return call.caller.identity.type == "Root"


def is_user(call: Call) -> bool:
    """Return whether a user or root user calls, with a session or without: nobody else may have an MFA device."""
    return call.caller.identity.type in ("IAMUser", "Root")


def on_account(call: Call, action: str) -> Sequence[Requirement]:
    """Return the requirement of an action that is about no resource.

    Raises AccessDenied for sessions that may do no more than ask who they are, or assume a role: those of federated
    users, and those of GetSessionToken without a second factor.
    """
    session = call.caller.session
    may_call = session is None or session.kind == ROLE_SESSION or (session.mfa_authenticated and is_user(call))
    if not may_call:
        raise errors.not_with_session_credentials(call.operation.name)
    return (Requirement(action=action, resource="*", account_id=call.account_id),)
