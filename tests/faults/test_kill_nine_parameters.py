"""SIGKILL while parameters are put, labelled and deleted: every acknowledged version is there, and no other."""

import json
from pathlib import Path
from typing import Any

from tests.faults.killed_under_load import LoadWorker, assert_whole, kill_again_and_again
from tests.faults.plain_client import JSON, Answer, PlainClient, signed_headers
from tests.running_server import RunningServer, running_server

WORKERS = 5
NAMES = 4
VERSIONS_MIN = 60
TYPES = ("String", "StringList", "SecureString")
CANARY = "THE-CANARY-SINGS-IN-THE-CLEAR!!-"

WHOLE = {
    "a parameter without its current version": """
        SELECT p.name FROM ssm_parameters p LEFT JOIN ssm_parameter_versions v
        ON v.parameter_id = p.parameter_id AND v.version = p.version WHERE v.version IS NULL
    """,
    "a label of no version": """
        SELECT l.label FROM ssm_parameter_labels l LEFT JOIN ssm_parameter_versions v
        ON v.parameter_id = l.parameter_id AND v.version = l.version WHERE v.version IS NULL
    """,
    "a version behind the current one": """
        SELECT p.name FROM ssm_parameters p JOIN ssm_parameter_versions v
        ON v.parameter_id = p.parameter_id WHERE v.version > p.version
    """,
}


def ask(client: PlainClient, operation: str, **params: Any) -> Answer:
    """Send a request to Parameter Store."""
    body = json.dumps(params).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": f"AmazonSSM.{operation}"}
    return client.send(signed_headers(client.url, body, headers, service="ssm"), body)


class Worker(LoadWorker):
    """Changes parameters that nobody else touches.

    `states` are what each parameter may be: its values by version (empty: it is not there). While a change is under way
    both the old and the new state are possible, after its answer the new one alone. So are `labels`.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.states: dict[str, list[list[str]]] = {}
        self.labels: dict[str, set[int | None]] = {}
        self.acknowledged = 0

    def step(self, client: PlainClient) -> None:
        """Put, label or delete."""
        place = self.random.randrange(NAMES)
        name = f"/worker-{self.number}/{place}"
        states = self.states.setdefault(name, [[]])
        if len(states) > 1:
            # What it is now is not known any more, until it is verified.
            return
        now, choice = states[0], self.random.random()
        if now and choice < 0.1:
            self._change(client, name, [], "DeleteParameter")
            self.labels[name] = {None}
        elif now and choice < 0.25:
            self._label(client, name, self.random.randint(1, len(now)))
        else:
            value = f"{CANARY}{self.random.getrandbits(64):x}"
            tier = {"Tier": "Advanced"} if place == 1 else {}
            kind = TYPES[place % len(TYPES)]
            self._change(client, name, [*now, value], "PutParameter", Value=value, Type=kind, Overwrite=True, **tier)

    def _change(self, client: PlainClient, name: str, after: list[str], operation: str, **params: Any) -> None:
        self.states[name] = [self.states[name][0], after]
        if operation == "DeleteParameter":
            self.labels[name] = self.labels.get(name, {None}) | {None}
        answer = ask(client, operation, Name=name, **params)
        assert answer.status == 200, answer
        if operation == "PutParameter":
            assert answer.json["Version"] == len(after)
            self.acknowledged += 1
        self.states[name] = [after]

    def _label(self, client: PlainClient, name: str, version: int) -> None:
        self.labels[name] = self.labels.get(name, {None}) | {version}
        answer = ask(client, "LabelParameterVersion", Name=name, ParameterVersion=version, Labels=["chosen"])
        assert answer.status == 200, answer
        self.labels[name] = {version}


def verify(server: RunningServer, workers: list[Worker]) -> None:
    """Compare every parameter with what it may be, version by version."""
    client = PlainClient(server)
    for worker in workers:
        for name, possible in worker.states.items():
            answer = ask(client, "GetParameterHistory", Name=name, WithDecryption=True)
            assert answer.status == 200 or answer.code == "ParameterNotFound", answer
            versions = answer.json["Parameters"] if answer.status == 200 else []
            values = [each["Value"] for each in versions]
            assert values in possible, f"{name} is none of what it may be"
            labelled = [each["Version"] for each in versions if each["Labels"]]
            label = labelled[0] if labelled else None
            assert label in worker.labels.get(name, {None}), name
            assert [each["Version"] for each in versions] == list(range(1, len(values) + 1))
            worker.states[name], worker.labels[name] = [values], {label}
    client.close()


def test_every_acknowledged_version_is_there(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    with running_server(tmp_path, options=("--request-quotas", "off")) as server:
        kill_again_and_again(
            server,
            workers,
            lambda: verify(server, workers),
            lambda: sum(worker.acknowledged for worker in workers) >= VERSIONS_MIN,
        )
        assert server.stop() == 0
        assert_whole(server, WHOLE)
    assert "request failed" not in server.log.read_text()
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or CANARY[:16].encode() not in path.read_bytes(), f"in the clear in {path.name}"
