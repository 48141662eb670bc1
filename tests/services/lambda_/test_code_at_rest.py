"""Code as it lies in the store: checked by the operator, damaged, and swept when it is nobody's."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import Functions, archive, with_functions

from strongroom.envelope.sealed import SealBroken
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.code import read_code
from strongroom.services.lambda_.code_check import check_codes
from strongroom.services.lambda_.function_directory import resolve


async def _codes(functions: Functions) -> dict[str, Any]:
    """Return the rows of all archives, by the names of their functions."""
    house = functions.house.house
    rows = await house.store.read(lambda connection: connection.execute(select(tables.CODES)).all())
    ids = {row.code_id: row for row in rows}
    found = {}
    for name in ("small", "large", "other"):
        version = await resolve(house, ACCOUNT, "us-east-1", name, "")
        found[name] = ids[version.code.code_id]
    return found


async def _make(functions: Functions) -> dict[str, Any]:
    await functions.make("small")
    for name in ("large", "other"):
        await functions.make(name, Code={"ZipFile": archive({"noise": os.urandom(50_000)})})
    return await _codes(functions)


def _blob(functions: Functions, row: Any) -> Path:
    return Path(functions.house.house.configuration.data) / "blobs" / row.blob[:2] / row.blob


def test_damaged_missing_and_swapped_code_is_found_and_not_run(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        codes, house = await _make(functions), functions.house.house
        checked = [each async for each in check_codes(house)]
        assert [(each.damage, each.stored_bytes > 0) for each in checked] == [("", True)] * 3
        _blob(functions, codes["large"]).write_bytes(_blob(functions, codes["other"]).read_bytes())
        _blob(functions, codes["other"]).unlink()
        cut = bytes(codes["small"].inline)[:-1]

        def damage(connection: Any) -> None:
            this = tables.CODES.c.code_id == codes["small"].code_id
            connection.execute(update(tables.CODES).where(this).values(inline=cut))

        await house.store.write(damage)
        assert all([each.damage async for each in check_codes(house)])
        for name in ("small", "large"):
            version = await resolve(house, ACCOUNT, "us-east-1", name, "")
            with pytest.raises(SealBroken):
                await read_code(house, version)

    with_functions(tmp_path, body)


def test_code_of_one_function_does_not_open_in_the_row_of_another(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        codes, house = await _make(functions), functions.house.house
        await functions.make("second")

        def move(connection: Any) -> None:
            this = tables.CODES.c.code_id == codes["large"].code_id
            values = {"sealed_key": codes["other"].sealed_key, "blob": codes["other"].blob}
            connection.execute(update(tables.CODES).where(this).values(values))

        await house.store.write(move)
        with pytest.raises(SealBroken):
            await read_code(house, await resolve(house, ACCOUNT, "us-east-1", "large", ""))

    with_functions(tmp_path, body)
