"""Work with keys that waits for a device, done in threads: a few at a time, not too many waiting, and not for long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from strongroom.server.xks_proxy.requests import refusal

THREADS = 4
WAITING_MAX = 256
SECONDS_MAX = 2.0
"""KMS has given up long before; but a slow device is told apart from a proxy that is down."""

T = TypeVar("T")


class Worker:
    """Runs work; in the event loop's thread unless it `blocks`."""

    def __init__(self, *, blocks: bool) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "keys") if blocks else None
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns.

        Raises AwsError: ThrottlingException when too much waits, DependencyTimeoutException when it takes too long.
        """
        if self._threads is None:
            return work()
        if self._waiting >= WAITING_MAX:
            raise refusal("ThrottlingException")
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._waiting += 1
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), SECONDS_MAX)
        except TimeoutError:
            raise refusal("DependencyTimeoutException") from None

    def close(self) -> None:
        """Begin no more work."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        # Nobody may be there any more to be told of a failure; asked for, it is not reported as lost.
        if not future.cancelled():
            future.exception()
