"""Replicas before they exist: which Regions a request wants, and what is written there.

Source: AWS Secrets Manager API Reference, ReplicateSecretToRegions, ReplicaRegionType.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.base.arn import partition_of
from strongroom.base.errors import AwsError
from strongroom.model.regions import region_names
from strongroom.operations.call import Call
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.deletion import erase
from strongroom.services.secretsmanager.mirroring import mirror, set_status
from strongroom.services.secretsmanager.sealing import SealedValue, Value, seal, stored_key_id
from strongroom.services.secretsmanager.secret import arn_in
from strongroom.storage.connection import Connection

PENDING = "InProgress"


class NewReplica(NamedTuple):
    """A replica that is to be made, with the versions that it begins with, or why there are none."""

    region: str
    kms_key_id: str | None
    values: tuple[SealedValue, ...] = ()
    failure: str | None = None
    status: str = PENDING


def wanted_replicas(call: Call, primary_region: str, listed: Sequence[Mapping[str, Any]]) -> list[NewReplica]:
    """Return the Regions and keys that a request wants replicas in and under.

    Raises InvalidParameterException for no Region, an unknown one, one twice, the secret's own, or another partition's.
    """
    wanted: dict[str, NewReplica] = {}
    for each in listed:
        region = each.get("Region")
        if region is None or region == primary_region or region not in region_names():
            raise errors.invalid_parameter("Invalid replica region.")
        if partition_of(region) != partition_of(primary_region) or region in wanted:
            raise errors.invalid_parameter("Invalid replica region.")
        wanted[region] = NewReplica(region, stored_key_id(each.get("KmsKeyId"), call.account_id, region))
    return list(wanted.values())


async def prepare_replicas(
    call: Call, arn: str, wanted: Sequence[NewReplica], values: Mapping[str, Value]
) -> list[NewReplica]:
    """Return replicas with values encrypted for them, by version id. What KMS refuses is told, not raised."""
    account_id = arn.split(":")[4]
    prepared = []
    for replica in wanted:
        there = arn_in(arn, replica.region)
        try:
            sealed = [
                await seal(call, there, account_id, replica.region, replica.kms_key_id, version_id, value)
                for version_id, value in values.items()
            ]
        except AwsError as error:
            if error.status >= 500:
                raise
            prepared.append(replica._replace(failure=f"Replication failed: {error.message}"))
        else:
            prepared.append(replica._replace(values=tuple(sealed)))
    return prepared


def insert_replicas(connection: Connection, call: Call, arn: str, replicas: Sequence[NewReplica]) -> None:
    """Write replicas of a secret. One that cannot be made is there as Failed, with the reason.

    A secret of the same name is in the way, unless the request overwrites it.
    """
    row: Any = tables.select_secret(connection, arn)
    for replica in replicas:
        there = arn_in(arn, replica.region)
        failure = replica.failure or _obstacle(connection, call, row, replica.region)
        if failure is None:
            _insert_replica(connection, row, replica, exists=tables.select_secret(connection, there) is not None)
        set_status(connection, call, row, replica, failure)
    mirror(connection, call, arn)


def _obstacle(connection: Connection, call: Call, row: Any, region: str) -> str | None:
    """Return what keeps a replica from being made, None when nothing does; clear away what the request overwrites."""
    before = tables.select_named(connection, row.account_id, region, row.name)
    if before is None or before.arn == arn_in(row.arn, region):
        return None
    is_gone = before.deletion_at is not None and before.deletion_at <= call.now
    if is_gone or (call.params.get("ForceOverwriteReplicaSecret") and before.primary_region is None):
        erase(connection, call.house, before, call.now)
        return None
    return f"Replication failed: Secret name {row.name} already exists in region {region}."


def _insert_replica(connection: Connection, row: Any, replica: NewReplica, *, exists: bool) -> None:
    there = arn_in(row.arn, replica.region)
    if exists:
        tables.update_secret(connection, there, {"kms_key_id": replica.kms_key_id})
    else:
        columns = {name: value for name, value in row._mapping.items() if name != "accessed_at"}
        own = {"arn": there, "region": replica.region, "kms_key_id": replica.kms_key_id}
        tables.insert_secret(connection, columns | own)
    created = {each.version_id: each.created_at for each in tables.list_versions(connection, row.arn)}
    present = {each.version_id for each in tables.list_versions(connection, there)}
    for sealed in replica.values:
        if sealed.version_id in created and sealed.version_id not in present:
            tables.insert_version(connection, sealed._asdict() | {"created_at": created[sealed.version_id]})
