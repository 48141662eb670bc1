"""A real door to a house that serves the fake S3, and real clients of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.server.door import Door, opened_door
from tests.server.fake_s3 import FakeS3, serve_fake_s3

from strongroom.server.counters import RequestCounters
from strongroom.server.pipeline import Pipeline

T = TypeVar("T")


class S3Server:
    """A door that listens, the fake behind it, and the keys of the account's root."""

    def __init__(self, opened: OpenedHouse, door: Door, fake: FakeS3, keys: tuple[str, str]) -> None:
        self.opened = opened
        self.door = door
        self.fake = fake
        self.access_key_id, self.secret = keys

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.door.port}"

    def client(self, service: str = "s3", **options: Any) -> Any:
        """Return a boto3 client. It blocks: use it in `run`."""
        settings = {"s3": {"addressing_style": "path"}, "retries": {"total_max_attempts": 1}, **options}
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret,
            config=Config(**settings),
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Run something that blocks in a thread."""
        return await asyncio.to_thread(work)


@asynccontextmanager
async def s3_server(home: Path, fake: FakeS3) -> AsyncIterator[S3Server]:
    async with opened_house(home) as opened:
        credential = await opened.house.principals.root_access_key(ACCOUNT)
        assert credential is not None
        pipeline = Pipeline(opened.house, RequestCounters())
        async with opened_door(pipeline.handle) as door:
            keys = (credential.caller.identity.access_key_id, credential.secret_access_key)
            yield S3Server(opened, door, fake, keys)


Serve = Callable[[Callable[[S3Server], Awaitable[None]]], None]


@pytest.fixture
def with_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Serve:
    """Run a coroutine function of a server."""
    fake = serve_fake_s3(monkeypatch)

    def run(body: Callable[[S3Server], Awaitable[None]]) -> None:
        async def main() -> None:
            async with s3_server(tmp_path, fake) as server:
                await body(server)

        asyncio.run(main())

    return run
