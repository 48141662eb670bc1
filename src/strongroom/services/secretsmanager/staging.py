"""Versions and their staging labels, in a transaction: what a new version takes, and what makes room for it.

Source: AWS Secrets Manager User Guide, "Concepts in Secrets Manager" (Version); API Reference, PutSecretValue.
"""

from collections.abc import Collection, Mapping
from typing import Any

from strongroom.operations.call import Call
from strongroom.services.secretsmanager import errors, events, tables
from strongroom.services.secretsmanager.quotas import LABELS_QUOTA, VERSIONS_QUOTA
from strongroom.services.secretsmanager.rotations.progress import give_way
from strongroom.services.secretsmanager.schedule import after_a_new_value
from strongroom.services.secretsmanager.sealing import SealedValue
from strongroom.services.secretsmanager.secret import CURRENT, PREVIOUS
from strongroom.storage.connection import Connection

KEPT_SECONDS = 86_400.0
"""How long a version without staging labels is kept in any case."""


def move_label(connection: Connection, arn: str, label: str, version_id: str) -> None:
    """Attach a label to a version; the version that was current until now becomes the previous one."""
    if label == CURRENT:
        last = tables.stages_of(connection, arn).get(CURRENT)
        if last is not None and last != version_id:
            tables.put_stage(connection, arn, PREVIOUS, last)
    tables.put_stage(connection, arn, label, version_id)


def add_version(
    connection: Connection, call: Call, row: Any, sealed: SealedValue, labels: Collection[str] | None
) -> list[str]:
    """Insert a version of the secret of `row`, and return its labels: AWSCURRENT by default, and always for the first.

    A rotation under way gives way to a new current version that is not its own. Raises LimitExceededException above 20
    labels, and for more versions than can be let go.
    """
    wanted = set(labels or (CURRENT,))
    if not tables.list_versions(connection, row.arn, limit=1):
        wanted.add(CURRENT)
    _make_room(connection, call, row)
    tables.insert_version(connection, sealed._asdict() | {"created_at": call.now})
    # The current one last: another label of the request may be AWSPREVIOUS, which follows from it.
    for label in sorted(wanted, key=lambda label: (label == CURRENT, label)):
        move_label(connection, row.arn, label, sealed.version_id)
    if CURRENT in wanted:
        give_way(connection, call, row, sealed.version_id)
    must_not_be_too_many(connection, call, row)
    columns: Mapping[str, Any] = after_a_new_value(row, call.now) if CURRENT in wanted else {}
    tables.update_secret(connection, row.arn, {"changed_at": call.now, **columns})
    return [
        label for label, version_id in tables.stages_of(connection, row.arn).items() if version_id == sealed.version_id
    ]


def must_not_be_too_many(connection: Connection, call: Call, row: Any) -> None:
    """Raise LimitExceededException above 20 labels."""
    most = call.house.quotas.most(LABELS_QUOTA, row.account_id, row.region)
    if len(tables.stages_of(connection, row.arn)) > most:
        raise errors.limit_exceeded(f"A secret can have at most {most} staging labels.")


def _make_room(connection: Connection, call: Call, row: Any) -> None:
    """Delete the oldest versions without labels where there would be too many, but none of the last day."""
    most = call.house.quotas.most(VERSIONS_QUOTA, row.account_id, row.region)
    versions = tables.list_versions(connection, row.arn)
    surplus = len(versions) + 1 - most
    if surplus <= 0:
        return
    labelled = set(tables.stages_of(connection, row.arn).values())
    old = call.now - KEPT_SECONDS
    loose = [each.version_id for each in versions if each.version_id not in labelled and each.created_at <= old]
    if len(loose) < surplus:
        raise errors.limit_exceeded(
            f"The secret has {most} versions, and none of them can be deleted before it has been without a staging "
            "label for a day."
        )
    gone = loose[:surplus]
    tables.delete_versions(connection, row.arn, gone)
    for version_id in gone:
        event = events.of_version("SecretVersionDeletion", row, version_id, call.now)
        call.house.audit.insert_event(connection, event)
