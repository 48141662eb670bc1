"""CreateGrant. Source: AWS KMS API Reference, CreateGrant; Developer Guide, "Creating grants"."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.access import for_aws_resource, on_grantable_key
from strongroom.services.kms.grants import tables
from strongroom.services.kms.grants.grant import CREATE_GRANT, Constraints, Grant, grantable_operations
from strongroom.services.kms.grants.grant_directory import Grantee, grant_cache_name
from strongroom.services.kms.grants.grant_principals import GrantPrincipal, named_principal
from strongroom.services.kms.grants.grant_tokens import NamedGrant, new_token
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.key_specs import SYMMETRIC_DEFAULT
from strongroom.services.kms.keys import UNAVAILABLE, Key, require_enabled
from strongroom.services.kms.quotas import GRANTS_PER_KEY_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.services.kms.tables import select_key
from strongroom.storage.connection import Connection

PAIRS_PER_CONSTRAINT_MAX = 8
CONSTRAINT_VALUE_CHARACTERS_MAX = 384


def _conditions(call: Call, constraints: Constraints) -> dict[str, ConditionValue]:
    """Return the condition values that only CreateGrant has. Source: "AWS KMS condition keys"."""
    params = call.params
    kinds = list(constraints.shown())
    return {
        "kms:grantoperations": list(params["Operations"]) or None,
        "kms:granteeprincipal": params.get("GranteePrincipal"),
        "kms:granteeserviceprincipal": params.get("GranteeServicePrincipal"),
        "kms:retiringprincipal": params.get("RetiringPrincipal"),
        "kms:retiringserviceprincipal": params.get("RetiringServicePrincipal"),
        "kms:grantconstrainttype": kinds or None,
        "kms:grantconstraintsourcearn": constraints.source_arn,
        **for_aws_resource(call),
    }


async def _needs_of_create_grant(call: Call) -> Sequence[Requirement]:
    params = call.params
    key = call.target = await call.house.part(KeyDirectory).identify(call, params["KeyId"], alias_allowed=False)
    operations, constraints = frozenset(params["Operations"]), Constraints.of(params.get("Constraints"))

    def may_be_parent(grant: Grant) -> bool:
        return grant.lets_create(operations, constraints)

    return (
        await on_grantable_key(
            call,
            key,
            f"kms:{CREATE_GRANT}",
            constraints.pairs or None,
            _conditions(call, constraints),
            also=may_be_parent,
        ),
    )


@operation(KMS, "CreateGrant", needs=_needs_of_create_grant, quota=own_quota("CreateGrant"))
async def create_grant(call: Call) -> Answer:
    """Let a principal use a key, within constraints. Source: AWS KMS API Reference, CreateGrant."""
    key: Key = call.target
    params = call.params
    constraints = Constraints.of(params.get("Constraints"))
    operations = _checked_operations(key, params["Operations"])
    _check_constraints(key, constraints)
    grantee, retiring = await _principals(call, constraints)
    if key.state != UNAVAILABLE:
        require_enabled(key.arn, key.state)
    if params.get("DryRun"):
        raise errors.dry_run_succeeded()
    values: dict[str, Any] = {
        "region": key.region,
        "key_id": key.key_id,
        "grant_id": secrets.token_hex(32),
        "name": params.get("Name"),
        "created_at": call.now,
        "issuing_account": call.account_id or key.account_id,
        "grantee": grantee.named,
        "grantee_id": grantee.id,
        "retiring": retiring.named if retiring is not None else None,
        "retiring_id": retiring.id if retiring is not None else None,
        "operations": operations,
        "constraints": constraints.shown(),
    }
    values["request_digest"] = _request_digest(values)
    most = call.house.quotas.most(GRANTS_PER_KEY_QUOTA, key.account_id, key.region)

    def write(connection: Connection) -> Answer:
        if values["request_digest"] is not None:
            repeated = tables.find_repeated(connection, key.region, key.key_id, values["request_digest"])
            if repeated is not None:
                return {"GrantId": repeated}
        row = select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        require_enabled(key.arn, row.state)
        if not tables.insert_grant(connection, values, most):
            raise errors.limit_exceeded(f"{key.arn} has reached its limit of {most} grants.")
        return {"GrantId": values["grant_id"]}

    announced = grant_cache_name(Grantee(key.region, key.key_id, grantee.id), values["grant_id"])
    answer = await call.write(write, invalidates=(cache_name(key.region, key.key_id), announced))
    token = new_token(call.house.sealer, NamedGrant(key.region, key.key_id, answer["GrantId"]))
    return {**answer, "GrantToken": token}


def _checked_operations(key: Key, named: Sequence[str]) -> list[str]:
    """Return the operations, each once, in order. Raises ValidationException for those the key does not have."""
    operations = list(dict.fromkeys(named))
    if not operations:
        raise errors.validation("Operations must name at least one operation.")
    if operations == [CREATE_GRANT]:
        raise errors.validation("Grants must not contain only the CreateGrant operation.")
    possible = grantable_operations(key.spec, key.usage)
    impossible = [name for name in operations if name not in possible]
    if impossible:
        kind = "symmetric" if key.spec == SYMMETRIC_DEFAULT else key.usage
        raise errors.validation(f"Grants for {kind} keys must not include operations: {', '.join(impossible)}")
    return operations


def _check_constraints(key: Key, constraints: Constraints) -> None:
    for context in (constraints.equals, constraints.subset):
        if context is None:
            continue
        if key.spec != SYMMETRIC_DEFAULT:
            raise errors.validation("Only grants for symmetric keys can have encryption context constraints.")
        if len(context) > PAIRS_PER_CONSTRAINT_MAX:
            raise errors.validation(
                f"A grant constraint must have at most {PAIRS_PER_CONSTRAINT_MAX} encryption context pairs."
            )
        if any(len(value) > CONSTRAINT_VALUE_CHARACTERS_MAX for value in context.values()):
            raise errors.validation(
                "The encryption context value in a grant constraint must have at most "
                f"{CONSTRAINT_VALUE_CHARACTERS_MAX} characters."
            )


async def _principals(call: Call, constraints: Constraints) -> tuple[GrantPrincipal, GrantPrincipal | None]:
    """Return grantee and retiring principal.

    Raises InvalidArnException for a principal that does not exist, ValidationException for none or two, and where a
    grant to a service says neither for which resource nor who ends it.
    """
    grantee = await _one_of(call, "GranteePrincipal", "GranteeServicePrincipal")
    retiring = await _one_of(call, "RetiringPrincipal", "RetiringServicePrincipal")
    if grantee is None:
        raise errors.validation("Either GranteePrincipal or GranteeServicePrincipal must be specified.")
    if call.params.get("GranteeServicePrincipal") is not None:
        if constraints.source_arn is None:
            raise errors.validation("A grant to a GranteeServicePrincipal must have a SourceArn constraint.")
        if retiring is None:
            raise errors.validation(
                "A grant to a GranteeServicePrincipal must have a RetiringPrincipal or a RetiringServicePrincipal."
            )
    return grantee, retiring


async def _one_of(call: Call, member: str, service_member: str) -> GrantPrincipal | None:
    named, service = call.params.get(member), call.params.get(service_member)
    if named is not None and service is not None:
        raise errors.validation(f"{member} and {service_member} must not be specified together.")
    if service is not None:
        return GrantPrincipal(service, service)
    if named is None:
        return None
    return await named_principal(call.house.directory, named)


def _request_digest(values: Mapping[str, Any]) -> str | None:
    """Return what tells a repeated request from another one, None for a request without a name, which never repeats."""
    if values["name"] is None:
        return None
    members = ("name", "issuing_account", "grantee_id", "retiring_id", "constraints")
    parameters = {member: values[member] for member in members} | {"operations": sorted(values["operations"])}
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
