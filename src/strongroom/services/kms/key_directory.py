"""Where keys are found: by id, by ARN, by alias; read from the database once, then kept until a change."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from strongroom.base.arn import parse_arn, partition_of
from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.policies import NamedPolicy
from strongroom.services.kms import errors, tables
from strongroom.services.kms.key_specs import KEY_SPECS
from strongroom.services.kms.key_stores.key_store import CONNECTED
from strongroom.services.kms.key_stores.tables import select_store
from strongroom.services.kms.keys import (
    DISABLED,
    ENABLED,
    IMPORTED,
    PENDING_IMPORT,
    UNAVAILABLE,
    Key,
    MaterialRecord,
    RelatedKey,
    alias_arn,
    key_arn,
)
from strongroom.services.kms.material import Material, ready
from strongroom.services.kms.material_rows import material_place
from strongroom.storage.connection import Connection

CACHED_KEYS_MAX = 10_000
_EVERY_REGION = _EVERY_KEY = "*"
CACHED_IDENTIFIERS_MAX = 50_000
_KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_ALIAS_NAME = re.compile(r"alias/[a-zA-Z0-9:/_-]{1,250}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def cache_name(region: str, key_id: str) -> str:
    """Return the name under which a change to a key is announced to the caches.

    A change to one of a key's multi-Region keys is one to them all: each tells of the others.
    """
    return f"kms/{_EVERY_REGION}/{key_id}" if key_id.startswith("mrk-") else f"kms/{region}/{key_id}"


def name_of_every_key(region: str) -> str:
    """Return the name under which a change to all keys of a Region is announced to the caches."""
    return f"kms/{region}/{_EVERY_KEY}"


def looks_like_key_id(text: str) -> bool:
    """Whether `text` has the form of a key id: a UUID, or `mrk-` and 32 hexadecimal digits."""
    return _KEY_ID.fullmatch(text) is not None


class KeyDirectory:
    """The keys of one house. Nothing here outlives a change to the key, in this process or another."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._keys: dict[tuple[str, str], Key] = {}
        self._identified: dict[tuple[str, str, str], Key] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        named = [name for name in names if name.startswith("kms/")]
        if names and not named:
            return
        self._changes_seen += 1
        self._identified.clear()
        if not names:
            self._keys.clear()
        for name in named:
            _, region, key_id = name.split("/", 2)
            if _EVERY_REGION in (region, key_id):
                for place in [place for place in self._keys if place[1] == key_id or place[0] == region]:
                    del self._keys[place]
            else:
                self._keys.pop((region, key_id), None)

    async def find(self, region: str, key_id: str) -> Key | None:
        """Return a Region's key by its id, or None. A key whose waiting period has ended is gone, erased yet or not."""
        key = self._keys.get((region, key_id))
        if key is None:
            changes_seen = self._changes_seen
            key = await self._house.store.read(lambda connection: self.load(connection, region, key_id))
            if key is None:
                return None
            # What was read may be stale when a change came in meanwhile: it serves this call, and is not kept.
            if changes_seen == self._changes_seen:
                if len(self._keys) >= CACHED_KEYS_MAX:
                    self._keys.clear()
                self._keys[region, key_id] = key
        if key.deletion_at is None and key.expires_at is None:
            return key
        now = self._house.clock.now()
        if key.deletion_at is not None and key.deletion_at <= now:
            return None
        return _without_expired_material(key, now) if key.expires_at is not None and key.expires_at <= now else key

    async def identify(self, call: Call, identifier: str, *, alias_allowed: bool = True) -> Key:
        """Return the key that a request names by key id, key ARN, alias name or alias ARN.

        Raises NotFoundException in the words that fit. Source: AWS KMS Developer Guide, "Key identifiers (KeyId)".
        """
        account_id, region = call.account_id, call.region
        known = self._identified.get((account_id, region, identifier))
        if known is not None and known.deletion_at is None and known.expires_at is None and alias_allowed:
            return known
        changes_seen = self._changes_seen
        key = await self._look_up(call, identifier, alias_allowed)
        if changes_seen == self._changes_seen:
            if len(self._identified) >= CACHED_IDENTIFIERS_MAX:
                self._identified.clear()
            self._identified[account_id, region, identifier] = key
        return key

    async def _look_up(self, call: Call, identifier: str, alias_allowed: bool) -> Key:
        account_id, region, resource = call.account_id, call.region, identifier
        if identifier.startswith("arn:"):
            arn = parse_arn(identifier)
            if arn is None or arn.service != "kms" or not _ACCOUNT_ID.fullmatch(arn.account_id):
                raise errors.invalid_arn(identifier)
            if arn.region != region or arn.partition != partition_of(region):
                raise errors.invalid_arn(arn.region)
            account_id = arn.account_id
            if arn.resource.startswith("key/"):
                resource = arn.resource[4:]
            elif arn.resource.startswith("alias/") and alias_allowed:
                resource = arn.resource
            else:
                raise errors.invalid_arn(identifier)
        if resource.startswith("alias/"):
            if not alias_allowed:
                raise errors.invalid_key_id(resource)
            key = await self.behind_alias(account_id, region, resource)
            if key is None:
                raise _missing(call, account_id, errors.alias_not_found(alias_arn(account_id, region, resource)))
            return key
        if not looks_like_key_id(resource):
            raise errors.invalid_arn(identifier) if resource != identifier else errors.invalid_key_id(resource)
        key = await self.find(region, resource)
        if key is None or key.account_id != account_id:
            raise _missing(call, account_id, errors.key_not_found(key_arn(account_id, region, resource)))
        return key

    async def behind_alias(self, account_id: str, region: str, name: str) -> Key | None:
        """Return the key that an alias points to, or None."""
        if not _ALIAS_NAME.fullmatch(name):
            # No such alias can exist, and some of what a request may hold (U+0000) no database would even look for.
            return None
        row = await self._house.store.read(lambda connection: tables.select_alias(connection, account_id, region, name))
        return await self.find(region, row.target_key_id) if row is not None else None

    def load(self, connection: Connection, region: str, key_id: str) -> Key | None:
        """Return a key as the database has it now, its key material unsealed, or None."""
        row = tables.select_key(connection, region, key_id)
        if row is None:
            return None
        rows = tables.select_materials(connection, region, key_id)
        kind = KEY_SPECS[row.spec]
        materials = {
            each.key_material_id: ready(
                kind,
                key_id,
                each.key_material_id,
                self._house.sealer.open(each.sealed, material_place(region, key_id, each.key_material_id)),
            )
            for each in rows
            if each.sealed is not None
        }
        key = _key(row, rows, materials, tables.alias_names_of(connection, region, key_id))
        if row.custom_key_store_id is not None:
            return _in_key_store(key, select_store(connection, region, row.custom_key_store_id))
        return _with_related(key, connection) if row.primary_region is not None else key


def _missing(call: Call, account_id: str, own: AwsError) -> AwsError:
    """Return the refusal for what does not exist; about another account it tells no more than that access is denied."""
    return own if account_id == call.account_id else errors.denied_elsewhere(call.caller.arn, call.operation.name)


def _without_expired_material(key: Key, now: float) -> Key:
    """Return `key` as it is once its time is over, whether the expired key material has been erased yet or not."""
    records = tuple(
        replace(record, is_present=False) if record.expires_at is not None and record.expires_at <= now else record
        for record in key.records
    )
    present = {record.id for record in records if record.is_present}
    current = key.current if key.current is not None and key.current.id in present else None
    lacks_material = any(not record.is_present and not record.waits for record in records)
    state = PENDING_IMPORT if lacks_material and key.state in (ENABLED, DISABLED) else key.state
    return replace(
        key,
        state=state,
        records=records,
        materials={name: material for name, material in key.materials.items() if name in present},
        current=current,
        decisions=key.decisions,
    )


def _in_key_store(key: Key, store: Any) -> Key:
    """Return `key` as its key store lets it be: a key that is not pending deletion is unavailable without connection.

    Source: AWS KMS Developer Guide, "Key states of AWS KMS keys".
    """
    is_connected = store is not None and store.connection_state == CONNECTED
    state = UNAVAILABLE if not is_connected and key.state in (ENABLED, DISABLED) else key.state
    return replace(key, state=state, cloud_hsm_cluster_id=store.cluster_id if store is not None else None)


def _with_related(key: Key, connection: Connection) -> Key:
    rows = tables.select_related_keys(connection, key.key_id)
    return replace(
        key,
        related=tuple(RelatedKey(row.region, key_arn(row.account_id, row.region, row.key_id)) for row in rows),
        lacks_material_elsewhere=key.origin == IMPORTED and tables.lacks_waiting_material(connection, key.key_id),
    )


def _key(row: Any, material_rows: Sequence[Any], materials: dict[str, Material], aliases: list[str]) -> Key:
    arn = key_arn(row.account_id, row.region, row.key_id)
    records = tuple(map(_record, material_rows))
    newest = next((record for record in reversed(records) if not record.waits), None)
    return Key(
        key_id=row.key_id,
        region=row.region,
        account_id=row.account_id,
        arn=arn,
        created_at=row.created_at,
        description=row.description,
        usage=row.usage,
        spec=row.spec,
        kind=KEY_SPECS[row.spec],
        origin=row.origin,
        manager=row.manager,
        state=row.state,
        deletion_at=row.deletion_at,
        pending_window_days=row.pending_window_days,
        policy_text=row.policy,
        policy=NamedPolicy(f"key policy of {arn}", parse(row.policy, PolicyKind.RESOURCE)),
        tags=row.tags,
        aliases=tuple(aliases),
        rotation_enabled=row.rotation_enabled,
        rotation_period_days=row.rotation_period_days,
        next_rotation_at=row.next_rotation_at,
        materials=materials,
        current=materials.get(newest.id) if newest is not None else None,
        records=records,
        grant_count=row.grant_count,
        primary_region=row.primary_region,
        custom_key_store_id=row.custom_key_store_id,
        xks_key_id=row.xks_key_id,
        expires_at=min((each.expires_at for each in records if each.is_present and each.expires_at), default=None),
    )


def _record(row: Any) -> MaterialRecord:
    return MaterialRecord(
        id=row.key_material_id,
        at=row.created_at,
        rotation_type=row.rotation_type,
        waits=row.position is None,
        is_present=row.sealed is not None,
        description=row.description,
        expires_at=row.expires_at,
    )
