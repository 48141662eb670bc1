"""AssumeRole: credentials of a role, for whom its trust policy and the caller's own policies let assume it.

Source: AWS STS API Reference, "AssumeRole".
"""

from collections.abc import Sequence

from strongroom.base.errors import AwsError
from strongroom.identities.sessions import FEDERATED_SESSION, ROLE_SESSION
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.denials import with_encoded_message
from strongroom.operations.registry import Answer, operation
from strongroom.services.sts import errors
from strongroom.services.sts.access import is_root
from strongroom.services.sts.multi_factor import proven_by_code
from strongroom.services.sts.roles import Assumption, assume, checked_source_identity, requirements, role_arn_of
from strongroom.services.sts.service import STS
from strongroom.services.sts.session_policies import passed_policies
from strongroom.services.sts.session_tags import pairs, session_tags


async def _needs(call: Call) -> Sequence[Requirement]:
    params, session = call.params, call.caller.session
    if is_root(call):
        raise errors.denied("Roles may not be assumed by root accounts.")
    if session is not None and session.kind == FEDERATED_SESSION:
        raise errors.not_with_session_credentials("AssumeRole")
    if params.get("ProvidedContexts"):
        raise errors.invalid("ProvidedContexts are not supported: there is no context provider here.")
    arn = role_arn_of(call)
    assumption = call.target = Assumption(
        role_arn=arn,
        role=await call.house.directory.find_by_arn(str(arn)),
        session_name=params["RoleSessionName"],
        policies=passed_policies(call),
        tags=session_tags(pairs(params.get("Tags", ())), params.get("TransitiveTagKeys", ()), session),
        source_identity=_source_identity(call),
        mfa_authenticated=await proven_by_code(call),
        session_keys=call.source.session_keys if call.source is not None else {},
        chained=session is not None and session.kind == ROLE_SESSION,
    )
    return requirements(call, assumption, "sts:AssumeRole", lambda action: _refusal(call, action, arn.account_id))


def _source_identity(call: Call) -> str:
    """Return the source identity of the session to be made. Once set, it stays the same all along a chain of roles."""
    session = call.caller.session
    wanted = checked_source_identity(call.params.get("SourceIdentity", ""))
    kept = session.source_identity if session is not None else ""
    if wanted and kept and wanted != kept:
        raise errors.conflicting("The source identity of the calling session cannot be changed.")
    return wanted or kept


def _refusal(call: Call, action: str, account_id: str) -> AwsError:
    """Return the one refusal for a role that is not there and one that says no.

    In the caller's own account it leads to the audit record; of another account's policies the caller learns nothing.
    """
    message = (
        f"User: {call.caller.principal} is not authorized to perform: {action} on resource: {call.params['RoleArn']}"
    )
    return errors.denied(with_encoded_message(call, message) if account_id == call.account_id else message)


@operation(STS, "AssumeRole", needs=_needs, reads_only=True)
async def assume_role(call: Call) -> Answer:
    """Give out temporary credentials of a role."""
    assumption: Assumption = call.target
    return await assume(call, assumption)
