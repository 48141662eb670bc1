"""Work with tokens beside an event loop: bounded in number and time."""

import asyncio
import threading
import time
from typing import Any

import pytest

from strongroom.hsm import worker as worker_module
from strongroom.hsm.errors import TokenBusy, TokenTimedOut
from strongroom.hsm.worker import TokenWorker


def test_what_takes_too_long_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "SECONDS_MAX", 0.2)
    release = threading.Event()

    async def main() -> None:
        worker = TokenWorker()
        with pytest.raises(TokenTimedOut):
            await worker.run(release.wait)
        release.set()
        assert await worker.run(lambda: "next") == "next"
        worker.close()

    asyncio.run(main())


def test_what_came_too_late_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "SECONDS_MAX", 0.2)
    release = threading.Event()
    undone: list[str] = []

    def work() -> str:
        release.wait()
        return "opened"

    async def main() -> None:
        worker = TokenWorker()
        with pytest.raises(TokenTimedOut):
            await worker.run(work, undone.append)
        cancelled = asyncio.create_task(worker.run(work, undone.append))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        assert undone == []
        release.set()
        assert await worker.run(work, undone.append) == "opened"
        deadline = time.monotonic() + 5
        while len(undone) < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        worker.close()

    asyncio.run(main())
    assert undone == ["opened", "opened"]


def test_not_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "WAITING_MAX", 3)
    release = threading.Event()

    async def main() -> list[Any]:
        worker = TokenWorker()
        asked = [asyncio.create_task(worker.run(release.wait)) for _ in range(5)]
        await asyncio.sleep(0.1)
        release.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert await worker.run(lambda: "free again") == "free again"
        worker.close()
        return answers

    answers = asyncio.run(main())
    assert answers[:3] == [True, True, True]
    assert [type(answer) for answer in answers[3:]] == [TokenBusy, TokenBusy]


def test_the_event_loop_is_free_meanwhile() -> None:
    async def main() -> int:
        worker = TokenWorker()
        asked = asyncio.create_task(worker.run(lambda: time.sleep(0.3)))
        ticks = 0
        while not asked.done():
            await asyncio.sleep(0.01)
            ticks += 1
        worker.close()
        return ticks

    assert asyncio.run(main()) > 3


def test_what_the_work_raises_is_raised() -> None:
    async def main() -> None:
        worker = TokenWorker()
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        worker.close()

    asyncio.run(main())
