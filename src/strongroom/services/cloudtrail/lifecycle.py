"""Trails are made, changed and deleted, begin to log and cease to.

Source: AWS CloudTrail API Reference, CreateTrail, UpdateTrail, DeleteTrail, StartLogging, StopLogging.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations import tables as audit_tables
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.cloudtrail import errors, tables
from strongroom.services.cloudtrail.access import find_trail, on_trail, on_trail_named
from strongroom.services.cloudtrail.delivery import Deliveries
from strongroom.services.cloudtrail.destinations import (
    check_log_group,
    check_storage,
    require_valid_bucket,
    require_valid_prefix,
)
from strongroom.services.cloudtrail.digests import begin_chains
from strongroom.services.cloudtrail.service import CLOUDTRAIL
from strongroom.services.cloudtrail.tagging import checked_tags
from strongroom.services.cloudtrail.trails import (
    DEFAULT_SELECTORS,
    TRAILS_MAX,
    Trail,
    TrailName,
    is_storable,
    require_valid_name,
    trail_to_change,
)
from strongroom.storage.connection import Connection

_STORAGE = ("S3BucketName", "S3KeyPrefix", "KmsKeyId")
_LOGS = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")
_SWITCHES = ("IncludeGlobalServiceEvents", "IsMultiRegionTrail")


async def _creation(call: Call) -> Sequence[Requirement]:
    name = TrailName(call.account_id, call.region, call.params["Name"])
    trail = await find_trail(call, name) if is_storable(name.name) else None
    call.target = (name, trail)
    return (on_trail_named("cloudtrail:CreateTrail", name, {}),)


def _refuse_unserved(params: Mapping[str, Any]) -> None:
    if params.get("SnsTopicName"):
        raise errors.unsupported("Strongroom does not serve Amazon SNS: a trail cannot have an SnsTopicName.")
    if params.get("IsOrganizationTrail"):
        raise errors.unsupported("Strongroom does not serve organization trails.")
    if params.get("RecursiveLogging"):
        raise errors.unsupported("Strongroom does not serve RecursiveLogging.")


def _changed(settings: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a request changes them; an empty text takes one away. Raises AwsError."""
    changed = dict(settings)
    for name in (*_STORAGE, *_LOGS):
        if params.get(name) is not None:
            changed[name] = params[name] or None
    for name in _SWITCHES:
        if params.get(name) is not None:
            changed[name] = params[name]
    if params.get("EnableLogFileValidation") is not None:
        changed["LogFileValidationEnabled"] = params["EnableLogFileValidation"]
    if changed.get("S3BucketName") is None:
        raise errors.invalid_bucket_name("")
    require_valid_bucket(changed["S3BucketName"])
    require_valid_prefix(changed.get("S3KeyPrefix") or "")
    if changed["IsMultiRegionTrail"] and not changed["IncludeGlobalServiceEvents"]:
        raise errors.invalid_combination("Multi-Region trail must include global service events.")
    return changed


@operation(CLOUDTRAIL, "CreateTrail", needs=_creation)
async def create_trail(call: Call) -> Answer:
    """Make a trail; it does not log yet. Source: AWS CloudTrail API Reference, CreateTrail."""
    name, found = call.target
    require_valid_name(name.name)
    _refuse_unserved(call.params)
    tags = checked_tags(call.params.get("TagsList") or ())
    if found is not None:
        raise errors.trail_exists(name.name, call.account_id)
    defaults = {
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": False,
        "LogFileValidationEnabled": False,
    }
    settings = _changed(defaults, call.params)
    await check_storage(call.house, name, settings)
    await check_log_group(call.house, name, settings)
    trail = Trail(name, settings, DEFAULT_SELECTORS, tags, False, 0, None, {})

    def write(connection: Connection) -> Answer:
        if tables.select_trail(connection, name) is not None:
            raise errors.trail_exists(name.name, call.account_id)
        if tables.count_trails(connection, name.account_id, name.region) >= TRAILS_MAX:
            raise errors.too_many_trails(name.account_id, name.region, TRAILS_MAX)
        tables.insert_trail(
            connection,
            {
                "account_id": name.account_id,
                "home_region": name.region,
                "name": name.name,
                "created_at": call.now,
                "settings": settings,
                "selectors": DEFAULT_SELECTORS,
                "tags": tags,
                "is_logging": False,
                "batch": 0,
                "stop_batch": None,
                "status": {},
            },
        )
        return trail.shown()

    return await call.write(write)


@operation(CLOUDTRAIL, "UpdateTrail", needs=on_trail("cloudtrail:UpdateTrail"))
async def update_trail(call: Call) -> Answer:
    """Change a trail's settings. Source: AWS CloudTrail API Reference, UpdateTrail."""
    trail = trail_to_change(call)
    _refuse_unserved(call.params)
    settings = _changed(trail.settings, call.params)
    if any(settings.get(name) != trail.settings.get(name) for name in _STORAGE):
        await check_storage(call.house, trail.key, settings)
    if any(settings.get(name) != trail.settings.get(name) for name in _LOGS):
        await check_log_group(call.house, trail.key, settings)
    ends_validation = trail.settings["LogFileValidationEnabled"] and not settings["LogFileValidationEnabled"]

    def write(connection: Connection) -> Answer:
        tables.update_trail(connection, trail.key, {"settings": settings})
        if ends_validation:
            tables.delete_chains(connection, trail.key)
            tables.delete_log_files(connection, trail.key, None)
        return Trail(trail.key, settings, trail.selectors, trail.tags, trail.is_logging, 0, None, {}).shown()

    return await call.write(write)


@operation(CLOUDTRAIL, "DeleteTrail", needs=on_trail("cloudtrail:DeleteTrail"))
async def delete_trail(call: Call) -> Answer:
    """Delete a trail; its log files stay. Source: AWS CloudTrail API Reference, DeleteTrail."""
    trail = trail_to_change(call)

    def write(connection: Connection) -> Answer:
        tables.delete_trail(connection, trail.key)
        return {}

    return await call.write(write)


@operation(CLOUDTRAIL, "StartLogging", needs=on_trail("cloudtrail:StartLogging"))
async def start_logging(call: Call) -> Answer:
    """Begin to log what happens from now on. Source: AWS CloudTrail API Reference, StartLogging."""
    trail = trail_to_change(call)
    await call.house.audit.flush()

    def write(connection: Connection) -> Answer:
        row = tables.select_trail(connection, trail.key)
        if row is None or row.is_logging:
            return {}
        newest = audit_tables.last_audit_batch(connection)
        values: dict[str, Any] = {"is_logging": True, "stop_batch": None}
        status = dict(row.status) | {"started_at": call.now}
        if row.stop_batch is None:
            values["batch"] = newest
        else:
            # What it had logged before is still to be delivered; what came after that, it did not log.
            status["gaps"] = [*status.get("gaps", ()), [row.stop_batch, newest]]
        tables.update_trail(connection, trail.key, values | {"status": status})
        if row.settings["LogFileValidationEnabled"]:
            begin_chains(connection, trail.key, (trail.key.region,), call.now)
        return {}

    return await call.write(write)


@operation(CLOUDTRAIL, "StopLogging", needs=on_trail("cloudtrail:StopLogging"))
async def stop_logging(call: Call) -> Answer:
    """Cease to log; what was logged is delivered now. Source: AWS CloudTrail API Reference, StopLogging."""
    trail = trail_to_change(call)
    await call.house.audit.flush()

    def write(connection: Connection) -> Answer:
        row = tables.select_trail(connection, trail.key)
        if row is None or not row.is_logging:
            return {}
        status = dict(row.status) | {"stopped_at": call.now}
        newest = audit_tables.last_audit_batch(connection)
        values = {"is_logging": False, "stop_batch": newest, "status": status}
        tables.update_trail(connection, trail.key, values)
        return {}

    def include_this(connection: Connection) -> None:
        row = tables.select_trail(connection, trail.key)
        if row is not None and not row.is_logging and row.stop_batch is not None:
            tables.update_trail(connection, trail.key, {"stop_batch": audit_tables.last_audit_batch(connection)})

    answer = await call.write(write)
    # That the trail was stopped is the last that it tells.
    await call.house.store.write(include_this)
    await call.house.part(Deliveries).finish(trail.key)
    return answer
