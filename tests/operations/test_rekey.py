"""Changing the root key: everything opens with the new one, nothing with the old one, whenever a crash comes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.opened_house import OpenedHouse, opened_house

from strongroom.base.errors import OperatorError
from strongroom.envelope.root import KeyFileRoot
from strongroom.envelope.sealed import SealBroken
from strongroom.operations import tables
from strongroom.operations.rekey import Rekeyed, rekey
from strongroom.storage.store import open_store

Made = tuple[str, list[bytes], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of PostgreSQL's database, or nothing for SQLite."""
    url: str = "" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    return url


async def make_things(house: OpenedHouse) -> Made:
    key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    blobs = []
    for _ in range(3):
        blobs.append((await house.kms("Encrypt", KeyId=key_id, Plaintext=b"kept"))["CiphertextBlob"])
        await house.kms("RotateKeyOnDemand", KeyId=key_id)
    credential = await house.house.principals.root_access_key(house.caller.account_id)
    assert credential is not None
    return key_id, blobs, credential.secret_access_key


async def check_things(house: OpenedHouse, made: Made) -> None:
    _, blobs, secret = made
    for blob in blobs:
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"kept"
    credential = await house.house.principals.root_access_key(house.caller.account_id)
    assert credential is not None
    assert credential.secret_access_key == secret
    now = house.clock.now()
    names = [each.operation for each in await house.house.audit.records(now - 600, now + 1)]
    assert names[:2] == ["CreateKey", "Encrypt"]


async def change_root_key(home: Path, database: str) -> Rekeyed:
    """Put `new.key` in force; afterwards it is `root.key`, and the old one is `old.key`."""
    new_root = KeyFileRoot.create(home / "new.key")
    store = await open_store(database or f"sqlite:///{home}/data/strongroom.db")
    try:
        done = await rekey(store, KeyFileRoot.load(home / "root.key"), new_root, 1_800_000_000.0)
    finally:
        await store.close()
    (home / "root.key").rename(home / "old.key")
    (home / "new.key").rename(home / "root.key")
    return done


def run(body: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await body()

    asyncio.run(main())


def test_everything_opens_with_the_new_key_and_nothing_with_the_old(tmp_path: Path, database: str) -> None:
    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            made = await make_things(house)
        done = await change_root_key(tmp_path, database)
        assert done.root_fingerprint == KeyFileRoot.load(tmp_path / "root.key").fingerprint
        # Four materials, an access key, and no fewer batches of records than changes.
        assert done.values >= 4 + 1 + 4
        async with opened_house(tmp_path, database) as house:
            await check_things(house, made)
            more = await make_things(house)
        (tmp_path / "root.key").rename(tmp_path / "new.key")
        (tmp_path / "old.key").rename(tmp_path / "root.key")
        with pytest.raises(OperatorError):
            async with opened_house(tmp_path, database):
                pass
        (tmp_path / "root.key").rename(tmp_path / "old.key")
        (tmp_path / "new.key").rename(tmp_path / "root.key")
        async with opened_house(tmp_path, database) as house:
            await check_things(house, more)

    run(body)


def test_it_can_be_done_again(tmp_path: Path, database: str) -> None:
    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            made = await make_things(house)
        fingerprints = {(await change_root_key(tmp_path, database)).root_fingerprint for _ in range(3)}
        assert len(fingerprints) == 3
        async with opened_house(tmp_path, database) as house:
            await check_things(house, made)
            (storage_key,) = await house.house.store.read(tables.select_storage_keys)
            assert storage_key.root_fingerprint in fingerprints

    run(body)


def test_every_sealed_value_is_sealed_anew(tmp_path: Path, database: str) -> None:
    async def sealed_values() -> dict[str, list[bytes]]:
        store = await open_store(database or f"sqlite:///{tmp_path}/data/strongroom.db")

        def read(connection: Any) -> dict[str, list[bytes]]:
            return {
                f"{column.table.name}.{column.name}": [
                    bytes(row[0])
                    for row in connection.execute(text(f"SELECT {column.name} FROM {column.table.name}"))
                    if row[0] is not None
                ]
                for column in tables.sealed_columns()
            }

        try:
            return await store.read(read)
        finally:
            await store.close()

    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            await make_things(house)
        before = await sealed_values()
        assert {"kms_key_materials.sealed", "access_keys.sealed", "audit_batches.sealed"} <= set(before)
        done = await change_root_key(tmp_path, database)
        after = await sealed_values()
        for name, values in before.items():
            assert len(after[name]) == len(values)
            assert not set(values) & set(after[name])
        assert done.values == sum(map(len, after.values()))

    run(body)


def test_the_wrong_old_key_changes_nothing(tmp_path: Path, database: str) -> None:
    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            made = await make_things(house)
        wrong, new_root = KeyFileRoot.create(tmp_path / "wrong.key"), KeyFileRoot.create(tmp_path / "new.key")
        store = await open_store(database or f"sqlite:///{tmp_path}/data/strongroom.db")
        with pytest.raises(OperatorError):
            await rekey(store, wrong, new_root, 0.0)
        await store.close()
        async with opened_house(tmp_path, database) as house:
            await check_things(house, made)

    run(body)


def test_one_damaged_value_stops_everything(tmp_path: Path, database: str) -> None:
    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            made = await make_things(house)
        store = await open_store(database or f"sqlite:///{tmp_path}/data/strongroom.db")
        mark = text("UPDATE audit_batches SET records = records + :more WHERE number = 2")
        await store.write(lambda connection: connection.execute(mark, {"more": 1}).close())
        new_root = KeyFileRoot.create(tmp_path / "new.key")
        with pytest.raises(SealBroken):
            await rekey(store, KeyFileRoot.load(tmp_path / "root.key"), new_root, 0.0)
        await store.write(lambda connection: connection.execute(mark, {"more": -1}).close())
        await store.close()
        async with opened_house(tmp_path, database) as house:
            await check_things(house, made)

    run(body)


CRASHING = """
import asyncio, os, sys
from pathlib import Path
from strongroom.envelope.root import KeyFileRoot
from strongroom.operations import tables
from strongroom.operations.rekey import rekey
from strongroom.server import house
from strongroom.storage.store import open_store

home, database, moment = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
replace = tables.replace_storage_keys

def replace_and_crash(connection, rows):
    replace(connection, rows)
    os._exit(9)

async def main():
    store = await open_store(database or f"sqlite:///{home}/data/strongroom.db")
    if moment == "before the commit":
        tables.replace_storage_keys = replace_and_crash
    await rekey(store, KeyFileRoot.load(home / "root.key"), KeyFileRoot.load(home / "new.key"), 0.0)
    os._exit(9)

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_crash_leaves_the_one_or_the_other(tmp_path: Path, database: str, moment: str) -> None:
    async def body() -> None:
        async with opened_house(tmp_path, database) as house:
            made = await make_things(house)
        KeyFileRoot.create(tmp_path / "new.key")
        command = [sys.executable, "-c", CRASHING, str(tmp_path), database, moment]
        process = subprocess.run(command, env=os.environ.copy(), timeout=60)
        assert process.returncode == 9
        if moment == "after the commit":
            with pytest.raises(OperatorError):
                async with opened_house(tmp_path, database):
                    pass
            (tmp_path / "new.key").replace(tmp_path / "root.key")
        async with opened_house(tmp_path, database) as house:
            await check_things(house, made)

    run(body)
