"""ReplicateSecretToRegions, RemoveRegionsFromReplication and StopReplicationToReplica.

Source: AWS Secrets Manager User Guide, "Replicate AWS Secrets Manager secrets across Regions"; API Reference.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.deletion import erase
from strongroom.services.secretsmanager.mirroring import IN_SYNC, shown_status
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.replicas import NewReplica, insert_replicas, prepare_replicas, wanted_replicas
from strongroom.services.secretsmanager.schedule import window_columns
from strongroom.services.secretsmanager.sealing import unseal
from strongroom.services.secretsmanager.secret import EMPTY, Secret, arn_in
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection


@operation(
    SECRETS_MANAGER,
    "ReplicateSecretToRegions",
    needs=about_secret("secretsmanager:ReplicateSecretToRegions"),
    quota=own_quota("ReplicateSecretToRegions"),
)
async def replicate_secret_to_regions(call: Call) -> Answer:
    """Make replicas of a secret in other Regions, or mend those that failed. Source: ReplicateSecretToRegions."""
    secret = existing(call)
    secret.must_be_changeable()
    wanted = wanted_replicas(call, secret.region, call.params["AddReplicaRegions"])
    in_sync = {replica.region for replica in secret.replicas if replica.status == IN_SYNC}
    for replica in wanted:
        if replica.region in in_sync:
            raise errors.invalid_request(f"The secret is already replicated to region {replica.region}.")
    values = {
        version_id: await unseal(call, secret, version)
        for version_id, version in secret.versions.items()
        if version.has_value
    }
    prepared: Sequence[NewReplica] = await prepare_replicas(call, secret.arn, wanted, values)

    def change(connection: Connection, row: Any) -> Answer:
        tables.update_secret(connection, secret.arn, {"primary_region": secret.region, "changed_at": call.now})
        insert_replicas(connection, call, secret.arn, prepared)
        return _answer(connection, secret)

    return await change_secret(call, secret, change)


def _answer(connection: Connection, secret: Secret) -> Answer:
    return {"ARN": secret.arn, "ReplicationStatus": shown_status(tables.replicas_of(connection, secret.arn))}


@operation(
    SECRETS_MANAGER,
    "RemoveRegionsFromReplication",
    needs=about_secret("secretsmanager:RemoveRegionsFromReplication"),
    quota=own_quota("RemoveRegionsFromReplication"),
)
async def remove_regions_from_replication(call: Call) -> Answer:
    """Delete replicas of a secret. Source: API Reference, RemoveRegionsFromReplication."""
    secret = existing(call)
    secret.must_be_changeable()
    regions = dict.fromkeys(call.params["RemoveReplicaRegions"])

    def change(connection: Connection, row: Any) -> Answer:
        present = {replica.region for replica in tables.replicas_of(connection, secret.arn)}
        for region in regions:
            if region not in present:
                raise errors.invalid_parameter(f"The secret is not replicated to region {region}.")
            replica = tables.select_secret(connection, arn_in(secret.arn, region))
            if replica is not None:
                erase(connection, call.house, replica, call.now)
            tables.delete_replica(connection, secret.arn, region)
        if present == set(regions):
            tables.update_secret(connection, secret.arn, {"primary_region": None})
        return _answer(connection, secret)

    return await change_secret(call, secret, change)


@operation(
    SECRETS_MANAGER,
    "StopReplicationToReplica",
    needs=about_secret("secretsmanager:StopReplicationToReplica"),
    quota=own_quota("StopReplicationToReplica"),
)
async def stop_replication_to_replica(call: Call) -> Answer:
    """Make a replica a secret of its own. Source: API Reference, StopReplicationToReplica."""
    secret = existing(call)
    secret.must_not_wait_for_deletion()
    primary_region = secret.primary_region
    if primary_region is None or not secret.is_replica:
        raise errors.invalid_request("Operation is only permitted on a replica secret.")
    primary = arn_in(secret.arn, primary_region)

    def change(connection: Connection, row: Any) -> Answer:
        tables.delete_replica(connection, primary, secret.region)
        if not tables.replicas_of(connection, primary):
            tables.update_secret(connection, primary, {"primary_region": None})
        tables.update_secret(connection, secret.arn, {"primary_region": None, "changed_at": call.now})
        _stop_rotating(connection, row)
        return {"ARN": secret.arn}

    return await change_secret(call, secret, change)


def _stop_rotating(connection: Connection, row: Any) -> None:
    """Stop rotating a replica that stands alone: its primary is rotated, and nobody asked for it itself to be."""
    if row.rotation_enabled:
        tables.update_secret(connection, row.arn, {"rotation_enabled": False, **window_columns(None)})
    empty = [each.version_id for each in tables.list_versions(connection, row.arn) if each.kind == EMPTY]
    if empty:
        tables.delete_versions(connection, row.arn, empty)
