"""A real door to a house that serves the fake S3, and real clients of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.server.door import Door, opened_door
from tests.server.fake_s3 import FakeS3, serve_fake_s3

from strongroom.server.counters import RequestCounters
from strongroom.server.pipeline import Pipeline
from strongroom.server.sockets import bind, port_of
from strongroom.server.tls import open_tls

T = TypeVar("T")


class _Literal(S3SigV4Auth):
    """Signs whatever X-Amz-Content-SHA256 says."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.headers["X-Amz-Content-SHA256"])

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        kept = request.headers["X-Amz-Content-SHA256"]
        super()._modify_request_before_signing(request)
        del request.headers["X-Amz-Content-SHA256"]
        request.headers["X-Amz-Content-SHA256"] = kept


class S3Server:
    """A door that listens, the fake behind it, and the keys of the account's root."""

    def __init__(self, opened: OpenedHouse, door: Door, fake: FakeS3, keys: tuple[str, str]) -> None:
        self.opened = opened
        self.door = door
        self.fake = fake
        self.access_key_id, self.secret = keys
        self.tls_port = 0
        self.ca_bundle = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.door.port}"

    async def open_tls(self) -> None:
        """Listen for TLS too."""
        house = self.opened.house
        tls = await open_tls(house.configuration, house.store, house.sealer, house.clock)
        listener = bind("127.0.0.1", 0)
        self.tls_port, self.ca_bundle = port_of(listener), str(tls.ca_bundle)
        await self.door.listeners.start(listener, tls.context)

    def client(self, service: str = "s3", *, tls: bool = False, signed: bool = True, **options: Any) -> Any:
        """Return a boto3 client. It blocks: use it in `run`."""
        settings = {"s3": {"addressing_style": "path"}, "retries": {"total_max_attempts": 1}, **options}
        if service == "s3":
            # Left to itself, botocore presigns with version 2.
            settings["signature_version"] = "s3v4" if signed else UNSIGNED
        return boto3.client(
            service,
            endpoint_url=f"https://127.0.0.1:{self.tls_port}" if tls else self.url,
            verify=self.ca_bundle if tls else None,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret,
            config=Config(**settings),
        )

    def head(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
        """Return the head of a signed request in bytes. Without a body, its hash is not signed."""
        host = f"127.0.0.1:{self.door.port}"
        given = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"} if body is None else {}
        request = AWSRequest(method, f"http://{host}{path}", data=body, headers={**given, **(headers or {})})
        if body is None:
            signer = _Literal(Credentials(self.access_key_id, self.secret), "s3", "us-east-1")
        else:
            signer = S3SigV4Auth(Credentials(self.access_key_id, self.secret), "s3", "us-east-1")
        signer.add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

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
