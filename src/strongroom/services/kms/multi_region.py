"""Multi-Region keys: ReplicateKey and UpdatePrimaryRegion.

Related keys have one key id and one key material, and are otherwise keys of their own Regions: their key policies,
aliases, tags, grants and states are their own. Source: AWS KMS Developer Guide, "Multi-Region keys in AWS KMS".
"""

from collections.abc import Sequence
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors, tables
from strongroom.services.kms.access import KeyConditions, control_of_key, on_key, require_own_account
from strongroom.services.kms.creation import checked_description, key_values, must_have_room
from strongroom.services.kms.events import key_resource
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.keys import ENABLED, IMPORTED, PENDING_IMPORT, Key, key_arn, require_enabled
from strongroom.services.kms.material_rows import KeyRow, copy_materials
from strongroom.services.kms.policies import accepted_policy, default_key_policy
from strongroom.services.kms.quotas import KEYS_QUOTA
from strongroom.services.kms.service import KMS, own_quota
from strongroom.services.kms.tags import checked_tags
from strongroom.storage.connection import Connection

_SHARED = ("usage", "spec", "origin", "rotation_enabled", "rotation_period_days", "next_rotation_at", "primary_region")
"""The columns that multi-Region keys have in common, besides their key id."""


async def _needs_of_replicate_key(call: Call) -> Sequence[Requirement]:
    params = call.params
    key = await call.house.part(KeyDirectory).identify(call, params["KeyId"], alias_allowed=False)
    call.target = require_own_account(call, key)
    region = params["ReplicaRegion"]
    # The replica is made in its own Region, by whoever may make keys there.
    there = KeyConditions(call, None, own={"aws:requestedregion": region, "kms:multiregion": "true"})
    actions = ("kms:CreateKey", "kms:TagResource") if params.get("Tags") else ("kms:CreateKey",)
    creation = (
        Requirement(action=action, resource="*", account_id=call.account_id, conditions=there) for action in actions
    )
    return (on_key(call, key, "kms:ReplicateKey"), *creation)


def _must_be_primary(key: Key) -> None:
    if not key.is_primary:
        raise errors.not_primary(key.arn)


@operation(KMS, "ReplicateKey", needs=_needs_of_replicate_key, quota=own_quota("ReplicateKey"))
async def replicate_key(call: Call) -> Answer:
    """Make a key in another Region that shares a primary key's material. Source: API Reference, ReplicateKey."""
    key: Key = call.target
    params = call.params
    region = params["ReplicaRegion"]
    _must_be_primary(key)
    require_enabled(key.arn, key.state)
    if partition_of(region) != partition_of(key.region):
        raise errors.unsupported(f"{region} is not a Region of the partition of {key.arn}.")
    tags = checked_tags(params.get("Tags") or ())
    own = key_values(
        region,
        key.account_id,
        call.now,
        key_id=key.key_id,
        description=checked_description(params.get("Description") or ""),
        tags=tags,
        state=PENDING_IMPORT if key.origin == IMPORTED else ENABLED,
    )
    if params.get("Policy") is None:
        own["policy"] = default_key_policy(key.account_id, region)
    else:
        own["policy"] = await accepted_policy(call, params["Policy"], own)
    directory = call.house.part(KeyDirectory)
    most = call.house.quotas.most(KEYS_QUOTA, key.account_id, region)
    call.made = (key_resource(key.account_id, region, key.key_id),)

    def write(connection: Connection) -> Answer:
        row = tables.select_key(connection, key.region, key.key_id)
        if row is None:
            raise errors.key_not_found(key.arn)
        require_enabled(key.arn, row.state)
        if row.primary_region != row.region:
            raise errors.not_primary(key.arn)
        if tables.select_key(connection, region, key.key_id) is not None:
            raise errors.already_exists(f"{key_arn(key.account_id, region, key.key_id)} already exists.")
        must_have_room(connection, key.account_id, region, most)
        tables.insert_key(connection, own | {name: getattr(row, name) for name in _SHARED})
        copy_materials(call.house, connection, row, region, with_secrets=row.origin != IMPORTED)
        replica = directory.load(connection, region, key.key_id)
        if replica is None:
            raise errors.key_not_found(key.arn)
        return _shown(replica)

    return await call.write(write, invalidates=(cache_name(region, key.key_id),))


def _shown(replica: Key) -> Answer:
    answer: Answer = {"ReplicaKeyMetadata": replica.metadata(), "ReplicaPolicy": replica.policy_text}
    if replica.tags:
        answer["ReplicaTags"] = [{"TagKey": name, "TagValue": value} for name, value in replica.tags.items()]
    return answer


@operation(
    KMS,
    "UpdatePrimaryRegion",
    needs=control_of_key("kms:UpdatePrimaryRegion"),
    quota=own_quota("UpdatePrimaryRegion"),
)
async def update_primary_region(call: Call) -> Answer:
    """Make a replica the primary key, and the primary a replica. Source: API Reference, UpdatePrimaryRegion."""
    key: Key = call.target
    region = call.params["PrimaryRegion"]
    _must_be_primary(key)
    if region == key.region:
        raise errors.unsupported(f"{key.arn} is the multi-region primary key already.")
    # Their rows do not tell that imported material has expired, until that is erased.
    require_enabled(key.arn, key.state)
    replica = await call.house.part(KeyDirectory).find(region, key.key_id)
    if replica is None:
        raise errors.key_not_found(key_arn(key.account_id, region, key.key_id))
    require_enabled(replica.arn, replica.state)

    def write(connection: Connection) -> Answer:
        rows: dict[str, Any] = {row.region: row for row in tables.select_related_keys(connection, key.key_id)}
        primary: KeyRow = rows.get(key.region)
        if primary is None or primary.primary_region != key.region:
            raise errors.not_primary(key.arn)
        if region not in rows:
            raise errors.key_not_found(replica.arn)
        require_enabled(key.arn, primary.state)
        require_enabled(replica.arn, rows[region].state)
        for each in rows:
            tables.update_key(connection, each, key.key_id, {"primary_region": region})
        return {}

    return await call.write(write, invalidates=(cache_name(key.region, key.key_id),))
