"""Calls to KMS from an event loop: botocore's in threads, the waiting between them in the loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from strongroom.client.after_fork import start_afresh_after_fork
from strongroom.client.backoff import is_passing
from strongroom.client.errors import Closed
from strongroom.client.kms_calls import KmsCall, KmsCalls, Steps, T
from strongroom.client.turns import OutOfPatience, Turns


class AsyncKmsCalls:
    """`KmsCalls` for an event loop. At most `threads_max` tries run at a time.

    A task that is cancelled goes at once, wherever it waits. A try that is on its way then ends by itself, within its
    time-out, and what it brings is thrown away.
    """

    def __init__(self, calls: KmsCalls, threads_max: int = 10) -> None:
        self._calls = calls
        self._threads_max = threads_max
        self._is_closed = False
        self.start_afresh()
        start_afresh_after_fork(self)

    async def run(self, steps: Steps[T]) -> T:
        """Perform the steps, and return what they return. Raises what they raise, and what `perform` raises."""
        turns = Turns(self._calls.backoff)
        try:
            call = next(steps)
            while True:
                try:
                    if delay := turns.delay_before(call.turn or 0):
                        await self._sleep(delay)
                    answer = await self.perform(call)
                except (ClientError, BotoCoreError, OutOfPatience) as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def perform(self, call: KmsCall) -> Mapping[str, Any]:
        """Make a call, as `KmsCalls.perform` does. Raises Closed, too."""
        loop = asyncio.get_running_loop()
        delays = self._calls.backoff.delays()
        while True:
            if self._is_closed:
                raise Closed
            try:
                return await loop.run_in_executor(self._threads, self._calls.attempt, call)
            except (ClientError, BotoCoreError) as error:
                delay = next(delays, None) if call.turn is None and is_passing(error) else None
                if delay is None:
                    raise
            await self._sleep(delay)

    def start_afresh(self) -> None:
        """Have threads of one's own, in a forked child: the parent's are not there."""
        self._threads = ThreadPoolExecutor(self._threads_max, thread_name_prefix="strongroom-kms")

    async def _sleep(self, seconds: float) -> None:
        await (self._calls.backoff.sleep_async or asyncio.sleep)(seconds)

    def close(self) -> None:
        """Let no further try begin. Those that did come to their end."""
        self._is_closed = True
        self._threads.shutdown(wait=False)
