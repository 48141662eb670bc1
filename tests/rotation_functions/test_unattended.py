"""The whole way: functions installed by the command line, run by Lambda, and called by Secrets Manager as months pass.

Clients log in to the databases throughout, with what AWS's caching library gives them.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig
from aws_secretsmanager_caching.cache.items import SecretCacheObject
from tests.cli.operators_command import strongroom
from tests.faults.secrets_on_disk import content_of, search
from tests.rotated_databases import HOST, RotatedDatabase, RotatedMariadb, RotatedPostgresql
from tests.runners.contained import why_not
from tests.running_server import RunningServer, eventually, running_server

ROTATION_SECONDS_MAX = 60.0
REFRESH_SECONDS = 1
PAUSE_SECONDS = 0.1


class Client(threading.Thread):
    """Logs in on and on, and keeps count. When it is refused it does what AWS says: refreshes, and tries again."""

    def __init__(self, server: RunningServer, database: RotatedDatabase, arn: str) -> None:
        super().__init__(daemon=True)
        config = SecretCacheConfig(secret_refresh_interval=REFRESH_SECONDS)
        self._cache = SecretCache(config, server.client("secretsmanager"))
        self._database, self._arn = database, arn
        self._has_ended = threading.Event()
        self.used: list[tuple[str, str]] = []
        """Credentials that the database let in, in the order of their first use."""
        self.logins = 0
        self.refused: list[tuple[float, float]] = []
        """When it was refused, and when it was let in again."""
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._has_ended.wait(PAUSE_SECONDS):
                self._log_in()
        except BaseException as problem:
            self.problem = problem

    def _log_in(self) -> None:
        refused_at = None
        while True:
            values = json.loads(self._cache.get_secret_string(self._arn))
            credentials = values["username"], values["password"]
            if self._database.lets_in(*credentials):
                break
            refused_at = refused_at or time.monotonic()
            assert time.monotonic() < refused_at + ROTATION_SECONDS_MAX, "it was never let in again"
            self._cache.refresh_secret_now(self._arn)
        if refused_at is not None:
            self.refused.append((refused_at, time.monotonic()))
        self.logins += 1
        if credentials not in self.used:
            self.used.append(credentials)

    def end(self) -> None:
        self._has_ended.set()
        self.join(ROTATION_SECONDS_MAX)
        assert self.problem is None, self.problem


class RotatedSecret:
    """A secret that is rotated every 30 days, and its client."""

    def __init__(self, server: RunningServer, database: RotatedDatabase, *, alternates: bool) -> None:
        self.database, self.alternates = database, alternates
        self.secrets = server.client("secretsmanager")
        self.passwords = [f"first-{uuid.uuid4().hex}"]
        values = self._values(database.make_user(self.passwords[0]), self.passwords[0])
        options = ["--network", f"{HOST}:{database.port}"]
        if alternates:
            self.passwords.append(f"super-{uuid.uuid4().hex}")
            superuser = self._values(database.make_superuser(self.passwords[1]), self.passwords[1])
            values["masterarn"] = self._make(superuser)
            options += ["--superuser-secret", values["masterarn"]]
        # Under a key of the customer's, which the function may use for it.
        self._key = server.client("kms").create_key()["KeyMetadata"]["Arn"]
        options += ["--kms-key", self._key]
        name = f"{database.function}-{'alternating-users' if alternates else 'single-user'}"
        self.function_arn = strongroom(server, "rotation", "install", name, *options).strip()
        self.arn = self._make(values, KmsKeyId=self._key)
        self.client = Client(server, database, self.arn)
        self.client.start()

    def _values(self, username: str, password: str) -> dict[str, Any]:
        database = self.database
        place = {"engine": database.engine, "host": HOST, "port": database.port, "dbname": database.name}
        return place | {"username": username, "password": password}

    def _make(self, values: dict[str, Any], **more: str) -> str:
        made = self.secrets.create_secret(Name=f"db-{uuid.uuid4()}", SecretString=json.dumps(values), **more)
        arn: str = made["ARN"]
        return arn

    def turn_on(self) -> None:
        """Have it rotated now, and every 30 days, once its client has used what it begins with."""
        eventually(ROTATION_SECONDS_MAX, lambda: bool(self.client.used))
        rules = {"AutomaticallyAfterDays": 30}
        self.secrets.rotate_secret(SecretId=self.arn, RotationLambdaARN=self.function_arn, RotationRules=rules)

    def credentials(self) -> tuple[str, str]:
        """Return what the secret holds."""
        values = json.loads(self.secrets.get_secret_value(SecretId=self.arn)["SecretString"])
        return values["username"], values["password"]

    def is_rotated(self, count: int) -> bool:
        """Whether so many rotations are through, and the client has seen the last one."""
        credentials = self.credentials()
        if credentials[1] not in self.passwords:
            self.passwords.append(credentials[1])
        superuser = 1 if self.alternates else 0
        return len(self.passwords) == count + 1 + superuser and credentials in self.client.used

    def check(self, rotations: int) -> None:
        """Assert that the client saw every rotation, and was refused only as AWS says that it may be."""
        client = self.client
        client.end()
        longest = max((until - since for since, until in client.refused), default=0.0)
        print(
            f"{self.database.function} {'two users' if self.alternates else 'one user'}: {rotations} rotations, "
            f"{client.logins} logins, {len(client.refused)} times refused, for {longest:.1f} s at most"
        )
        assert len(client.used) == rotations + 1
        assert client.logins > rotations
        users = [username for username, _ in client.used]
        if self.alternates:
            first = users[0]
            assert users == [first if number % 2 == 0 else f"{first}_clone" for number in range(rotations + 1)]
            assert client.refused == []
        else:
            assert len(set(users)) == 1
            # Between the change in the database and the client's next look at the secret.
            assert len(client.refused) <= rotations
            assert all(until - since < ROTATION_SECONDS_MAX for since, until in client.refused)


@pytest.fixture
def calendar(
    tmp_path: Path, rotated_postgresql: RotatedPostgresql, rotated_mariadb: RotatedMariadb
) -> Iterator[RunningServer]:
    """A server whose clock is moved, and that may reach the databases."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    options = ["--test-clock"]
    for database in (rotated_postgresql, rotated_mariadb):
        options += ["--outbound-addresses", f"{HOST}:{database.port}"]
    with running_server(tmp_path, options=tuple(options)) as running:
        yield running


@pytest.mark.parametrize("months", [2, pytest.param(13, marks=pytest.mark.slow)])
def test_as_months_pass(
    calendar: RunningServer,
    rotated_postgresql: RotatedPostgresql,
    rotated_mariadb: RotatedMariadb,
    months: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both strategies on both databases, a client each: the first rotation at once, then one every 30 days."""
    # The library waits some seconds before it asks again, so that many clients do not do it at once.
    monkeypatch.setattr(SecretCacheObject, "FORCE_REFRESH_JITTER_SLEEP", 50)
    secrets = [
        RotatedSecret(calendar, database, alternates=alternates)
        for database in (rotated_postgresql, rotated_mariadb)
        for alternates in (False, True)
    ]
    for secret in secrets:
        secret.turn_on()
    for month in range(1, months + 1):
        for secret in secrets:
            eventually(ROTATION_SECONDS_MAX, lambda secret=secret, month=month: secret.is_rotated(month))
        if month < months:
            strongroom(calendar, "clock", "advance", "30d")
    for secret in secrets:
        secret.check(months)
    _assert_told_nowhere(calendar, secrets)


def _assert_told_nowhere(server: RunningServer, secrets: list[RotatedSecret]) -> None:
    """No password is in a log of a database, of the server, of a function, or on the server's disk."""
    passwords = [
        (f"password {number}", password.encode())
        for secret in secrets
        for number, password in enumerate(secret.passwords)
    ]
    logs = server.client("logs")
    printed = ""
    for secret in secrets:
        group = f"/aws/lambda/{secret.function_arn.rpartition(':')[2]}"
        events = logs.filter_log_events(logGroupName=group, filterPattern="finishSecret")["events"]
        assert events
        printed += "".join(event["message"] for event in logs.filter_log_events(logGroupName=group)["events"])
    files = {"functions' logs": printed.encode()}
    for secret in secrets:
        files[secret.database.engine] = secret.database.logged().encode()
    server.stop()
    assert search(files | content_of(server.home), passwords) == []
