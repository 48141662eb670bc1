"""RevokeGrant and RetireGrant: both end a grant; they differ in who may.

To revoke is a permission like any other. Whether one may retire a grant is said by the grant: its retiring principal,
its grantee when RetireGrant is among the operations, and the account of the key. An account passes that on by its own
identity policies; a key policy can only forbid it. Source: AWS KMS Developer Guide, "Retiring and revoking grants".
"""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import Document
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Effect
from strongroom.services.kms import errors
from strongroom.services.kms.access import control_of_key, denied_elsewhere, for_aws_resource, on_key
from strongroom.services.kms.grants import tables
from strongroom.services.kms.grants.grant import RETIRE_GRANT, Constraints, allowance
from strongroom.services.kms.grants.grant_directory import Grantee, grant_cache_name
from strongroom.services.kms.grants.grant_listing import require_grant_id
from strongroom.services.kms.grants.grant_principals import account_principal
from strongroom.services.kms.grants.grant_tokens import open_token
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.keys import Key
from strongroom.services.kms.service import KMS, own_quota
from strongroom.storage.connection import Connection

_ACTION = f"kms:{RETIRE_GRANT}"

GrantRow = Any
"""A row of `tables.GRANTS`."""


@operation(
    KMS,
    "RevokeGrant",
    needs=control_of_key("kms:RevokeGrant", other_accounts_allowed=True, own=for_aws_resource),
    quota=own_quota("RevokeGrant"),
)
async def revoke_grant(call: Call) -> Answer:
    """Take back a grant. Source: AWS KMS API Reference, RevokeGrant."""
    key: Key = call.target
    grant_id = call.params["GrantId"]
    require_grant_id(grant_id)
    row = await call.read(lambda connection: tables.select_grant(connection, key.region, key.key_id, grant_id))
    if row is None:
        raise errors.grant_not_found(grant_id)
    return await _end(call, key, row)


async def _needs_of_retire_grant(call: Call) -> Sequence[Requirement]:
    key, grant_id = await _named_grant(call)
    row = await call.read(lambda connection: tables.select_grant(connection, key.region, key.key_id, grant_id))
    if row is None:
        raise errors.grant_not_found(grant_id) if key.account_id == call.account_id else denied_elsewhere(call)
    call.target = (key, row)
    constraints = Constraints.of(row.constraints)
    own = {"kms:grantconstrainttype": list(constraints.shown()) or None}
    requirement = on_key(call, key, _ACTION, constraints.pairs or None, own)
    requirement.policy = _only_denying(key.policy)
    requirement.remembered = None
    requirement.grants = _who_may_retire(call, key, row)
    return (requirement,)


async def _named_grant(call: Call) -> tuple[Key, str]:
    """Return the key and the id of the grant that a request names, by a token or by key and grant id."""
    params = call.params
    token, key_id, grant_id = params.get("GrantToken"), params.get("KeyId"), params.get("GrantId")
    directory = call.house.part(KeyDirectory)
    if token is not None:
        if key_id is not None or grant_id is not None:
            raise errors.validation("GrantToken must not be specified together with KeyId and GrantId.")
        named = open_token(call.house.sealer, token)
        if named.region != call.region:
            raise errors.invalid_grant_token()
        key = await directory.find(named.region, named.key_id)
        if key is None:
            raise errors.grant_not_found(named.grant_id)
        return key, named.grant_id
    if key_id is None or grant_id is None:
        raise errors.validation("Either GrantToken, or both KeyId and GrantId must be specified.")
    require_grant_id(grant_id)
    return await directory.identify(call, key_id, alias_allowed=False), grant_id


def _only_denying(policy: NamedPolicy) -> NamedPolicy:
    document = policy.document
    denying = [statement for statement in document.statements if statement.effect is Effect.DENY]
    return NamedPolicy(policy.source, Document(document.kind, document.version, document.id, denying))


def _who_may_retire(call: Call, key: Key, row: GrantRow) -> tuple[NamedPolicy, ...]:
    source = f"grant {row.grant_id}"
    account = account_principal(key.account_id, call.house.directory.partition)
    named = [(f"account of {source}", account.named, account.id)]
    if row.retiring is not None:
        named.append((f"retiring principal of {source}", row.retiring, row.retiring_id))
    if RETIRE_GRANT in row.operations:
        named.append((source, row.grantee, row.grantee_id))
    return tuple(allowance(source, principal, unique, [_ACTION]) for source, principal, unique in named)


@operation(KMS, "RetireGrant", needs=_needs_of_retire_grant, quota=own_quota("RetireGrant"))
async def retire_grant(call: Call) -> Answer:
    """End a grant that is not needed any more. Source: AWS KMS API Reference, RetireGrant."""
    key, row = call.target
    return await _end(call, key, row)


async def _end(call: Call, key: Key, row: GrantRow) -> Answer:
    if call.params.get("DryRun"):
        raise errors.dry_run_succeeded()

    def write(connection: Connection) -> Answer:
        if not tables.delete_grant(connection, key.region, key.key_id, row.grant_id):
            raise errors.grant_not_found(row.grant_id)
        return {}

    announced = grant_cache_name(Grantee(key.region, key.key_id, row.grantee_id), row.grant_id)
    return await call.write(write, invalidates=(cache_name(key.region, key.key_id), announced))
