"""SIGKILL under load, again and again: what was acknowledged is there, what was refused never happened."""

import json
import os
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.killed_under_load import ROUNDS_MAX, LoadWorker, kill_again_and_again
from tests.faults.plain_client import PlainClient
from tests.running_server import RunningServer, running_server

WORKERS = 5
UNCERTAIN = object()


class Ciphertext(NamedTuple):
    """A ciphertext that the server gave out, and what it was made of."""

    key_id: str
    context: dict[str, str]
    plaintext: bytes
    blob: str


class Worker(LoadWorker):
    """Changes keys and aliases that nobody else touches, and remembers what the server acknowledged.

    `states` are what the server must answer, by (kind, name). A change that was cut off before its answer may have
    happened or not: both values are remembered then.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.states: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.ciphertexts: list[Ciphertext] = []
        self.keys: list[str] = []
        self.refusals = 0

    def _change(self, client: PlainClient, kind: str, name: str, value: Any, operation: str, **params: Any) -> None:
        """Make a change that must succeed, and note its outcome."""
        before = self.states.get((kind, name), (None,))
        self.states[kind, name] = (*before, value)
        answer = client.kms(operation, params)
        assert answer.status == 200, answer
        self.states[kind, name] = (value,)

    def step(self, client: PlainClient) -> None:
        """Change something, encrypt something, or be refused."""
        if not self.keys or self.random.random() < 0.15:
            return self._create_key(client)
        key_id = self.random.choice(self.keys)
        step = self.random.choice(
            [self._encrypt] * 4 + [self._put_policy, self._put_alias, self._describe, self._rotate, self._be_refused]
        )
        return step(client, key_id)

    def _create_key(self, client: PlainClient) -> None:
        description = f"worker {self.number}, key {self.random.getrandbits(64):x}"
        created = client.kms("CreateKey", {"Description": description, "Tags": [{"TagKey": "a", "TagValue": "b"}]})
        assert created.status == 200, created
        key_id = created.json["KeyMetadata"]["KeyId"]
        self.keys.append(key_id)
        self.states["description", key_id] = (description,)

    def _encrypt(self, client: PlainClient, key_id: str) -> None:
        plaintext = self.random.randbytes(self.random.randint(1, 200))
        context = {"n": str(self.random.random())} if self.random.random() < 0.5 else {}
        params = {"KeyId": key_id, "Plaintext": b64encode(plaintext).decode(), "EncryptionContext": context}
        answer = client.kms("Encrypt", params)
        assert answer.status == 200, answer
        self.ciphertexts.append(Ciphertext(key_id, context, plaintext, answer.json["CiphertextBlob"]))

    def _put_policy(self, client: PlainClient, key_id: str) -> None:
        text = policy(f"put {self.random.getrandbits(64):x}")
        before = self.states.get(("policy", key_id), (UNCERTAIN,))
        self.states["policy", key_id] = before
        self._change(client, "policy", key_id, text, "PutKeyPolicy", KeyId=key_id, Policy=text)

    def _put_alias(self, client: PlainClient, key_id: str) -> None:
        name = f"alias/worker-{self.number}-{self.random.randint(0, 9)}"
        current = self.states.get(("alias", name), (None,))
        if len(current) > 1:
            # Whether it exists is not known any more.
            return
        if current[0] is None:
            self._change(client, "alias", name, key_id, "CreateAlias", AliasName=name, TargetKeyId=key_id)
        elif self.random.random() < 0.3:
            self._change(client, "alias", name, None, "DeleteAlias", AliasName=name)
        else:
            self._change(client, "alias", name, key_id, "UpdateAlias", AliasName=name, TargetKeyId=key_id)

    def _describe(self, client: PlainClient, key_id: str) -> None:
        text = f"described {self.random.getrandbits(64):x}"
        self._change(client, "description", key_id, text, "UpdateKeyDescription", KeyId=key_id, Description=text)

    def _rotate(self, client: PlainClient, key_id: str) -> None:
        answer = client.kms("RotateKeyOnDemand", {"KeyId": key_id})
        # There are ten on-demand rotations in a key's life.
        assert answer.status == 200 or answer.code == "LimitExceededException", answer

    def _be_refused(self, client: PlainClient, key_id: str) -> None:
        """Ask for changes that must be refused, of things whose state is known."""
        refused = [client.kms("PutKeyPolicy", {"KeyId": key_id, "Policy": policy("lockout", "111122223333")})]
        for (kind, name), values in tuple(self.states.items()):
            if kind == "alias" and values[0] is not None and len(values) == 1:
                refused.append(client.kms("CreateAlias", {"AliasName": name, "TargetKeyId": key_id}))
                break
        tags = [{"TagKey": "aws:reserved", "TagValue": "x"}]
        refused.append(client.kms("CreateKey", {"Description": "refused", "Tags": tags}))
        assert all(answer.status == 400 for answer in refused), refused
        self.refusals += len(refused)


def policy(sid: str, account: str = "000000000000") -> str:
    """Return a key policy that lets an account's root do everything."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def verify(server: RunningServer, workers: list[Worker], since: dict[int, int]) -> None:
    """Assert that everything acknowledged is there; of the ciphertexts, those since the last time."""
    client = PlainClient(server)
    aliases = all_pages(client, "ListAliases", "Aliases")
    targets = {entry["AliasName"]: entry.get("TargetKeyId") for entry in aliases}
    for worker in workers:
        for (kind, name), values in worker.states.items():
            if kind == "alias":
                found: Any = targets.get(name)
            elif kind == "policy":
                found = client.kms("GetKeyPolicy", {"KeyId": name}).json["Policy"]
            else:
                found = client.kms("DescribeKey", {"KeyId": name}).json["KeyMetadata"]["Description"]
            assert found in values or (UNCERTAIN in values and "key-default-1" in found), (kind, name, values, found)
            worker.states[kind, name] = (found,)
        for ciphertext in worker.ciphertexts[since.get(worker.number, 0) :]:
            params = {"CiphertextBlob": ciphertext.blob, "EncryptionContext": ciphertext.context}
            answer = client.kms("Decrypt", params)
            assert answer.status == 200, (ciphertext, answer)
            assert b64decode(answer.json["Plaintext"]) == ciphertext.plaintext
            assert answer.json["KeyId"].endswith(ciphertext.key_id)
        since[worker.number] = len(worker.ciphertexts)
    client.close()


def all_pages(client: PlainClient, operation: str, member: str) -> list[dict[str, Any]]:
    """Return the entries of all pages of a list."""
    entries: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    while True:
        page = client.kms(operation, params).json
        entries += page[member]
        if not page["Truncated"]:
            return entries
        params = {"Marker": page["NextMarker"]}


def test_nothing_acknowledged_is_lost_and_nothing_refused_is_done(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    verified: dict[int, int] = {}
    with running_server(tmp_path) as server:
        kill_again_and_again(
            server,
            workers,
            lambda: verify(server, workers, verified),
            lambda: any(each.refusals for each in workers) and sum(len(each.ciphertexts) for each in workers) > 50,
        )
        verify(server, workers, {})
        client = PlainClient(server)
        known = {key_id for worker in workers for key_id in worker.keys}
        listed = {entry["KeyId"] for entry in all_pages(client, "ListKeys", "Keys")}
        assert known <= listed
        # Keys that nobody was told of can only come from calls that were cut off, at most one a worker and round.
        strangers = [client.kms("DescribeKey", {"KeyId": key_id}).json["KeyMetadata"] for key_id in listed - known]
        assert len(strangers) <= WORKERS * ROUNDS_MAX
        assert all(key["Description"].startswith("worker ") for key in strangers)
        assert server.stop() == 0
    assert "request failed" not in server.log.read_text()


def test_kills_during_the_first_start_leave_a_directory_that_starts(tmp_path: Path) -> None:
    """The root key, the keyring and the certificate authority are made at first start: at every moment it may end."""
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    strongroom = [sys.executable, "-m", "strongroom.cli"]
    serve = [*strongroom, "serve", "--data", str(tmp_path / "data"), "--https-port", "0", "--http-port", "0"]
    for delay_ms in (150, 250, 300, 350, 400, 450, 500, 600):
        with subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(delay_ms / 1000)
            process.kill()
    with subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"ready ")
            env = [*strongroom, "env", "--data", str(tmp_path / "data"), "--format", "json"]
            shown = subprocess.run(env, env=environment, capture_output=True)
            assert shown.returncode == 0, shown.stderr
            assert json.loads(shown.stdout)["AWS_ACCESS_KEY_ID"].startswith("AKIA")
        finally:
            process.kill()
