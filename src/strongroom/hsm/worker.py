"""Work with tokens beside an event loop: in threads, a few at a time, not too much waiting, and not for long."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from strongroom.hsm.errors import TokenBusy, TokenTimedOut

THREADS = 4
WAITING_MAX = 256
SECONDS_MAX = 2.0

T = TypeVar("T")


class TokenWorker:
    """Runs work that waits for a token. Use it in one event loop, and close it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "tokens")
        self._waiting = 0

    async def run(self, work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
        """Return what `work` returns. Work that takes longer than `SECONDS_MAX` goes on, and nobody waits for it.

        `undo` is then given what it returned in the end, and so it is when the waiting was cancelled. Raises TokenBusy
        when too much waits, TokenTimedOut, and what `work` raises.
        """
        if self._waiting >= WAITING_MAX:
            raise TokenBusy("too much waits for PKCS#11 tokens")
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._waiting += 1
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), SECONDS_MAX)
        except BaseException as error:
            if undo is not None:
                future.add_done_callback(lambda done: self._undo(done, undo))
            if isinstance(error, TimeoutError):
                raise TokenTimedOut(f"a PKCS#11 token did not answer within {SECONDS_MAX:g} seconds") from None
            raise

    def begin(self, work: Callable[[], object]) -> None:
        """Have `work` done, sooner or later, for nobody who waits. After `close` it is not done."""
        with contextlib.suppress(RuntimeError):
            self._threads.submit(work)

    def close(self) -> None:
        """Begin no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _undo(self, future: asyncio.Future[T], undo: Callable[[T], object]) -> None:
        if not future.cancelled() and future.exception() is None:
            result = future.result()
            self.begin(lambda: undo(result))

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        # Nobody may be there any more to be told of a failure; asked for, it is not reported as lost.
        if not future.cancelled():
            future.exception()
