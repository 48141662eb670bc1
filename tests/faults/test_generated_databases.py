"""Properly signed requests of RDS with generated content, with a real database behind, on both of our own databases.

`FUZZ_SECONDS` in the environment makes it try for longer.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.faults.generated_values import ANY_JSON, SECONDS, Shapes, mostly, try_on_and_on
from tests.faults.plain_client import QUERY_VERSIONS, PlainClient, assert_unharmed, form
from tests.faults.served import served_operations
from tests.faults.test_generated_queries import DAMAGES, check, damaged, pairs_of
from tests.rotated_databases import HOST, RotatedMariadb
from tests.running_server import RunningServer, running_server

PASSWORD = "a-password-to-generate"
_ENTRIES = {"Tags": "Tag", "Filters": "Filter", "Values": "Value"}


class KnownInstances:
    """An instance that is registered, and what makes requests about it go deep."""

    def __init__(self, client: PlainClient, database: RotatedMariadb) -> None:
        self._client, self._database = client, database
        self._username = database.make_superuser(PASSWORD)
        self.endpoint = f"mariadb://{HOST}:{database.port}/{database.name}"
        self.revive()

    def revive(self) -> None:
        """Register the instance anew, if it is gone."""
        named = {"DBInstanceIdentifier": "known", "MasterUserPassword": PASSWORD}
        self._client.query("rds", "ModifyDBInstance", named | {"DeletionProtection": "false"})
        made = self._client.query(
            "rds",
            "CreateDBInstance",
            named
            | {
                "DBInstanceClass": "db.t3.micro",
                "Engine": "mariadb",
                "MasterUsername": self._database.make_superuser(PASSWORD),
                "Tags.Tag.1.Key": "strongroom:endpoint",
                "Tags.Tag.1.Value": self.endpoint,
            },
        )
        assert made.status == 200 or made.code == "DBInstanceAlreadyExists", made

    def values(self, name: str) -> st.SearchStrategy[Any]:
        """Return values that would do for a member of this name, or no values at all."""
        arn = "arn:aws:rds:us-east-1:000000000000:db:"
        endpoints = [
            self.endpoint,
            self.endpoint + "?ssl=true",
            "mariadb://nowhere:1",
            "postgresql://[::1]:5432/x",
            "//",
        ]
        tags = st.fixed_dictionaries({"Key": st.just("strongroom:endpoint"), "Value": st.sampled_from(endpoints)})
        odd = st.fixed_dictionaries({"Key": st.text(max_size=5), "Value": st.text(max_size=5)})
        filters = ("db-instance-id", "engine", "dbi-resource-id", "status", "engine-version", "x")
        known: dict[str, st.SearchStrategy[Any]] = {
            "DBInstanceIdentifier": mostly(
                st.just("known"), st.one_of(st.integers(0, 99).map("n{}".format), st.just(f"{arn}known")), 50
            ),
            "ResourceName": st.sampled_from(
                [f"{arn}known", f"{arn}KNOWN", f"{arn}other", arn, "known", "arn:aws:rds:::"]
            ),
            "Engine": st.sampled_from(["mariadb", "postgres", "mysql", "oracle-ee"]),
            "MasterUsername": st.just(self._username),
            "MasterUserPassword": mostly(st.just(PASSWORD), st.text(max_size=50), 60),
            "Tags": st.lists(st.one_of(tags, odd), max_size=3),
            "Filters": st.lists(
                st.fixed_dictionaries({"Name": st.sampled_from(filters), "Values": st.lists(st.text(max_size=9))}),
                max_size=2,
            ),
            "TagKeys": st.lists(st.text(max_size=5), max_size=3),
            "MaxRecords": st.sampled_from([20, 100, 5, -1, 10**12]),
        }
        return known.get(name, st.nothing())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def registering(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rotated_mariadb: RotatedMariadb
) -> Iterator[RunningServer]:
    """A server on each of the databases, which may reach MariaDB."""
    options = ["--outbound-addresses", f"{HOST}:{rotated_mariadb.port}"]
    if request.param == "postgresql":
        databases = request.getfixturevalue("postgresql_server")
        options += ["--database", databases.url(databases.create_database())]
    with running_server(tmp_path_factory.mktemp("registering"), options=tuple(options)) as server:
        yield server


def test_generated_requests_of_rds(registering: RunningServer, rotated_mariadb: RotatedMariadb) -> None:
    client = PlainClient(registering)
    known = KnownInstances(client, rotated_mariadb)
    seen: set[str] = set()
    never = frozenset(
        name
        for operation in served_operations("rds")
        for name in (operation.input.members if operation.input is not None else ())
        if known.values(name).is_empty
        and not name.startswith(("Manage", "Rotate", "Deletion", "Skip", "Apply", "Marker"))
    )
    requests = st.sampled_from(served_operations("rds")).flatmap(
        lambda operation: st.tuples(
            st.just(operation),
            mostly(
                mostly(
                    Shapes(known, tame=True, never=never).values(operation.input),
                    Shapes(known, tame=False).values(operation.input),
                    40,
                ),
                ANY_JSON,
                4,
            ),
            DAMAGES,
        )
    )

    def tried(request: Any) -> None:
        operation, value, damages = request
        pairs = [(_as_rds(name), text) for name, text in damaged(list(pairs_of("", value)), damages)]
        version = ("Version", QUERY_VERSIONS["rds"])
        answer = client.form("rds", form([("Action", operation.name), version, *pairs]))
        check(operation, answer)
        seen.add(f"{operation.name} {answer.code}")

    try_on_and_on(tried, SECONDS / 4, known.revive, request=requests)
    client.close()
    assert_unharmed(registering)
    assert len(seen) > 8, sorted(seen)


def _as_rds(name: str) -> str:
    """Return a parameter's name as RDS's lists have it: their entries have names of their own."""
    return re.sub(r"(Tags|Filters|Values)\.member\b", lambda match: f"{match[1]}.{_ENTRIES[match[1]]}", name)
