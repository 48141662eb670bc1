"""PutSecretValue, UpdateSecret and UpdateSecretVersionStage: what changes a secret's value."""

from collections.abc import Collection, Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.crypto.mac import equal
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, existing
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.managed_secrets import must_be_owner
from strongroom.services.secretsmanager.mirroring import seal_for_all
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.request_members import checked_description, checked_labels, checked_token
from strongroom.services.secretsmanager.rotations.progress import settle
from strongroom.services.secretsmanager.rotations.steps import token_hash
from strongroom.services.secretsmanager.rotations.tables import select_rotation
from strongroom.services.secretsmanager.sealing import (
    SealedValue,
    Value,
    must_be_usable_key,
    resealed_key,
    seal,
    stored_key_id,
    unseal,
    value_in,
)
from strongroom.services.secretsmanager.secret import CURRENT, EMPTY, PENDING, PREVIOUS, Secret
from strongroom.services.secretsmanager.secret_directory import version_of
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.services.secretsmanager.staging import add_version, move_label, must_not_be_too_many
from strongroom.storage.connection import Connection


async def _seal_new(call: Call, secret: Secret, key_id: str | None, token: str, value: Value) -> SealedValue:
    return await seal(call, secret.arn, secret.account_id, secret.region, key_id, token, value)


@operation(
    SECRETS_MANAGER,
    "PutSecretValue",
    needs=about_secret("secretsmanager:PutSecretValue"),
    quota=own_quota("PutSecretValue"),
)
async def put_secret_value(call: Call) -> Answer:
    """Add a version; the same one again changes nothing. Source: API Reference, PutSecretValue."""
    secret = existing(call)
    must_be_owner(call, secret)
    secret.must_be_changeable()
    value = value_in(call, secret.account_id)
    if value is None:
        raise errors.invalid_request("You must provide either SecretString or SecretBinary.")
    token, labels = checked_token(call), checked_labels(call.params.get("VersionStages"))
    await _must_be_rotation_token(call, secret, token)
    known = await _answer_again(call, secret, token, value)
    if known is not None:
        return known
    sealed = await _seal_new(call, secret, secret.kms_key_id, token, value)
    replica_values = await seal_for_all(call, secret, token, value)

    def change(connection: Connection, row: Any) -> Answer:
        attached = add_version(connection, call, row, sealed, _labels_for(connection, secret, token, labels))
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": attached}

    return await change_secret(call, secret, change, replica_values)


def _labels_for(
    connection: Connection, secret: Secret, token: str, labels: Collection[str] | None
) -> Collection[str] | None:
    """Return the labels of a new version; one that a rotation has begun with keeps its own, and makes room.

    Raises ResourceExistsException for a version that has a value.
    """
    version = tables.select_version(connection, secret.arn, token)
    if version is None:
        return labels
    if version.kind != EMPTY:
        raise errors.token_in_use(token, secret.arn)
    kept = {label for label, version_id in tables.stages_of(connection, secret.arn).items() if version_id == token}
    tables.delete_versions(connection, secret.arn, [token])
    return kept | set(labels or (CURRENT,))


async def _must_be_rotation_token(call: Call, secret: Secret, version_id: str) -> None:
    """Raise InvalidParameterException for a RotationToken that is not that of the rotation towards the version."""
    token = call.params.get("RotationToken")
    if token is None:
        return
    rotation = await call.read(lambda connection: select_rotation(connection, secret.arn))
    expected = rotation.token_hash if rotation is not None and rotation.version_id == version_id else None
    if expected is None or not equal(expected.encode(), token_hash(token).encode()):
        raise errors.invalid_parameter("The RotationToken is not that of a rotation of this secret to this version.")


async def _answer_again(call: Call, secret: Secret, token: str, value: Value) -> Answer | None:
    """Return the answer to a request that was carried out already, None for one that was not.

    Raises ResourceExistsException when the version has another value.
    """
    row, stages = await call.read(
        lambda connection: (
            tables.select_version(connection, secret.arn, token),
            tables.stages_of(connection, secret.arn),
        )
    )
    if row is None or row.kind == EMPTY:
        return None
    version = version_of(row, stages)
    there = await unseal(call, secret, version)
    if there.kind != value.kind or not equal(there.plaintext, value.plaintext):
        raise errors.token_in_use(token, secret.arn)
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": token, "VersionStages": list(version.labels)}


@operation(
    SECRETS_MANAGER,
    "UpdateSecret",
    needs=about_secret("secretsmanager:UpdateSecret"),
    quota=own_quota("UpdateSecret"),
)
async def update_secret(call: Call) -> Answer:
    """Change description, key and value of a secret. Source: API Reference, UpdateSecret.

    Under another key, the versions that have AWSCURRENT, AWSPENDING or AWSPREVIOUS are encrypted anew, those excepted
    that the caller may not decrypt under the old key, or encrypt under the new one.
    """
    secret, params = existing(call), call.params
    must_be_owner(call, secret)
    secret.must_be_changeable()
    if params.get("Type"):
        raise errors.unsupported("managed external secrets (Type)")
    value = value_in(call, secret.account_id)
    token = checked_token(call) if value is not None else ""
    columns: dict[str, Any] = {"changed_at": call.now}
    if params.get("Description") is not None:
        columns["description"] = checked_description(params["Description"])
    key_id = secret.kms_key_id
    resealed: Mapping[str, Mapping[str, Any]] = {}
    if params.get("KmsKeyId") is not None:
        key_id = columns["kms_key_id"] = stored_key_id(params["KmsKeyId"], secret.account_id, secret.region)
        await must_be_usable_key(call, secret.arn, secret.account_id, secret.region, key_id)
        resealed = await _resealed(call, secret, key_id)
    sealed = await _seal_new(call, secret, key_id, token, value) if value is not None else None
    replica_values = await seal_for_all(call, secret, token, value) if value is not None else ()

    def change(connection: Connection, row: Any) -> Answer:
        answer: Answer = {"ARN": secret.arn, "Name": secret.name}
        for version_id, under_new_key in resealed.items():
            tables.update_version(connection, secret.arn, version_id, under_new_key)
        tables.update_secret(connection, secret.arn, columns)
        if sealed is not None:
            if tables.select_version(connection, secret.arn, token) is not None:
                raise errors.token_in_use(token, secret.arn)
            add_version(connection, call, row, sealed, None)
            answer["VersionId"] = token
        return answer

    return await change_secret(call, secret, change, replica_values)


async def _resealed(call: Call, secret: Secret, key_id: str | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the columns of the versions that another key encrypts from now on, by version id."""
    wanted = dict.fromkeys(secret.stages[label] for label in (CURRENT, PENDING, PREVIOUS) if label in secret.stages)
    resealed = {}
    for version_id in wanted:
        if not secret.versions[version_id].has_value:
            continue
        try:
            resealed[version_id] = await resealed_key(call, secret, secret.versions[version_id], key_id)
        except AwsError as error:
            if error.status >= 500 or error.code == "ThrottlingException":
                raise
    return resealed


@operation(
    SECRETS_MANAGER,
    "UpdateSecretVersionStage",
    needs=about_secret("secretsmanager:UpdateSecretVersionStage"),
    quota=own_quota("UpdateSecretVersionStage"),
)
async def update_secret_version_stage(call: Call) -> Answer:
    """Attach, move or take off a staging label. Source: API Reference, UpdateSecretVersionStage."""
    secret, params = existing(call), call.params
    must_be_owner(call, secret)
    secret.must_be_changeable()
    checked_labels([params["VersionStage"]])
    label, source, target = params["VersionStage"], params.get("RemoveFromVersionId"), params.get("MoveToVersionId")
    if source is None and target is None:
        raise errors.invalid_parameter("You must provide MoveToVersionId, RemoveFromVersionId, or both.")

    def change(connection: Connection, row: Any) -> Answer:
        _must_be_versions(connection, secret, source, target)
        if label == CURRENT and target is not None:
            _must_have_value(connection, secret, target)
        holder = tables.stages_of(connection, secret.arn).get(label)
        _must_be_the_holder(label, holder, source, target)
        if target is not None:
            move_label(connection, secret.arn, label, target)
            must_not_be_too_many(connection, call, row)
        elif label == CURRENT:
            raise errors.invalid_parameter(
                f"You can only move staging label {CURRENT} to a different secret version. "
                "It can't be completely removed."
            )
        else:
            tables.delete_stage(connection, secret.arn, label)
        settle(connection, call, row)
        tables.update_secret(connection, secret.arn, {"changed_at": call.now})
        return {"ARN": secret.arn, "Name": secret.name}

    return await change_secret(call, secret, change)


def _must_be_versions(connection: Connection, secret: Secret, *version_ids: str | None) -> None:
    for version_id in version_ids:
        if version_id is None:
            continue
        if "\0" in version_id or tables.select_version(connection, secret.arn, version_id) is None:
            raise errors.no_value_for_version(version_id)


def _must_have_value(connection: Connection, secret: Secret, version_id: str) -> None:
    version = tables.select_version(connection, secret.arn, version_id)
    if version is None or version.kind == EMPTY:
        raise errors.no_value_for_version(version_id)


def _must_be_the_holder(label: str, holder: str | None, source: str | None, target: str | None) -> None:
    """Raise InvalidParameterException unless the request says rightly where a label is taken from."""
    if source is not None and holder != source:
        raise errors.invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId."
            if holder is not None
            else f"Staging label {label} is not attached to version {source}."
        )
    if source is None and holder not in (None, target):
        raise errors.invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
