"""Where messages come from and go to: whole reads, whole writes, and work that runs beside them."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Protocol

from strongroom.base.buffer import Buffer

INTERRUPTED_SECONDS_MAX = 0.5


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

    Leaving it waits for what runs; what has not begun is given up then. Who leaves it because the process is to end
    (KeyboardInterrupt) waits for a moment only: a pipe that nobody reads would hold him up for good.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._is_left = False

    def __enter__(self) -> "InOrder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_left = True
        if self._thread is not None:
            self._work.put(None)
            is_end_of_process = kind is not None and not issubclass(kind, Exception)
            self._thread.join(INTERRUPTED_SECONDS_MAX if is_end_of_process else None)

    def run(self, work: Callable[[Buffer], object], content: Buffer, *, beside: bool) -> "Future[object] | None":
        """Do `work` on `content`, beside the caller or at once. The future raises what the work raised."""
        if not beside and self._thread is None:
            work(content)
            return None
        if self._thread is None:
            # A daemon, for the interpreter waits at its end for every other thread.
            self._thread = threading.Thread(target=self._run_all, name="strongroom-message", daemon=True)
            self._thread.start()
        done: Future[object] = Future()
        self._work.put(partial(_do, work, content, done))
        return done

    def _run_all(self) -> None:
        while (do := self._work.get()) is not None:
            if not self._is_left:
                do()


def _do(work: Callable[[Buffer], object], content: Buffer, done: "Future[object]") -> None:
    try:
        result = work(content)
    except BaseException as error:
        done.set_exception(error)
    else:
        done.set_result(result)


def await_all(running: "list[Future[object] | None]") -> None:
    """Wait for what runs beside, and forget it. Raises what the first one that failed raised."""
    for future in running:
        if future is not None:
            future.result()
    running.clear()
