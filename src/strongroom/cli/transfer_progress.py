"""How far a command is with its files: a bar on a terminal, with rate and time left, and nothing elsewhere."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_NAME_SIGNS_MAX = 40


class TransferProgress:
    """Shows progress on standard error. `total_bytes` None is for a length that nobody knows."""

    def __init__(self, total_bytes: int | None) -> None:
        self._bar = _bar() if sys.stderr is not None and sys.stderr.isatty() else None
        self._task = None if self._bar is None else self._bar.add_task("", total=total_bytes)

    def __enter__(self) -> "TransferProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, name: str) -> None:
        """Say which file is next."""
        if self._bar is not None and self._task is not None:
            from strongroom.policy_check.listing import printable

            shown = printable(name)
            if len(shown) > _NAME_SIGNS_MAX:
                shown = "..." + shown[3 - _NAME_SIGNS_MAX :]
            self._bar.update(self._task, description=shown)

    def advance(self, count: int) -> None:
        """Count bytes that are done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, count)

    def tell(self, text: str) -> None:
        """Print one line of what went wrong, above the bar if there is one."""
        from strongroom.policy_check.listing import printable

        line = printable(f"strongroom: {text}")
        if sys.stderr is None:
            # It was closed before we began; print would take standard output instead.
            return
        if self._bar is None:
            print(line, file=sys.stderr)
        else:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
