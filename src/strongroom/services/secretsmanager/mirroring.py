"""Replicas follow their primary secret: its versions, labels and metadata, encrypted in their own Regions.

A new value is encrypted for each replica before it is written, as the caller, under a key of the replica's Region; the
rows of all Regions change in one transaction. A replica that could not be given a version keeps what it has, and its
status says why. Source: AWS Secrets Manager User Guide, "Replicate AWS Secrets Manager secrets across Regions".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.secretsmanager import events, tables
from strongroom.services.secretsmanager.sealing import SealedValue, Value, seal
from strongroom.services.secretsmanager.secret import EMPTY, Replica, Secret, arn_in
from strongroom.storage.connection import Connection

if TYPE_CHECKING:
    from strongroom.operations.house import House

IN_SYNC, FAILED = "InSync", "Failed"
_FOLLOWED = (
    *("description", "tags", "policy", "changed_at", "rotation_enabled", "rotation_function_arn", "rotation_rules"),
    *("rotated_at", "rotation_begins_at", "rotation_ends_at"),
)
"""The columns that a replica has from its primary."""


class Doing(Protocol):
    """Whatever changes secrets, a call or Secrets Manager by itself: in which house, and when (seconds)."""

    @property
    def house(self) -> "House":
        """The house that it is done in."""
        ...

    @property
    def now(self) -> float:
        """When it is done."""
        ...


class ReplicaValue(NamedTuple):
    """A version's value, encrypted for the replica in a Region, or why it could not be."""

    region: str
    version_id: str
    sealed: SealedValue | None
    failure: str | None = None


async def seal_for(call: Call, secret: Secret, replica: Replica, version_id: str, value: Value) -> ReplicaValue:
    """Return a value, encrypted for a replica. What KMS refuses there is told, not raised."""
    region, arn = replica.region, arn_in(secret.arn, replica.region)
    try:
        sealed = await seal(call, arn, secret.account_id, region, replica.kms_key_id, version_id, value)
    except AwsError as error:
        if error.status >= 500:
            raise
        return ReplicaValue(region, version_id, None, f"Replication failed: {error.message}")
    return ReplicaValue(region, version_id, sealed)


async def seal_for_all(call: Call, secret: Secret, version_id: str, value: Value) -> tuple[ReplicaValue, ...]:
    """Return a new version's value, encrypted for every replica of a secret."""
    return tuple([await seal_for(call, secret, replica, version_id, value) for replica in secret.replicas])


def mirror(connection: Connection, by: Doing, arn: str, values: Sequence[ReplicaValue] = ()) -> None:
    """Bring the replicas of a secret to what it is now, as far as `values` has what they lack."""
    row = tables.select_secret(connection, arn)
    if row is None or row.primary_region is None:
        return
    for replica in tables.replicas_of(connection, arn):
        there = arn_in(arn, replica.region)
        if tables.select_secret(connection, there) is None:
            # It was never made: a secret of that name was in the way, or KMS refused.
            continue
        of_region = [value for value in values if value.region == replica.region]
        lacks_one = _follow(connection, row, there, of_region)
        failure = next((value.failure for value in of_region if value.failure is not None), None)
        set_status(connection, by, row, replica, failure or (_lacks(replica) if lacks_one else None))


def _lacks(replica: Any) -> str:
    return replica.message or "Replication failed: the replica lacks a version. Replicate the secret to it again."


def _follow(connection: Connection, row: Any, there: str, values: Iterable[ReplicaValue]) -> bool:
    """Make a replica's rows follow; return whether it lacks a version that has a label."""
    versions = {each.version_id: each for each in tables.list_versions(connection, row.arn)}
    present = _present(connection, there, versions)
    for value in values:
        if value.sealed is not None and value.version_id in versions and value.version_id not in present:
            created_at = versions[value.version_id].created_at
            tables.insert_version(connection, value.sealed._asdict() | {"created_at": created_at})
            present.add(value.version_id)
    for each in versions.values():
        if each.kind == EMPTY and each.version_id not in present:
            tables.insert_version(connection, empty_version(there, each.version_id, each.created_at))
            present.add(each.version_id)
    if present - set(versions):
        tables.delete_versions(connection, there, present - set(versions))
    stages = tables.stages_of(connection, row.arn)
    kept = {label: version_id for label, version_id in stages.items() if version_id in present}
    for label in set(tables.stages_of(connection, there)) - set(kept):
        tables.delete_stage(connection, there, label)
    for label, version_id in kept.items():
        tables.put_stage(connection, there, label, version_id)
    tables.update_secret(connection, there, {name: getattr(row, name) for name in _FOLLOWED})
    return len(kept) < len(stages)


def _present(connection: Connection, there: str, versions: Mapping[str, Any]) -> set[str]:
    """Return the versions that a replica has, without those that had no value and have one now: they come anew."""
    present = {each.version_id: each.kind for each in tables.list_versions(connection, there)}
    filled = [
        version_id
        for version_id, kind in present.items()
        if kind == EMPTY and version_id in versions and versions[version_id].kind != EMPTY
    ]
    if filled:
        tables.delete_versions(connection, there, filled)
    return set(present) - set(filled)


def empty_version(arn: str, version_id: str, now: float) -> dict[str, Any]:
    """Return the columns of a version that has no value yet."""
    nothing = {"kind": EMPTY, "ciphertext": b"", "data_key": b"", "key_arn": "", "is_default_key": False}
    return {"arn": arn, "version_id": version_id, "created_at": now, **nothing}


def set_status(connection: Connection, by: Doing, row: Any, replica: Any, failure: str | None) -> None:
    """Write how a replica is, and record it when that has changed; `replica` is its row, or what it is to be."""
    status = IN_SYNC if failure is None else FAILED
    values = {"region": replica.region, "kms_key_id": replica.kms_key_id, "status": status, "message": failure}
    tables.put_replica(connection, {"arn": row.arn, **values})
    if replica.status != status:
        event = events.of_replication(row, replica.region, by.now, failure)
        by.house.audit.insert_event(connection, event)


def shown_status(replicas: Iterable[Any]) -> list[dict[str, Any]]:
    """Return replicas as ReplicationStatus tells of them."""
    return [_shown(replica) for replica in replicas]


def _shown(replica: Any) -> dict[str, Any]:
    shown = {"Region": replica.region, "KmsKeyId": replica.kms_key_id or "alias/aws/secretsmanager"}
    shown["Status"] = replica.status
    if replica.message is not None:
        shown["StatusMessage"] = replica.message
    return shown
