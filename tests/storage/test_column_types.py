"""Values come back as they went in, on both databases."""

import math
import uuid
from pathlib import Path
from typing import Any

import pytest
import uvloop
from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, Table, insert, select
from tests.postgresql import PostgresqlServer

from strongroom.storage.column_types import Bytes, JsonText, OrderedText, RowNumber, Timestamp
from strongroom.storage.store import open_store

_metadata = MetaData()
_values = Table(
    "column_values",
    _metadata,
    Column("number", RowNumber, primary_key=True),
    Column("at", Timestamp),
    Column("json", JsonText),
    Column("data", Bytes),
    Column("name", OrderedText),
    Column("is_so", Boolean),
    Column("large", BigInteger),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path):
    """A database of each kind; the PostgreSQL one sorts text as English does."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/x.db"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = f"english_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    yield server.url(name)
    server.drop_database(name)


def there_and_back(url: str, column: str, values: list[Any]) -> list[Any]:
    async def scenario() -> list[Any]:
        store = await open_store(url)

        def fn(connection: Connection) -> list[Any]:
            _metadata.create_all(connection)
            for value in values:
                connection.execute(insert(_values).values({column: value}))
            return list(connection.execute(select(_values.c[column]).order_by(_values.c.number)).scalars())

        try:
            return await store.write(fn)
        finally:
            await store.close()

    return uvloop.run(scenario())


def test_times_are_exact(url: str) -> None:
    times = [0.0, 1.0, 1_763_942_400.1234567, math.nextafter(1_763_942_400.0, math.inf), 4e9 + 0.1, -1.5, 2.0**53]
    assert there_and_back(url, "at", times) == times


def test_json(url: str) -> None:
    values = [None, {}, [], 0, "", "a\x00b", "\ud800", "grüß", {"a": [1, 2.5, None, True], "ключ": "значение"}, 2**70]
    assert there_and_back(url, "json", values) == values


@pytest.mark.parametrize("value", [float("nan"), math.inf, b"bytes"])
def test_what_json_cannot_hold(url: str, value: object) -> None:
    with pytest.raises(Exception, match=r"not JSON") as caught:
        there_and_back(url, "json", [{"a": value}])
    assert isinstance(caught.value, (ValueError, TypeError)) or isinstance(
        caught.value.__cause__, (ValueError, TypeError)
    )


def test_bytes_truth_and_large_numbers(url: str) -> None:
    assert there_and_back(url, "data", [b"", bytes(range(256))]) == [b"", bytes(range(256))]
    assert there_and_back(url, "is_so", [True, False])[-2:] == [True, False]
    assert there_and_back(url, "large", [2**63 - 1, -(2**63)])[-2:] == [2**63 - 1, -(2**63)]


def test_names_sort_by_code_point(url: str) -> None:
    unsorted = ["b", "B", "a", "é", "Z", "alias/b", "alias-a", "alias/B", "_", "z", "10", "9", "😀", "\uffff"]

    async def scenario() -> list[str]:
        store = await open_store(url)

        def fn(connection: Connection) -> list[str]:
            _metadata.create_all(connection)
            connection.execute(insert(_values), [{"name": name} for name in unsorted])
            return list(connection.execute(select(_values.c.name).order_by(_values.c.name)).scalars())

        try:
            return await store.write(fn)
        finally:
            await store.close()

    assert uvloop.run(scenario()) == sorted(unsorted)
