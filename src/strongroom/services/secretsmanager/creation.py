"""CreateSecret. Source: AWS Secrets Manager API Reference, CreateSecret."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.crypto.mac import equal
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.conditions import request_tags
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import Resource
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import SecretConditions
from strongroom.services.secretsmanager.managed_secrets import OWNER_TAG, owned_columns, owner_of_new
from strongroom.services.secretsmanager.mirroring import shown_status
from strongroom.services.secretsmanager.quotas import SECRETS_QUOTA, own_quota
from strongroom.services.secretsmanager.replicas import NewReplica, insert_replicas, prepare_replicas, wanted_replicas
from strongroom.services.secretsmanager.request_members import checked_description, checked_token
from strongroom.services.secretsmanager.sealing import (
    SealedValue,
    Value,
    must_be_usable_key,
    seal,
    stored_key_id,
    unseal,
    value_in,
)
from strongroom.services.secretsmanager.secret import RESOURCE_TYPE, Secret, SecretId, checked_name, new_arn
from strongroom.services.secretsmanager.secret_directory import SecretDirectory, cache_name
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.services.secretsmanager.staging import add_version
from strongroom.services.secretsmanager.tagging import checked_tags
from strongroom.storage.connection import Connection


async def _needs(call: Call) -> Sequence[Requirement]:
    params = call.params
    arn = call.target = new_arn(call.account_id, call.region, checked_name(params["Name"]))
    conditions = SecretConditions(call, None, arn, request_tags(params))
    actions = ["secretsmanager:CreateSecret"]
    if params.get("Tags"):
        actions.append("secretsmanager:TagResource")
    if params.get("AddReplicaRegions"):
        actions.append("secretsmanager:ReplicateSecretToRegions")
    return [
        Requirement(action=action, resource=arn, account_id=call.account_id, conditions=conditions)
        for action in actions
    ]


class _New(NamedTuple):
    """What is written of a new secret."""

    columns: Mapping[str, Any]
    sealed: SealedValue | None
    replicas: Sequence[NewReplica]


@operation(SECRETS_MANAGER, "CreateSecret", needs=_needs, quota=own_quota("CreateSecret"))
async def create_secret(call: Call) -> Answer:
    """Create a secret, with a first version or without. Source: API Reference, CreateSecret."""
    params, arn = call.params, call.target
    owner = owner_of_new(call, params["Name"])
    _refuse_what_is_not_served(params)
    value = value_in(call, call.account_id)
    token = checked_token(call) if value is not None else None
    columns = _columns(call, arn, owner)
    known = await _find(call)
    if known is not None:
        return await _answer_again(call, known, token, value)
    key_id = columns["kms_key_id"]
    await must_be_usable_key(call, arn, call.account_id, call.region, key_id)
    sealed = None
    if value is not None and token is not None:
        sealed = await seal(call, arn, call.account_id, call.region, key_id, token, value)
    wanted = wanted_replicas(call, call.region, params.get("AddReplicaRegions") or ())
    replicas = await prepare_replicas(call, arn, wanted, {token: value} if value is not None and token else {})
    return await _insert(call, _New(columns, sealed, replicas))


def _columns(call: Call, arn: str, owner: str | None) -> dict[str, Any]:
    params = call.params
    tags = checked_tags(params.get("Tags") or (), of_service=owner is not None)
    owned: dict[str, Any] = {}
    if owner is not None:
        tags[OWNER_TAG] = owner
        owned = owned_columns(call, owner)
    return {
        "arn": arn,
        "account_id": call.account_id,
        "region": call.region,
        "name": params["Name"],
        "description": checked_description(params.get("Description")),
        "kms_key_id": stored_key_id(params.get("KmsKeyId"), call.account_id, call.region),
        "created_at": call.now,
        "changed_at": call.now,
        "tags": tags or None,
        "primary_region": call.region if params.get("AddReplicaRegions") else None,
        **owned,
    }


def _refuse_what_is_not_served(params: Mapping[str, Any]) -> None:
    if params.get("Type"):
        raise errors.unsupported("managed external secrets (Type)")
    if params.get("CrossAccountPrimaryARN"):
        raise errors.unsupported("replicas of other accounts' secrets (CrossAccountPrimaryARN)")


async def _find(call: Call) -> Secret | None:
    named = SecretId(call.account_id, call.region, call.params["Name"], None)
    return await call.house.part(SecretDirectory).find(named)


async def _answer_again(call: Call, known: Secret, token: str | None, value: Value | None) -> Answer:
    """Answer a request that was carried out already; raise ResourceExistsException for any other."""
    if known.deletion_at is not None:
        raise errors.scheduled_for_deletion()
    version = known.versions.get(token) if token is not None else None
    if version is None or value is None or token is None:
        raise errors.already_exists(known.name)
    there = await unseal(call, known, version)
    if there.kind != value.kind or not equal(there.plaintext, value.plaintext):
        raise errors.token_in_use(token, known.arn)
    answer: Answer = {"ARN": known.arn, "Name": known.name, "VersionId": token}
    return answer | ({"ReplicationStatus": shown_status(known.replicas)} if known.replicas else {})


async def _insert(call: Call, new: _New) -> Answer:
    columns = new.columns
    arn, name, account_id = columns["arn"], columns["name"], call.account_id
    most = call.house.quotas.most(SECRETS_QUOTA, account_id, call.region)
    call.made = (Resource(arn, account_id, RESOURCE_TYPE),)

    def write(connection: Connection) -> Answer:
        before = tables.select_named(connection, account_id, call.region, name)
        if before is not None:
            if before.deletion_at is None:
                raise errors.already_exists(name)
            if before.deletion_at > call.now:
                raise errors.scheduled_for_deletion()
            # Its time was over; only nobody has come by yet to clear it away.
            tables.delete_secret(connection, before.arn)
        if tables.count_secrets(connection, account_id, call.region) >= most:
            raise errors.limit_exceeded(f"You can't have more than {most} secrets in an AWS account in a Region.")
        tables.insert_secret(connection, columns)
        row = tables.select_secret(connection, arn)
        answer: Answer = {"ARN": arn, "Name": name}
        if new.sealed is not None:
            add_version(connection, call, row, new.sealed, None)
            answer["VersionId"] = new.sealed.version_id
        if new.replicas:
            insert_replicas(connection, call, arn, new.replicas)
            answer["ReplicationStatus"] = shown_status(tables.replicas_of(connection, arn))
        return answer

    return await call.write(write, invalidates=(cache_name(account_id, name),))
