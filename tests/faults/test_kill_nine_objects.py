"""SIGKILL while objects are put, completed and deleted: what was acknowledged is there whole, the rest not at all."""

import hashlib
import random
import threading
import time
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.running_server import RunningServer, eventually, running_server

ROUNDS = 4
WORKERS = 4
STEPS_MIN = 12
LOAD_SECONDS_MAX = 0.5
PART_BYTES = 5 * 1024**2
BUCKET = "crashes"
SIZES = (0, 100, 16 * 1024, 16 * 1024 + 1, 70_000, 300_000)
CANARY = b"THE-CANARY-SINGS-IN-THE-CLEAR!! "


def _content(source: random.Random, size: int) -> bytes:
    """Return bytes that begin and end with the canary, where they are long enough for it."""
    filling = source.randbytes(max(0, size - 2 * len(CANARY)))
    return (CANARY + filling + CANARY)[:size] if size < 2 * len(CANARY) else CANARY + filling + CANARY


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Worker:
    """Writes and deletes objects that nobody else touches, and remembers what may be there.

    `states` are the digests that an object may have, by key; None stands for no object. While a change is under way
    both the old and the new one are possible, after its answer the new one alone.
    """

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.number = number
        self.states: dict[str, set[str | None]] = {}
        self.done = 0
        self.failure: BaseException | None = None

    def work(self, server: RunningServer) -> None:
        """Change objects until the server is gone."""
        client = _client(server)
        try:
            while True:
                self._step(client)
        except BotoCoreError:
            pass
        except BaseException as failure:
            self.failure = failure
            raise

    def _step(self, client: Any) -> None:
        key = f"{self.number}/{self.random.randrange(6)}"
        before = self.states.setdefault(key, {None})
        choice = self.random.random()
        if choice < 0.2:
            self.states[key] = before | {None}
            client.delete_object(Bucket=BUCKET, Key=key)
            self.states[key] = {None}
        elif choice < 0.4:
            self._upload(client, key, before)
        else:
            content = _content(self.random, self.random.choice(SIZES))
            self.states[key] = before | {_digest(content)}
            more = {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True} if choice < 0.6 else {}
            client.put_object(Bucket=BUCKET, Key=key, Body=content, **more)
            self.states[key] = {_digest(content)}
        self.done += 1

    def _upload(self, client: Any, key: str, before: set[str | None]) -> None:
        parts = [_content(self.random, PART_BYTES), _content(self.random, 50_000)]
        whole = _digest(b"".join(parts))
        upload_id = client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        named = {"Bucket": BUCKET, "Key": key, "UploadId": upload_id}
        listed = [
            {"PartNumber": number, "ETag": client.upload_part(PartNumber=number, Body=part, **named)["ETag"]}
            for number, part in enumerate(parts, 1)
        ]
        self.states[key] = before | {whole}
        client.complete_multipart_upload(MultipartUpload={"Parts": listed}, **named)
        self.states[key] = {whole}


def _client(server: RunningServer) -> Any:
    return server.client("s3", config=Config(retries={"total_max_attempts": 1}, read_timeout=20))


def _done(workers: list[Worker]) -> int:
    return sum(worker.done for worker in workers)


def _verify(server: RunningServer, workers: list[Worker]) -> int:
    """Compare every object with what it may be; return how many there are."""
    client = _client(server)
    listed = {each["Key"]: each["Size"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    for worker in workers:
        for key, possible in worker.states.items():
            try:
                content = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey":
                    raise
                found = None
                assert key not in listed
            else:
                found = _digest(content)
                assert listed[key] == len(content)
            assert found in possible, f"{key} is none of what it may be"
            worker.states[key] = {found}
    return len(listed)


def test_nothing_acknowledged_is_lost_and_nothing_half_written_shows(tmp_path: Path) -> None:
    workers = [Worker(number) for number in range(WORKERS)]
    pauses = random.Random(5)
    with running_server(tmp_path) as server:
        _client(server).create_bucket(Bucket=BUCKET)
        for _ in range(ROUNDS):
            threads = [threading.Thread(target=worker.work, args=(server,)) for worker in workers]
            for thread in threads:
                thread.start()
            busy = _done(workers) + STEPS_MIN
            eventually(60, lambda busy=busy: _done(workers) >= busy or any(worker.failure for worker in workers))
            time.sleep(pauses.uniform(0, LOAD_SECONDS_MAX))
            server.kill()
            for thread in threads:
                thread.join()
            assert [worker.failure for worker in workers if worker.failure is not None] == []
            server.start()
            _verify(server, workers)
        assert _verify(server, workers) > 0
        server.stop()
    pieces = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert pieces
    for path in pieces:
        assert CANARY[:16] not in path.read_bytes(), f"bytes of an object are in the clear in {path.name}"
