"""`AsyncEnvelopeClient` against a real KMS: many tasks, one call; and tasks that are cancelled."""

import asyncio
import io
import os
import pickle
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.client.kms_connection import CountedCalls, connected
from tests.client.test_backoff import refused
from tests.running_server import RunningServer

from strongroom.client import (
    COMMITTING,
    AsyncEnvelopeClient,
    Backoff,
    CacheLimits,
    Closed,
    NotAuthentic,
    UnexpectedContext,
)
from strongroom.client.kms_calls import KmsCall

CONTEXT = {"tenant": "42", "purpose": "test"}
CACHING = CacheLimits(age_seconds_max=600)


@pytest.fixture(scope="module")
def arn(kms: Any) -> str:
    made: str = kms.create_key()["KeyMetadata"]["Arn"]
    return made


@pytest.fixture
def calls(server: RunningServer) -> CountedCalls:
    return CountedCalls(server)


class RefusedCalls(CountedCalls):
    """Is throttled for the first so many tries. `tried` is set at each, `waits` while somebody backs off."""

    def __init__(self, server: RunningServer, refusals: int, sleep: Callable[[float], Coroutine[Any, Any, None]]):
        super().__init__(server, backoff=Backoff(sleep_async=sleep, random=lambda: 0.5))
        self.refusals = refusals

    def attempt(self, call: KmsCall) -> Any:
        if self.refusals > 0:
            self.refusals -= 1
            self.operations.append("refused")
            raise refused("ThrottlingException")
        return super().attempt(call)


def test_there_and_back(arn: str, calls: CountedCalls) -> None:
    async def main() -> None:
        async with AsyncEnvelopeClient(arn, kms=calls) as client:
            assert repr(client) == f"AsyncEnvelopeClient(KmsKeys(['{arn}'], discovery=None))"
            for length in (0, 1, 65_536, 300_000):
                message = await client.encrypt(b"x" * length, CONTEXT)
                assert await client.decrypt(message, {"tenant": "42"}) == (b"x" * length, CONTEXT)
            with pytest.raises(UnexpectedContext):
                await client.decrypt(message, {"tenant": "43"})
            with pytest.raises(NotAuthentic):
                await client.decrypt(message[:-1])
            with pytest.raises(TypeError, match="not copied or pickled"):
                pickle.dumps(client)
        with pytest.raises(Closed):
            await client.encrypt(b"x")

    asyncio.run(main())


def test_many_tasks_that_miss_at_once_ask_once(arn: str, calls: CountedCalls) -> None:
    async def main() -> None:
        limits = CacheLimits(age_seconds_max=600, messages_max=100)
        async with AsyncEnvelopeClient(arn, kms=calls, caching=limits, suite=COMMITTING) as client:
            messages = await asyncio.gather(*[client.encrypt(b"%d" % n, CONTEXT) for n in range(300)])
            assert calls.operations == ["GenerateDataKey"] * 3
            opened = await asyncio.gather(*[client.decrypt(message) for message in messages])
            assert [one.plaintext for one in opened] == [b"%d" % n for n in range(300)]
            assert calls.operations[3:] == ["Decrypt"] * 3
            client.forget_data_keys()
            await client.encrypt(b"x", CONTEXT)
            assert calls.operations[6:] == ["GenerateDataKey"]

    asyncio.run(main())


def test_it_backs_off_in_the_loop(arn: str, server: RunningServer) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def main() -> None:
        calls = RefusedCalls(server, 4, sleep)
        async with AsyncEnvelopeClient(arn, kms=calls) as client:
            await client.encrypt(b"x")
        assert calls.operations == [*["refused"] * 4, "GenerateDataKey"]

    asyncio.run(main())
    assert slept == pytest.approx([0.25, 0.5, 1.0, 2.0])


def test_a_task_that_backs_off_is_cancelled_at_once(arn: str, server: RunningServer) -> None:
    async def main() -> None:
        waits = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.set()
            await asyncio.sleep(3600)

        calls = RefusedCalls(server, 1, sleep)
        async with AsyncEnvelopeClient(arn, kms=calls, caching=CACHING) as client:
            leader = asyncio.ensure_future(client.encrypt(b"x"))
            await waits.wait()
            others = [asyncio.ensure_future(client.encrypt(b"x")) for _ in range(3)]
            await asyncio.sleep(0)
            # One who no longer waits leaves the others waiting; when the one who asks goes, another one asks.
            others[0].cancel()
            begin = time.monotonic()
            leader.cancel()
            done = await asyncio.gather(leader, *others, return_exceptions=True)
            assert [type(one) for one in done] == [asyncio.CancelledError, asyncio.CancelledError, bytes, bytes]
            assert time.monotonic() - begin < 60
        assert calls.operations == ["refused", "GenerateDataKey"]

    asyncio.run(main())


def test_a_task_that_backs_off_ends_when_the_client_is_closed(arn: str, server: RunningServer) -> None:
    async def main() -> None:
        waits, goes_on = asyncio.Event(), asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.set()
            await goes_on.wait()

        client = AsyncEnvelopeClient(arn, kms=RefusedCalls(server, 1, sleep), caching=CACHING)
        task = asyncio.ensure_future(client.encrypt(b"x"))
        await waits.wait()
        await client.close()
        goes_on.set()
        with pytest.raises(Closed):
            await task

    asyncio.run(main())


def test_a_failure_reaches_all_who_wait(kms: Any, calls: CountedCalls) -> None:
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)

    async def main() -> None:
        async with AsyncEnvelopeClient(disabled, kms=calls, caching=CACHING) as client:
            done = await asyncio.gather(*[client.encrypt(b"x") for _ in range(5)], return_exceptions=True)
        assert all(isinstance(one, ClientError) for one in done)
        assert len({id(one) for one in done}) == 5

    asyncio.run(main())
    assert calls.operations == ["GenerateDataKey"]


def test_streams_and_files(arn: str, calls: CountedCalls, tmp_path: Path) -> None:
    plain, message, opened = (tmp_path / name for name in ("plain", "message", "opened"))
    content = os.urandom(3_000_000)
    plain.write_bytes(content)

    async def main() -> None:
        async with AsyncEnvelopeClient(arn, kms=calls, caching=CACHING) as client:
            sealed, sink = io.BytesIO(), io.BytesIO()
            await client.encrypt_stream(io.BytesIO(content), sealed, CONTEXT, length_bytes=len(content))
            await client.encrypt(b"x", CONTEXT)
            assert calls.operations == ["GenerateDataKey"]
            with pytest.raises(ValueError, match="longer than was said"):
                await client.encrypt_stream(io.BytesIO(content), io.BytesIO(), CONTEXT, length_bytes=1)
            assert await client.decrypt_stream(io.BytesIO(sealed.getvalue()), sink, {"tenant": "42"}) == CONTEXT
            assert sink.getvalue() == content
            await client.encrypt_file(plain, message, CONTEXT)
            assert await client.decrypt_file(message, opened) == CONTEXT
            assert opened.read_bytes() == content
            message.write_bytes(message.read_bytes()[:-1])
            with pytest.raises(NotAuthentic):
                await client.decrypt_file(message, tmp_path / "other")

    asyncio.run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["message", "opened", "plain"]


def test_a_forked_child_has_threads_of_its_own(arn: str, server: RunningServer) -> None:
    client = AsyncEnvelopeClient(arn, kms=connected(server))
    message = asyncio.run(client.encrypt(b"x"))
    child = os.fork()
    if child == 0:
        try:
            opened = asyncio.run(asyncio.wait_for(client.decrypt(message), 20))
            os._exit(0 if opened.plaintext == b"x" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    asyncio.run(client.close())


@pytest.mark.parametrize("why", ["result", "cancelled"])
def test_a_data_key_is_overwritten_when_nothing_comes_of_it(
    arn: str, calls: CountedCalls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    obtained: list[Any] = []

    async def main() -> None:
        async with AsyncEnvelopeClient(arn, kms=calls, caching=CACHING) as client:
            obtain = client._obtain

            async def noting(request: Any) -> Any:
                obtained.append(await obtain(request))
                return obtained[-1]

            monkeypatch.setattr(client, "_obtain", noting)
            content = b"x" * 100_000
            message = await client.encrypt(content)
            (tmp_path / "message").write_bytes(message)
            if why == "result":
                for to_file in (client.encrypt_file, client.decrypt_file):
                    with pytest.raises(OSError, match="No such"):
                        await to_file(tmp_path / "message", tmp_path / "none" / "result")
            else:
                # No thread is free, so that nothing has begun yet.
                goes_on = threading.Event()
                pool = ThreadPoolExecutor(1)
                asyncio.get_running_loop().set_default_executor(pool)
                pool.submit(goes_on.wait, 30)
                for work in (partial(client.encrypt, content), partial(client.decrypt, message)):
                    before = len(obtained)
                    task: asyncio.Future[Any] = asyncio.ensure_future(work())
                    while len(obtained) == before:
                        await asyncio.sleep(0.001)
                    await asyncio.sleep(0.01)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                goes_on.set()
        assert len(obtained) == 3
        assert all(one.data_key == bytes(32) for one in obtained)

    asyncio.run(main())


def test_a_cancelled_stream_leaves_its_files_alone(arn: str, calls: CountedCalls, tmp_path: Path) -> None:
    class Slow(io.BytesIO):
        """Goes on for ever, and says that it has begun."""

        def readinto(self, room: Any, /) -> int:
            begun.set()
            time.sleep(0.001)
            reads.append(len(room))
            return len(room)

    class Signal:
        """Set in a thread, awaited in the loop."""

        def __init__(self) -> None:
            self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()

        def set(self) -> None:
            self._loop.call_soon_threadsafe(self._event.set)

        async def wait(self) -> None:
            await self._event.wait()

    async def main() -> None:
        nonlocal begun
        begun = Signal()
        async with AsyncEnvelopeClient(arn, kms=calls) as client:
            task = asyncio.ensure_future(client.encrypt_stream(Slow(), io.BytesIO()))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = len(reads)
            await asyncio.sleep(0.05)
            assert len(reads) == after

    begun: Any = None
    reads: list[int] = []
    asyncio.run(main())
