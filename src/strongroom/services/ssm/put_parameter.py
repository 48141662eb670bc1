"""PutParameter: a new parameter, or a new version of one.

What the new version will be is worked out from the parameter as it is known, KMS encrypts, and one transaction writes
it. If the parameter has changed in between, all of that begins again.

Source: AWS Systems Manager API Reference, PutParameter; User Guide, "Managing parameter tiers", "Working with parameter
versions".
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.ssm import errors, tables
from strongroom.services.ssm.access import on_parameter
from strongroom.services.ssm.allowed_patterns import check_allowed_pattern
from strongroom.services.ssm.data_types import TEXT, check_data_type, needs_advanced_tier
from strongroom.services.ssm.expiry import delete_if_expired
from strongroom.services.ssm.names import Named, new_name, parent_of
from strongroom.services.ssm.parameter_directory import ParameterDirectory, parameter_cache_name
from strongroom.services.ssm.parameter_policies import (
    Policy,
    expires_at,
    kept_after_change,
    next_due_at,
    parse_policies,
)
from strongroom.services.ssm.parameters import (
    ADVANCED,
    INTELLIGENT,
    SECURE_STRING,
    STANDARD,
    Details,
    Parameter,
)
from strongroom.services.ssm.quotas import PARAMETERS_QUOTAS, throughput
from strongroom.services.ssm.service import SSM
from strongroom.services.ssm.settings import ServiceSettings
from strongroom.services.ssm.tags import checked_tags
from strongroom.services.ssm.values import DEFAULT_KEY, Content, content_of
from strongroom.storage.connection import Connection

FIRST_VERSION = 1
VERSIONS_MAX = 100
TRIES_MAX = 8
VALUE_BYTES_MAX = {STANDARD: 4_096, ADVANCED: 8_192}


class _ChangedMeanwhileError(Exception):
    """The parameter is not any more what the new version was worked out from."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a request makes of a parameter. `before` is what it is now, None when there is none."""

    before: Parameter | None
    type: str
    tier: str
    details: Details
    policies: list[Policy]


async def _needs(call: Call) -> Sequence[Requirement]:
    await call.house.part(ServiceSettings).know(call.account_id, call.region)
    params = call.params
    wanted = new_name(params["Name"], call.account_id, call.region)
    parameter = await call.house.part(ParameterDirectory).find_named(wanted)
    call.target = wanted
    own = {
        "ssm:overwrite": "true" if params.get("Overwrite") else "false",
        "ssm:policies": "true" if params.get("Policies") else "false",
    }
    required = [on_parameter(wanted, parameter, "ssm:PutParameter", own)]
    if params.get("Tags"):
        required.append(on_parameter(wanted, parameter, "ssm:AddTagsToResource"))
    return required


@operation(SSM, "PutParameter", needs=_needs, quota=throughput)
async def put_parameter(call: Call) -> Answer:
    """Make a parameter, or give it a new version. Source: AWS Systems Manager API Reference, PutParameter."""
    params, wanted = call.params, call.target
    _check_request(params)
    tags = checked_tags(params.get("Tags") or ())
    for _ in range(TRIES_MAX):
        before = await call.house.part(ParameterDirectory).find_named(wanted)
        plan = await _planned(call, before)
        key_id = plan.details.get("key_id") or ""
        content = await content_of(call, params["Value"], wanted.arn, plan.type, plan.tier, key_id)
        try:
            return await _write(call, wanted, plan, content, tags)
        except _ChangedMeanwhileError:
            continue
    raise errors.too_many_updates()


def _check_request(params: dict[str, Any]) -> None:
    """Raise ValidationException for members that do not fit together, or a value that no parameter can have."""
    value: str = params["Value"]
    if not value:
        raise errors.validation(
            "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise errors.validation("The parameter value has characters that are not Unicode text.") from None
    opens = value.find("{{")
    if opens >= 0 and value.find("}}", opens + 2) >= 0:
        raise errors.validation('Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.')
    if params.get("Overwrite") and params.get("Tags"):
        raise errors.validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )


async def _planned(call: Call, before: Parameter | None) -> _Plan:
    """Return what becomes of a parameter, or raise why it may not become that."""
    params = call.params
    if before is not None and not params.get("Overwrite"):
        raise errors.already_exists()
    type_ = _type_of(params.get("Type"), before)
    known = before.version.details if before is not None else {}
    data_type = params.get("DataType") or known.get("data_type") or TEXT
    if params.get("Policies") is not None:
        policies = parse_policies(params["Policies"], call.now)
    else:
        policies = kept_after_change(known.get("policies", ()))
    tier = await _tier_of(call, before, bool(policies), data_type)
    check_data_type(data_type, type_, params["Value"])
    details: Details = {"tier": tier, "data_type": data_type, "modified_by": call.caller.arn}
    for member, name in (("Description", "description"), ("AllowedPattern", "allowed_pattern")):
        given = params.get(member)
        kept = given if given is not None else known.get(name)
        if kept:
            details[name] = kept
    if details.get("allowed_pattern"):
        await check_allowed_pattern(details["allowed_pattern"], params["Value"])
    if type_ == SECURE_STRING:
        details["key_id"] = params.get("KeyId") or known.get("key_id") or DEFAULT_KEY
    elif params.get("KeyId"):
        raise errors.validation("KeyId is required for SecureString type parameter only.")
    return _Plan(before, type_, tier, details, policies)


def _type_of(asked: str | None, before: Parameter | None) -> str:
    if before is None:
        if asked is None:
            raise errors.validation("A parameter type is required when you create a parameter.")
        return asked
    if asked not in (None, before.type):
        raise errors.type_mismatch()
    return before.type


async def _tier_of(call: Call, before: Parameter | None, has_policies: bool, data_type: str) -> str:
    """Return the tier of a new version. Raises ValidationException where the one asked for does not do."""
    asked = call.params.get("Tier")
    size = len(call.params["Value"].encode())
    if size > VALUE_BYTES_MAX[ADVANCED]:
        raise errors.value_too_long(ADVANCED, VALUE_BYTES_MAX[ADVANCED])
    is_advanced = before is not None and before.tier == ADVANCED
    if asked == STANDARD and is_advanced:
        raise errors.no_downgrade()
    tier = asked or await call.house.part(ServiceSettings).default_tier(call.account_id, call.region)
    if is_advanced or tier == ADVANCED:
        return ADVANCED
    is_large = size > VALUE_BYTES_MAX[STANDARD]
    if tier == INTELLIGENT:
        needs_more = is_large or has_policies or needs_advanced_tier(data_type)
        return ADVANCED if needs_more or (before is None and await _has_no_room(call)) else STANDARD
    if is_large:
        raise errors.value_too_long(STANDARD, VALUE_BYTES_MAX[STANDARD])
    if has_policies:
        raise errors.needs_advanced("parameter policies")
    if needs_advanced_tier(data_type):
        raise errors.needs_advanced(f"the data type {data_type}")
    return STANDARD


async def _has_no_room(call: Call) -> bool:
    """Whether the account has as many standard parameters as it may have."""
    account_id, region = call.account_id, call.region
    count = await call.read(lambda connection: tables.count_parameters(connection, account_id, region, STANDARD))
    return count >= call.house.quotas.most(PARAMETERS_QUOTAS[STANDARD], account_id, region)


async def _write(call: Call, wanted: Named, plan: _Plan, content: Content, tags: dict[str, str]) -> Answer:
    """Write what was planned. Raises `_ChangedMeanwhileError` when it was planned from what is no more."""
    place, now = (wanted.account_id, wanted.region, wanted.name), call.now
    most = call.house.quotas.most(PARAMETERS_QUOTAS[plan.tier], wanted.account_id, wanted.region)
    before = plan.before and (plan.before.parameter_id, plan.before.version.number)
    policies_before = plan.before.version.details.get("policies") if plan.before is not None else None

    def write(connection: Connection) -> Answer:
        row = tables.select_parameter(connection, *place)
        if row is not None and delete_if_expired(call.house, connection, row, now):
            row = None
        if (row and (row.parameter_id, row.version)) != before:
            raise _ChangedMeanwhileError
        if row is not None and row.details.get("policies") != policies_before:
            raise _ChangedMeanwhileError
        if row is None or row.tier != plan.tier:
            _require_room(connection, wanted, plan.tier, most)
        if before is None:
            parameter_id, version = _insert(connection, wanted, plan, tags, now)
        else:
            parameter_id, version = before[0], before[1] + 1
            _make_room(connection, parameter_id, wanted.name)
            tables.update_parameter(connection, parameter_id, {"version": version, **_of_parameter(plan, now)})
        sealed_for = tables.VALUE_PLACE.format(parameter_id=parameter_id, version=version)
        values = {
            "parameter_id": parameter_id,
            "version": version,
            "modified_at": now,
            "details": _details(plan, content),
            "sealed": call.house.sealer.seal(content.stored, sealed_for),
        }
        tables.insert_version(connection, values)
        return {"Version": version, "Tier": plan.tier}

    return await call.write(write, invalidates=(parameter_cache_name(*place),))


def _details(plan: _Plan, content: Content) -> Details:
    """Return the details of the new version, with what is known of it only now."""
    details = dict(plan.details)
    if content.key_arn is not None:
        details["key_arn"] = content.key_arn
    if plan.policies:
        details["policies"] = plan.policies
    return details


def _of_parameter(plan: _Plan, now: float) -> dict[str, Any]:
    """Return the columns of a parameter that every new version decides anew."""
    return {
        "tier": plan.tier,
        "expires_at": expires_at(plan.policies),
        "next_policy_at": next_due_at(plan.policies, now),
    }


def _insert(connection: Connection, wanted: Named, plan: _Plan, tags: dict[str, str], now: float) -> tuple[str, int]:
    """Insert a parameter that is new, and return its id and first version."""
    values = {
        "parameter_id": uuid.uuid4().hex,
        "account_id": wanted.account_id,
        "region": wanted.region,
        "name": wanted.name,
        "parent": parent_of(wanted.name),
        "type": plan.type,
        "version": FIRST_VERSION,
        "tags": tags,
        **_of_parameter(plan, now),
    }
    tables.insert_parameter(connection, values)
    return values["parameter_id"], FIRST_VERSION


def _require_room(connection: Connection, wanted: Named, tier: str, most: int) -> None:
    if tables.count_parameters(connection, wanted.account_id, wanted.region, tier) >= most:
        raise errors.too_many_parameters(tier, most)


def _make_room(connection: Connection, parameter_id: str, name: str) -> None:
    """Remove the oldest version where a new one would be one too many.

    Raises ParameterMaxVersionLimitExceeded when it has a label.
    """
    count, oldest = tables.oldest_version(connection, parameter_id)
    if count < VERSIONS_MAX:
        return
    if oldest in tables.select_labels(connection, parameter_id).values():
        raise errors.oldest_is_labelled(name, oldest)
    tables.delete_version(connection, parameter_id, oldest)
