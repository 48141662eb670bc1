"""Where messages come from and go to: whole reads, whole writes, and work that runs beside them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol

from strongroom.base.buffer import Buffer


class ByteSource(Protocol):
    """A file, pipe or `io.BytesIO` to read from. It blocks."""

    def readinto(self, room: memoryview, /) -> int | None:
        """Read some bytes; 0 at the end."""
        ...


class ByteSink(Protocol):
    """A file, pipe or `io.BytesIO` to write to. It blocks."""

    def write(self, content: memoryview, /) -> int | None:
        """Write some bytes, and return how many."""
        ...


def read_fully(source: ByteSource, room: memoryview) -> int:
    """Fill `room`, and return how many bytes there were: fewer only at the source's end."""
    filled = 0
    while filled < len(room):
        count = source.readinto(room[filled:])
        if count is None:
            raise BlockingIOError("the source does not block")
        if count == 0:
            break
        filled += count
    return filled


def write_fully(sink: ByteSink, content: Buffer) -> None:
    """Write all of `content`."""
    rest = memoryview(content)
    while rest:
        count = sink.write(rest)
        if count is None:
            raise BlockingIOError("the sink does not block")
        rest = rest[count:]


class InOrder:
    """Runs what it is given one after the other, beside the caller: in a thread of its own, made when first needed.

    Leaving it waits for what runs; what has not begun is given up then.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> "InOrder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, work: Callable[[Buffer], object], content: Buffer, *, beside: bool) -> "Future[object] | None":
        """Do `work` on `content`, beside the caller or at once. The future raises what the work raised."""
        if not beside and self._pool is None:
            work(content)
            return None
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1)
        return self._pool.submit(work, content)


def await_all(running: "list[Future[object] | None]") -> None:
    """Wait for what runs beside, and forget it. Raises what the first one that failed raised."""
    for future in running:
        if future is not None:
            future.result()
    running.clear()
