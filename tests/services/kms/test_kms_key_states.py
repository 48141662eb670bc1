"""What each key state allows: every operation of the key state table, in every state."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.opened_house import OpenedHouse, opened_house
from tests.services.kms.key_state_table import (
    CURVE_KEY,
    NOT_APPLICABLE,
    TABLE,
    THERE,
    USED,
    VALIDITY,
    WAITS_FOR_IMPORT,
    Attempt,
    MadeKey,
    Params,
    Refusal,
    import_params,
    private_bytes,
)

from strongroom.base.errors import AwsError
from strongroom.operations.registry import OPERATIONS


async def made(house: OpenedHouse, kind: Mapping[str, str], *, imported: bool, expires: bool) -> MadeKey:
    """Make an enabled key."""
    origin = "EXTERNAL" if imported else "AWS_KMS"
    arn = (await house.kms("CreateKey", MultiRegion=True, Origin=origin, **kind))["KeyMetadata"]["Arn"]
    if not imported:
        return MadeKey(arn, b"")
    material = private_bytes(CURVE_KEY) if kind["KeySpec"] == "ECC_NIST_P256" else os.urandom(32)
    await house.kms("ImportKeyMaterial", **import_params(house, arn, material, expires=expires))
    return MadeKey(arn, material)


async def described(house: OpenedHouse, key: MadeKey) -> Params:
    metadata: Params = (await house.kms("DescribeKey", KeyId=key.arn))["KeyMetadata"]
    return metadata


async def replicas_of(house: OpenedHouse, key: MadeKey) -> list[dict[str, str]]:
    replicas: list[dict[str, str]] = (await described(house, key))["MultiRegionConfiguration"]["ReplicaKeys"]
    return replicas


async def stay_enabled(house: OpenedHouse, key: MadeKey) -> None:
    """Change nothing."""


async def disable(house: OpenedHouse, key: MadeKey) -> None:
    await house.kms("DisableKey", KeyId=key.arn)


async def doom(house: OpenedHouse, key: MadeKey) -> None:
    """Schedule the deletion; a primary key waits for it once its replicas are gone."""
    for replica in await replicas_of(house, key):
        named = {"KeyId": replica["Arn"], "PendingWindowInDays": 7}
        await house.call("kms", "ScheduleKeyDeletion", region=replica["Region"], **named)
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
    await house.kms("ScheduleKeyDeletion", KeyId=key.arn)


async def doom_with_replicas(house: OpenedHouse, key: MadeKey) -> None:
    if not await replicas_of(house, key):
        await house.kms("ReplicateKey", KeyId=key.arn, ReplicaRegion=THERE)
    await house.kms("ScheduleKeyDeletion", KeyId=key.arn)


async def delete_material(house: OpenedHouse, key: MadeKey) -> None:
    await house.kms("DeleteImportedKeyMaterial", KeyId=key.arn)


class State(NamedTuple):
    """A column of the table: the state that DescribeKey shows, and how keys come into it.

    `imported` says that their material is imported, `expires` that it expires then, `erased` that it is erased too.
    """

    column: str
    shown: str
    enter: Callable[[OpenedHouse, MadeKey], Awaitable[None]]
    imported: bool = False
    expires: bool = False
    erased: bool = False


STATES = {
    "enabled": State("enabled", "Enabled", stay_enabled),
    "disabled": State("disabled", "Disabled", disable),
    "pending deletion": State("pending_deletion", "PendingDeletion", doom),
    "pending replica deletion": State("pending_replica_deletion", "PendingReplicaDeletion", doom_with_replicas),
    "material deleted": State("pending_import", "PendingImport", delete_material, imported=True),
    "material expired": State("pending_import", "PendingImport", stay_enabled, imported=True, expires=True),
    "material expired while disabled": State("pending_import", "PendingImport", disable, imported=True, expires=True),
    "material expired and erased": State(
        "pending_import", "PendingImport", stay_enabled, imported=True, expires=True, erased=True
    ),
}


async def gather(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*calls))


async def outcome(house: OpenedHouse, operation: str, params: Params, key: MadeKey) -> Refusal:
    """Return the refusal of an operation, the key's ARN in it taken out, or None for a success."""
    before = await described(house, key)
    try:
        await house.kms(operation, **params)
    except AwsError as error:
        assert await described(house, key) == before, "a refused operation has changed the key"
        return error.code, error.message.replace(key.arn, "{arn}")
    return None


async def outcomes(house: OpenedHouse, state: State, attempts: Sequence[Attempt]) -> dict[str, Refusal]:
    """Make each attempt on a key of its own, all at the same time."""
    keys = await gather(
        made(house, each.kind, imported=each.imported or state.imported, expires=state.expires) for each in attempts
    )
    pairs = list(zip(attempts, keys, strict=True))
    prepared = await gather(attempt.prepare(house, key) for attempt, key in pairs)
    await gather(state.enter(house, key) for key in keys)
    if state.expires:
        house.clock.advance(VALIDITY)
    if state.erased:
        await house.run_periodic_work()
    assert {(await described(house, key))["KeyState"] for key in keys} == {state.shown}
    found = await gather(
        outcome(house, attempt.operation, params, key) for (attempt, key), params in zip(pairs, prepared, strict=True)
    )
    return dict(zip((attempt.label for attempt in attempts), found, strict=True))


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_what_a_state_allows(tmp_path: Path, state: State) -> None:
    async def main() -> None:
        expected = {attempt.label: getattr(attempt.row, state.column) for attempt in TABLE}
        attempts = [attempt for attempt in TABLE if expected[attempt.label] != NOT_APPLICABLE]
        async with opened_house(tmp_path) as house:
            found = await outcomes(house, state, attempts)
        assert found == {attempt.label: expected[attempt.label] for attempt in attempts}

    asyncio.run(main())


def test_a_key_that_never_had_material_is_of_no_use(tmp_path: Path) -> None:
    async def attempted(house: OpenedHouse, attempt: Attempt) -> Refusal:
        """Attempt with a key what was prepared with another one, for nothing can be prepared with it."""
        params = await attempt.prepare(house, await made(house, attempt.kind, imported=True, expires=False))
        created = await house.kms("CreateKey", MultiRegion=True, Origin="EXTERNAL", **attempt.kind)
        key = MadeKey(created["KeyMetadata"]["Arn"], b"")
        member = {"ReEncrypt from": "SourceKeyId", "ReEncrypt to": "DestinationKeyId"}.get(attempt.label, "KeyId")
        return await outcome(house, attempt.operation, params | {member: key.arn}, key)

    async def main() -> None:
        attempts = [attempt for attempt in TABLE if attempt.row is USED]
        async with opened_house(tmp_path) as house:
            found = await gather(attempted(house, attempt) for attempt in attempts)
        assert found == [WAITS_FOR_IMPORT] * len(attempts)

    asyncio.run(main())


def test_the_table_has_every_operation_that_takes_a_key() -> None:
    naming = {"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId", "AliasName", "CiphertextBlob", "GrantId"}
    taking = set()
    for (service, name), operation in OPERATIONS.items():
        shape = operation.model.input
        if service == "kms" and shape is not None and naming & shape.members.keys():
            taking.add(name)
    assert {attempt.operation for attempt in TABLE} == taking
    assert len({attempt.label for attempt in TABLE}) == len(TABLE)
