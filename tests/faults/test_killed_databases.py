"""kill -9 of a server that rotates a real database's password: afterwards the secret opens the database."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.cli.operators_command import strongroom
from tests.rotated_databases import HOST, RotatedDatabase, RotatedMariadb, RotatedPostgresql
from tests.rotation_functions.functions import ROTATION_SECONDS_MAX, must_be_contained
from tests.running_server import RunningServer, eventually, running_server

FIRST_TRY_SECONDS = 5.0


@pytest.fixture(scope="module")
def mortal(
    tmp_path_factory: pytest.TempPathFactory, rotated_postgresql: RotatedPostgresql, rotated_mariadb: RotatedMariadb
) -> Iterator[RunningServer]:
    """A server that may reach the databases."""
    must_be_contained()
    options = ["--test-clock"]
    for database in (rotated_postgresql, rotated_mariadb):
        options += ["--outbound-addresses", f"{HOST}:{database.port}"]
    with running_server(tmp_path_factory.mktemp("mortal"), options=tuple(options)) as running:
        yield running


class Rotated:
    """A secret, and what rotates it."""

    def __init__(self, server: RunningServer, database: RotatedDatabase, strategy: str) -> None:
        self.server, self.database = server, database
        network = ["--network", f"{HOST}:{database.port}"]
        password = f"first-{uuid.uuid4().hex}"
        values = self._values(database.make_user(password), password)
        if strategy == "alternating-users":
            superuser = f"super-{uuid.uuid4().hex}"
            values["masterarn"] = self._make(self._values(database.make_superuser(superuser), superuser))
            network += ["--superuser-secret", values["masterarn"]]
        name = f"{database.function}-{strategy}"
        self.function_arn = strongroom(server, "rotation", "install", name, *network).strip()
        self.arn = self._make(values)

    @property
    def secrets(self) -> Any:
        return self.server.client("secretsmanager")

    def _values(self, username: str, password: str) -> dict[str, Any]:
        database = self.database
        place = {"engine": database.engine, "host": HOST, "port": database.port, "dbname": database.name}
        return place | {"username": username, "password": password}

    def _make(self, values: dict[str, Any]) -> str:
        arn: str = self.secrets.create_secret(Name=f"db-{uuid.uuid4()}", SecretString=json.dumps(values))["ARN"]
        return arn

    def credentials(self) -> tuple[str, str]:
        values = json.loads(self.secrets.get_secret_value(SecretId=self.arn)["SecretString"])
        return values["username"], values["password"]

    def begin(self) -> None:
        """Begin a rotation, which goes on behind the answer."""
        rules = {"AutomaticallyAfterDays": 30}
        self.secrets.rotate_secret(SecretId=self.arn, RotationLambdaARN=self.function_arn, RotationRules=rules)

    def is_through(self) -> bool:
        stages = self.secrets.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return not any("AWSPENDING" in has for has in stages.values())

    def must_end_well(self, before: tuple[str, str]) -> None:
        """Assert that the rotation goes through after all, and the secret opens the database."""
        begun = time.monotonic()
        while not self.is_through():
            assert time.monotonic() < begun + ROTATION_SECONDS_MAX
            time.sleep(0.2)
            if time.monotonic() > begun + FIRST_TRY_SECONDS:  # What has failed is tried again after some minutes.
                strongroom(self.server, "clock", "advance", "5m")
        assert self.credentials() != before
        assert self.database.lets_in(*self.credentials())


def test_killed_while_the_database_changes_the_password(
    mortal: RunningServer, rotated_postgresql: RotatedPostgresql
) -> None:
    """The database changes it when the server, and the function, are no more: nobody knows that it has."""
    secret = Rotated(mortal, rotated_postgresql, "single-user")
    before = secret.credentials()
    with psycopg.connect(rotated_postgresql.server.url("postgres")) as holding:
        # Whoever wants to change a role has to wait; to log in is no change.
        holding.execute("LOCK TABLE pg_catalog.pg_authid IN SHARE MODE")
        secret.begin()
        with psycopg.connect(rotated_postgresql.server.url("postgres"), autocommit=True) as watching:
            waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER ROLE%'"
            eventually(ROTATION_SECONDS_MAX, lambda: watching.execute(waits).fetchone() is not None)
        mortal.kill()
        assert rotated_postgresql.lets_in(*before)
    eventually(ROTATION_SECONDS_MAX, lambda: not rotated_postgresql.lets_in(*before))
    mortal.start()
    assert secret.credentials() == before or rotated_postgresql.lets_in(*secret.credentials())
    secret.must_end_well(before)


def test_killed_at_any_time(mortal: RunningServer, rotated_mariadb: RotatedMariadb) -> None:
    strategies = ("single-user", "alternating-users")
    secrets = [Rotated(mortal, rotated_mariadb, strategy) for strategy in strategies]
    before = [secret.credentials() for secret in secrets]
    for secret in secrets:
        secret.begin()
    time.sleep(0.5)
    mortal.kill()
    mortal.start()
    # Of two users one is always let in.
    assert rotated_mariadb.lets_in(*secrets[1].credentials())
    for secret, credentials in zip(secrets, before, strict=True):
        secret.must_end_well(credentials)
