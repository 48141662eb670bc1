"""What is left behind when a server dies at the wrong moment, and who tidies up."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.s3.kept import Kept

from strongroom.operations.house import House
from strongroom.services.s3 import tables
from strongroom.storage.connection import Connection

DAYS_AGO = 3 * 86_400


def make_orphan(house: House) -> str:
    writer = house.blobs.create()
    writer.append(b"sealed bytes whose row never came")
    writer.finish()
    return writer.name


def blob_names(house: House) -> set[str]:
    return {info.name for batch in house.blobs.batches() for info in batch}


def grow_old(directory: Path) -> None:
    moment = time.time() - DAYS_AGO
    for path in directory.glob("??/*"):
        os.utime(path, (moment, moment))


def test_a_blob_that_no_row_names_goes_after_a_day(in_house: InHouse[Any], tmp_path: Path) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        await kept.put("a", b"x" * 100_000)
        upload_id = (await kept.s3("CreateMultipartUpload", Key="b"))["UploadId"]
        await kept.stream("UploadPart", b"y" * 100_000, Key="b", UploadId=upload_id, PartNumber=1)
        named = blob_names(opened.house)
        assert len(named) == 2
        orphan = make_orphan(opened.house)
        await opened.run_periodic_work()
        assert blob_names(opened.house) == {*named, orphan}
        grow_old(tmp_path / "data" / "blobs")
        opened.clock.advance(timedelta(days=1, minutes=1))
        await opened.run_periodic_work()
        assert blob_names(opened.house) == named
        assert await kept.get("a") == b"x" * 100_000

    in_house(body)


def test_pieces_without_a_parent_go(in_house: InHouse[Any]) -> None:
    async def body(opened: OpenedHouse) -> None:
        kept = await Kept.create(opened)
        for key in ("a", "b"):
            await kept.put(key, b"x" * 100_000)

        def lose_row(connection: Connection) -> None:
            connection.execute(tables.OBJECTS.delete().where(tables.OBJECTS.c.key == "a"))

        await opened.house.store.write(lose_row)
        await opened.run_periodic_work()
        count = await opened.house.store.read(lambda connection: len(connection.execute(tables.PIECES.select()).all()))
        assert (count, len(blob_names(opened.house))) == (1, 1)
        assert await kept.get("b") == b"x" * 100_000

    in_house(body)


def test_a_sweep_that_cannot_ask_deletes_nothing(
    in_house: InHouse[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(opened: OpenedHouse) -> None:
        orphan = make_orphan(opened.house)
        grow_old(tmp_path / "data" / "blobs")

        async def unavailable(*_: Any) -> None:
            raise ConnectionError

        monkeypatch.setattr(opened.house.store, "read", unavailable)
        with pytest.raises(ConnectionError):
            await opened.run_periodic_work()
        monkeypatch.undo()
        assert blob_names(opened.house) == {orphan}

    in_house(body)
