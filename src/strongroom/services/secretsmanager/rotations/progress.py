"""How far rotations are: every change to one, in the transaction that it is part of.

A rotation begins with a version that has AWSPENDING and no value yet. It has succeeded when that version has
AWSCURRENT. Until then it is tried again, from its first step, after pauses that grow; AWSCURRENT stays where it was.

Source: AWS Secrets Manager User Guide, "Rotation by Lambda function" ("retries the entire rotation process multiple
times"), "AWS CloudTrail entries for Secrets Manager" (RotationAbandoned); API Reference, RotateSecret.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from strongroom.crypto.random import random_bytes
from strongroom.operations.managed_rotations import CREATE, STEPS, TEST
from strongroom.services.secretsmanager import events, tables
from strongroom.services.secretsmanager.mirroring import Doing, empty_version, mirror
from strongroom.services.secretsmanager.rotations import tables as rows
from strongroom.services.secretsmanager.schedule import read_rules, window_columns
from strongroom.services.secretsmanager.secret import CURRENT, EMPTY, PENDING
from strongroom.storage.connection import Connection

if TYPE_CHECKING:
    from strongroom.operations.house import House
    from strongroom.services.secretsmanager.sealing import SealedValue

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 3_600.0
"""How long after a failure a rotation is tried again: twice as long each time, less up to a half by chance."""


class ByItself(NamedTuple):
    """What is done without a call: in which house, and when (seconds since the epoch)."""

    house: "House"
    now: float


class Holding(NamedTuple):
    """Which server is at work on which rotation."""

    arn: str
    version_id: str
    holder: str


def begin(
    connection: Connection, by: Doing, row: Any, version_id: str, *, test_value: "SealedValue | None" = None
) -> None:
    """Begin a rotation of the secret of `row` towards a version, or a test of its configuration with a value.

    The version is made, without a value, unless it is there already: what was left pending is gone on with.
    """
    if test_value is not None:
        tables.insert_version(connection, test_value._asdict() | {"created_at": by.now})
    elif tables.select_version(connection, row.arn, version_id) is None:
        tables.insert_version(connection, empty_version(row.arn, version_id, by.now))
    tables.put_stage(connection, row.arn, PENDING, version_id)
    is_test = test_value is not None
    values = {"arn": row.arn, "version_id": version_id, "is_test": is_test, "step": TEST if is_test else CREATE}
    rows.insert_rotation(connection, values | {"attempts": 0, "started_at": by.now, "next_at": by.now})
    _record(connection, by, events.TEST_STARTED if is_test else events.STARTED, row, version_id)


def claim(
    connection: Connection, by: Doing, holding: Holding, wall: float | None, held_until: float, token_hash: str
) -> Any:
    """Take a rotation that is due, and return its row; None when it is not, or another server is at work on it."""
    rotation = rows.select_rotation(connection, holding.arn)
    if rotation is None or rotation.version_id != holding.version_id or rotation.next_at > by.now:
        return None
    if rotation.holder not in (None, holding.holder) and wall is not None and rotation.held_until > wall:
        return None
    if _has_lost_its_label(connection, rotation):
        _give_up(connection, by, tables.select_secret(connection, holding.arn), rotation)
        mirror(connection, by, holding.arn)
        return None
    held = {"holder": holding.holder, "held_until": held_until, "token_hash": token_hash}
    rows.update_rotation(connection, holding.arn, held)
    return rotation


def advance(connection: Connection, by: Doing, holding: Holding, step: str, failure: str | None) -> str | None:
    """Write what became of a step, and return the next one; None when there is none, or none for this server.

    `failure` says why it failed, None if it did not. After the last one the new version has to have AWSCURRENT.
    """
    rotation = rows.select_rotation(connection, holding.arn)
    if rotation is None or (rotation.version_id, rotation.holder) != (holding.version_id, holding.holder):
        return None
    row: Any = tables.select_secret(connection, holding.arn)
    if _has_lost_its_label(connection, rotation):
        _give_up(connection, by, row, rotation)
        mirror(connection, by, row.arn)
        return None
    following = None if rotation.is_test or step == STEPS[-1] else STEPS[STEPS.index(step) + 1]
    stages = tables.stages_of(connection, holding.arn)
    if failure is None and following is None and not rotation.is_test and stages.get(CURRENT) != rotation.version_id:
        failure = f"The version {rotation.version_id} does not have {CURRENT} after the {step} step"
    if failure is not None or following is None:
        if failure is not None:
            _fail(connection, by, row, rotation, failure)
        else:
            _succeed(connection, by, row, rotation)
        mirror(connection, by, row.arn)
        return None
    rows.update_rotation(connection, holding.arn, {"step": following})
    return following


def _fail(connection: Connection, by: Doing, row: Any, rotation: Any, failure: str) -> None:
    if rotation.is_test:
        _drop_test(connection, rotation)
        _record(connection, by, events.TEST_FAILED, row, rotation.version_id, failure)
        return
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(rotation.attempts, 16), LONGEST_PAUSE_SECONDS)
    pause *= 1.0 - int.from_bytes(random_bytes(2), "big") / 2**17
    again = {"step": CREATE, "attempts": rotation.attempts + 1, "next_at": by.now + pause}
    rows.update_rotation(connection, row.arn, {**again, "holder": None, "held_until": None, "token_hash": None})
    _record(connection, by, events.FAILED, row, rotation.version_id, failure)


def _succeed(connection: Connection, by: Doing, row: Any, rotation: Any) -> None:
    if rotation.is_test:
        _drop_test(connection, rotation)
        _record(connection, by, events.TEST_SUCCEEDED, row, rotation.version_id)
        return
    rows.delete_rotation(connection, row.arn)
    if tables.stages_of(connection, row.arn).get(PENDING) == rotation.version_id:
        tables.delete_stage(connection, row.arn, PENDING)
    columns = {"rotated_at": by.now, "changed_at": by.now}
    tables.update_secret(connection, row.arn, columns | next_window(row, by.now))
    _record(connection, by, events.SUCCEEDED, row, rotation.version_id)


def next_window(row: Any, now: float) -> dict[str, Any]:
    """Return the columns of the window that follows a rotation at `now`, however many were missed before."""
    if not row.rotation_enabled or not row.rotation_rules:
        return {}
    return window_columns(read_rules(row.rotation_rules).next_window(now, now))


def _drop_test(connection: Connection, rotation: Any) -> None:
    """Forget a test, with the version that was made for it, unless somebody has put another label on that one."""
    rows.delete_rotation(connection, rotation.arn)
    stages = tables.stages_of(connection, rotation.arn)
    if not any(label != PENDING and version_id == rotation.version_id for label, version_id in stages.items()):
        tables.delete_versions(connection, rotation.arn, [rotation.version_id])


def give_up_test(connection: Connection, arn: str) -> None:
    """Forget the test of a secret's configuration, if one is under way: there is another configuration."""
    rotation = rows.select_rotation(connection, arn)
    if rotation is not None and rotation.is_test:
        _drop_test(connection, rotation)


def give_way(connection: Connection, by: Doing, row: Any, version_id: str) -> None:
    """Abandon the rotation of a secret in favour of a new current version that somebody made."""
    rotation = rows.select_rotation(connection, row.arn)
    if rotation is None or rotation.version_id == version_id:
        return
    if tables.stages_of(connection, row.arn).get(PENDING) == rotation.version_id:
        tables.delete_stage(connection, row.arn, PENDING)
    tables.update_secret(connection, row.arn, next_window(row, by.now))
    _abandon(connection, by, row, rotation)


def settle(connection: Connection, by: Doing, row: Any) -> None:
    """Abandon the rotation of a secret whose version has lost its label: somebody took it off.

    While a step is carried out, that is looked at behind it: the function may take AWSPENDING off before it puts
    AWSCURRENT on.
    """
    rotation = rows.select_rotation(connection, row.arn)
    if rotation is not None and rotation.holder is None and _has_lost_its_label(connection, rotation):
        _give_up(connection, by, row, rotation)


def _has_lost_its_label(connection: Connection, rotation: Any) -> bool:
    stages = tables.stages_of(connection, rotation.arn)
    return rotation.version_id not in (stages.get(PENDING), stages.get(CURRENT))


def _give_up(connection: Connection, by: Doing, row: Any, rotation: Any) -> None:
    """Abandon a rotation without a label. One that is still due is begun anew, but not at once, again and again."""
    _abandon(connection, by, row, rotation)
    if row.rotation_begins_at is not None and row.rotation_begins_at <= by.now:
        tables.update_secret(connection, row.arn, {"rotation_begins_at": by.now + FIRST_PAUSE_SECONDS})


def _abandon(connection: Connection, by: Doing, row: Any, rotation: Any) -> None:
    if rotation.is_test:
        _drop_test(connection, rotation)
        return
    rows.delete_rotation(connection, row.arn)
    version = tables.select_version(connection, row.arn, rotation.version_id)
    if version is not None and version.kind == EMPTY:
        tables.delete_versions(connection, row.arn, [rotation.version_id])
    _record(connection, by, events.ABANDONED, row, rotation.version_id)


def cancel(connection: Connection, arn: str) -> None:
    """Stop the rotation of a secret; its version keeps AWSPENDING, if it is not a test's."""
    give_up_test(connection, arn)
    rows.delete_rotation(connection, arn)


def is_stuck(connection: Connection, arn: str) -> bool:
    """Whether a version has AWSPENDING and not AWSCURRENT: a rotation that is not complete."""
    stages = tables.stages_of(connection, arn)
    return PENDING in stages and stages[PENDING] != stages.get(CURRENT)


def begin_if_due(connection: Connection, by: Doing, arn: str, version_id: str) -> str | None:
    """Begin the rotation of a secret whose window has begun, and return its version; None when it is not due after all.

    What an earlier rotation left pending is gone on with, in place of `version_id`.
    """
    row = tables.select_secret(connection, arn)
    if row is None or not row.rotation_enabled or row.deletion_at is not None:
        return None
    if row.rotation_begins_at is None or row.rotation_begins_at > by.now:
        return None
    if rows.select_rotation(connection, arn) is not None:
        return None
    wanted = tables.stages_of(connection, arn)[PENDING] if is_stuck(connection, arn) else version_id
    begin(connection, by, row, wanted)
    mirror(connection, by, arn)
    return wanted


def reattempt(connection: Connection, by: Doing, row: Any) -> str | None:
    """Have a rotation that is not complete tried again now, and return its version; None when there is none to try."""
    if not row.rotation_enabled or not is_stuck(connection, row.arn):
        return None
    rotation = rows.select_rotation(connection, row.arn)
    if rotation is None:
        pending = tables.stages_of(connection, row.arn)[PENDING]
        begin(connection, by, row, pending)
        return pending
    if rotation.next_at > by.now:
        rows.update_rotation(connection, row.arn, {"next_at": by.now})
    version_id: str = rotation.version_id
    return version_id


def _record(
    connection: Connection, by: Doing, name: str, row: Any, version_id: str, failure: str | None = None
) -> None:
    event = events.of_rotation(name, row, version_id, by.now, failure)
    by.house.audit.insert_event(connection, event)
