"""SIGKILL while secrets change: every acknowledged version is there with its value, in its replica too."""

import base64
import json
import uuid
from pathlib import Path
from typing import Any

from tests.faults.killed_under_load import LoadWorker, assert_whole, kill_again_and_again
from tests.faults.plain_client import JSON, Answer, PlainClient, signed_headers
from tests.running_server import RunningServer, running_server

WORKERS = 4
THERE = "eu-west-1"
VERSIONS_MIN = 60

HALF_MADE = {
    "a label of no version": """
        SELECT s.arn FROM secret_stages s LEFT JOIN secret_versions v
        ON v.arn = s.arn AND v.version_id = s.version_id WHERE v.arn IS NULL""",
    "versions without a current one": """
        SELECT DISTINCT v.arn FROM secret_versions v WHERE NOT EXISTS
        (SELECT 1 FROM secret_stages s WHERE s.arn = v.arn AND s.label = 'AWSCURRENT')""",
    "a replica without its primary": """
        SELECT r.arn FROM secrets r WHERE r.region != r.primary_region AND NOT EXISTS
        (SELECT 1 FROM secrets p WHERE p.name = r.name AND p.region = r.primary_region)""",
}


class Worker(LoadWorker):
    """Changes secrets that nobody else touches, and remembers the versions that the server acknowledged.

    `current` are the values that a secret may have now, by name: more than one while a change is under way.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.versions: list[tuple[str, str, str]] = []
        self.current: dict[str, set[str | None]] = {}
        self.made = 0

    def step(self, client: PlainClient) -> None:
        """Make a secret, or give one a new value."""
        if not self.current or self.random.random() < 0.2:
            self._create(client)
        else:
            self._put(client, self.random.choice(sorted(self.current)))

    def _create(self, client: PlainClient) -> None:
        self.made += 1
        name, value, token = f"worker-{self.number}/{self.made}", self._value(), str(uuid.uuid4())
        replicas = {"AddReplicaRegions": [{"Region": THERE}]} if self.made % 3 == 1 else {}
        params = {"Name": name, "SecretString": value, "ClientRequestToken": token, **replicas}
        self.current[name] = {None, value}
        self._done(ask(client, "CreateSecret", params), name, token, value)

    def _put(self, client: PlainClient, name: str) -> None:
        value, token = self._value(), str(uuid.uuid4())
        before = self.current[name]
        self.current[name] = before | {value}
        params = {"SecretId": name, "SecretString": value, "ClientRequestToken": token}
        answer = ask(client, self.random.choice(("PutSecretValue", "UpdateSecret")), params)
        if answer.code in ("ResourceNotFoundException", "LimitExceededException"):
            # It was never made, or has as many versions as one may have in a day.
            assert answer.code == "LimitExceededException" or None in before
            del self.current[name]
            return
        self._done(answer, name, token, value)

    def _done(self, answer: Answer, name: str, token: str, value: str) -> None:
        assert answer.status == 200, answer
        self.current[name] = {value}
        self.versions.append((name, token, value))

    def _value(self) -> str:
        return base64.b64encode(self.random.randbytes(self.random.choice((12, 300, 20_000)))).decode()


def ask(client: PlainClient, operation: str, params: dict[str, Any], region: str = "us-east-1") -> Answer:
    """Send one request of Secrets Manager."""
    body = json.dumps(params).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": f"secretsmanager.{operation}"}
    signed = signed_headers(client.url, body, headers, service="secretsmanager", region=region)
    return client.send(signed, body)


def verify(server: RunningServer, workers: list[Worker], since: dict[int, int]) -> None:
    """Assert that each acknowledged version has its value, those since the last time; and what is current."""
    client = PlainClient(server)
    for worker in workers:
        for name, token, value in worker.versions[since.get(worker.number, 0) :]:
            answer = ask(client, "GetSecretValue", {"SecretId": name, "VersionId": token})
            assert answer.status == 200, (name, token, answer)
            assert answer.json["SecretString"] == value
        since[worker.number] = len(worker.versions)
        for name, values in tuple(worker.current.items()):
            answer = ask(client, "GetSecretValue", {"SecretId": name})
            found = answer.json["SecretString"] if answer.status == 200 else None
            assert found in values, (name, answer.code)
            if found is None:
                del worker.current[name]
                continue
            worker.current[name] = {found}
            replica = ask(client, "GetSecretValue", {"SecretId": name}, THERE)
            assert replica.code == "ResourceNotFoundException" or replica.json["SecretString"] == found
    client.close()


def test_no_acknowledged_version_is_lost(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    verified: dict[int, int] = {}
    with running_server(tmp_path) as server:
        kill_again_and_again(
            server,
            workers,
            lambda: verify(server, workers, verified),
            lambda: sum(len(worker.versions) for worker in workers) > VERSIONS_MIN,
        )
        verify(server, workers, {})
        assert server.stop() == 0
        assert_whole(server, HALF_MADE)
    assert "request failed" not in server.log.read_text()
