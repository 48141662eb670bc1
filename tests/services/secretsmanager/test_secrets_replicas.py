"""Replicas: the same secret in another Region, read-only, under a key of that Region."""

from pathlib import Path
from typing import Any

from tests.opened_house import InHouse, OpenedHouse
from tests.services.kms.made_identities import document, make_identity, statement, user
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper, keeping

THERE = "eu-west-1"
NOT_ON_REPLICA = "Operation not permitted on a replica secret. Call must be made in primary secret's region."


def to(*regions: str, **more: Any) -> dict[str, Any]:
    return {"AddReplicaRegions": [{"Region": region, **more} for region in regions]}


def test_a_replica_follows(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        secrets = Keeper(house)
        made = await secrets("CreateSecret", Name="s", SecretString="1", **to(THERE))
        (status,) = made["ReplicationStatus"]
        assert (status["Region"], status["Status"]) == (THERE, "InSync")
        got = await secrets("GetSecretValue", SecretId="s", region=THERE)
        assert (got["SecretString"], got["VersionId"]) == ("1", made["VersionId"])
        assert got["ARN"] == made["ARN"].replace("us-east-1", THERE)
        second = (await secrets("PutSecretValue", SecretId="s", SecretBinary=b"2"))["VersionId"]
        assert (await secrets("GetSecretValue", SecretId="s", region=THERE))["SecretBinary"] == b"2"
        assert await secrets.value("s", VersionStage="AWSPREVIOUS", region=THERE) == "1"
        await secrets(
            "UpdateSecretVersionStage",
            SecretId="s",
            VersionStage="AWSCURRENT",
            RemoveFromVersionId=second,
            MoveToVersionId=made["VersionId"],
        )
        assert await secrets.value("s", region=THERE) == "1"
        await secrets("TagResource", SecretId="s", Tags=[{"Key": "a", "Value": "b"}])
        await secrets("UpdateSecret", SecretId="s", Description="told")
        here = await secrets("DescribeSecret", SecretId="s")
        there = await secrets("DescribeSecret", SecretId="s", region=THERE)
        for member in ("Name", "Description", "Tags", "VersionIdsToStages", "LastChangedDate"):
            assert here[member] == there[member], member
        assert here["PrimaryRegion"] == there["PrimaryRegion"] == "us-east-1"
        assert here["ReplicationStatus"][0]["LastAccessedDate"] == there["LastAccessedDate"]
        assert "ReplicationStatus" not in there
        assert [each["Name"] for each in (await secrets("ListSecrets", region=THERE))["SecretList"]] == ["s"]

    in_house(body)


def test_a_replica_is_read_only(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1", **to(THERE))
        for operation, params in (
            ("PutSecretValue", {"SecretString": "y"}),
            ("UpdateSecret", {"Description": "y"}),
            ("DeleteSecret", {}),
            ("DeleteSecret", {"ForceDeleteWithoutRecovery": True}),
            ("TagResource", {"Tags": []}),
            ("DeleteResourcePolicy", {}),
            ("RotateSecret", {}),
            ("ReplicateSecretToRegions", to("eu-west-2")),
            ("RemoveRegionsFromReplication", {"RemoveReplicaRegions": [THERE]}),
        ):
            with refused("InvalidParameterException", NOT_ON_REPLICA):
                await secrets(operation, SecretId="s", region=THERE, **params)

    keeping(tmp_path, body)


def test_a_replica_is_encrypted_in_its_own_region(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        there = (await secrets.house.kms("CreateKey", region=THERE))["KeyMetadata"]["Arn"]
        made = await secrets("CreateSecret", Name="s", SecretString="1", **to(THERE, KmsKeyId=there))
        assert made["ReplicationStatus"][0]["KmsKeyId"] == there
        (version,) = (await secrets("ListSecretVersionIds", SecretId="s", region=THERE))["Versions"]
        assert version["KmsKeyIds"] == [there]
        assert (await secrets("DescribeSecret", SecretId="s", region=THERE))["KmsKeyId"] == there
        await secrets.house.kms("DisableKey", KeyId=there, region=THERE)
        with refused("DecryptionFailure"):
            await secrets("GetSecretValue", SecretId="s", region=THERE)
        # The primary goes on; the replica that cannot follow says so, keeps what it has, and can be mended.
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        (status,) = (await secrets("DescribeSecret", SecretId="s"))["ReplicationStatus"]
        assert status["Status"] == "Failed"
        assert status["StatusMessage"].startswith("Replication failed: ")
        await secrets("UpdateSecret", SecretId="s", Description="another change mends nothing")
        assert (await secrets("DescribeSecret", SecretId="s"))["ReplicationStatus"] == [status]
        await secrets.house.kms("EnableKey", KeyId=there, region=THERE)
        assert await secrets.value("s", VersionStage="AWSPREVIOUS", region=THERE) == "1"
        mended = await secrets("ReplicateSecretToRegions", SecretId="s", **to(THERE, KmsKeyId=there))
        assert mended["ReplicationStatus"][0]["Status"] == "InSync"
        assert await secrets.value("s", region=THERE) == "2"
        contexts = await secrets.house.house.audit.records(0, secrets.house.clock.now() + 60)
        events = [each.operation for each in contexts if each.operation.startswith("Replication")]
        assert events == ["ReplicationSucceeded", "ReplicationFailed", "ReplicationSucceeded"]
        arns = {
            each.request["EncryptionContext"]["SecretARN"] for each in contexts if each.operation == "GenerateDataKey"
        }
        assert arns == {made["ARN"], made["ARN"].replace("us-east-1", THERE)}

    keeping(tmp_path, body)


def test_a_secret_of_that_name_is_in_the_way(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="theirs", region=THERE)
        made = await secrets("CreateSecret", Name="s", SecretString="1", **to(THERE, "eu-west-2"))
        told = {each["Region"]: each for each in made["ReplicationStatus"]}
        assert told["eu-west-2"]["Status"] == "InSync"
        assert told[THERE]["Status"] == "Failed"
        assert told[THERE]["StatusMessage"] == "Replication failed: Secret name s already exists in region eu-west-1."
        assert await secrets.value("s", region=THERE) == "theirs"
        with refused("InvalidRequestException"):
            await secrets("ReplicateSecretToRegions", SecretId="s", **to("eu-west-2"))
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        await secrets("ReplicateSecretToRegions", SecretId="s", ForceOverwriteReplicaSecret=True, **to(THERE))
        assert await secrets.value("s", region=THERE) == "2"

    keeping(tmp_path, body)


def test_nobody_overwrites_a_replica(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="of another", region="eu-west-2", **to(THERE))
        made = await secrets("CreateSecret", Name="s", SecretString="1", ForceOverwriteReplicaSecret=True, **to(THERE))
        assert made["ReplicationStatus"][0]["Status"] == "Failed"
        assert await secrets.value("s", region=THERE) == "of another"
        await secrets("RemoveRegionsFromReplication", SecretId="s", RemoveReplicaRegions=[THERE])
        assert await secrets.value("s", region=THERE) == "of another"

    keeping(tmp_path, body)


def test_replicas_end(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        await secrets("CreateSecret", Name="s", SecretString="1", **to(THERE, "eu-west-2"))
        in_the_way = "You can't delete secret s that still has replica regions [eu-west-1, eu-west-2]"
        for params in ({}, {"ForceDeleteWithoutRecovery": True}):
            with refused("InvalidParameterException", in_the_way):
                await secrets("DeleteSecret", SecretId="s", **params)
        with refused("InvalidParameterException"):
            await secrets("RemoveRegionsFromReplication", SecretId="s", RemoveReplicaRegions=[THERE, "eu-west-3"])
        removed = await secrets("RemoveRegionsFromReplication", SecretId="s", RemoveReplicaRegions=[THERE])
        assert [each["Region"] for each in removed["ReplicationStatus"]] == ["eu-west-2"]
        with refused("ResourceNotFoundException"):
            await secrets("GetSecretValue", SecretId="s", region=THERE)
        with refused("InvalidRequestException"):
            await secrets("StopReplicationToReplica", SecretId="s")
        await secrets("StopReplicationToReplica", SecretId="s", region="eu-west-2")
        assert "PrimaryRegion" not in await secrets("DescribeSecret", SecretId="s")
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        assert await secrets.value("s", region="eu-west-2") == "1"
        await secrets("PutSecretValue", SecretId="s", SecretString="its own", region="eu-west-2")
        assert await secrets.value("s", region="eu-west-2") == "its own"
        await secrets("DeleteSecret", SecretId="s", ForceDeleteWithoutRecovery=True)
        assert await secrets.value("s", region="eu-west-2") == "its own"

    keeping(tmp_path, body)


def test_replicating_needs_permission(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        may_create = document(statement("Allow", "secretsmanager:CreateSecret"))
        caller = await user(secrets.house, await make_identity(secrets.house, "user", "ann", may_create))
        await secrets("CreateSecret", Name="alone", SecretString="1", caller=caller)
        with refused("AccessDeniedException"):
            await secrets("CreateSecret", Name="s", SecretString="1", caller=caller, **to(THERE))
        with refused("AccessDeniedException"):
            await secrets("CreateSecret", Name="s", Tags=[{"Key": "a", "Value": "b"}], caller=caller)

    keeping(tmp_path, body)
