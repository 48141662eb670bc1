"""A fault that a test put in force."""

from types import TracebackType
from typing import Any, Self

from strongroom.testing.channel import Channel


class InjectedFault:
    """In force from when it was made until `end`, the end of a `with` block, or that of the test."""

    def __init__(self, channel: Channel, kind: str, **params: Any) -> None:
        self._channel = channel
        self._struck = 0
        self._number: int | None = channel.tell("begin_fault", kind=kind, **params)

    @property
    def struck(self) -> int:
        """How many calls it has refused: a test that expects a fault should see that it was met."""
        if self._number is not None:
            self._struck = self._channel.tell("struck", number=self._number)
        return self._struck

    def end(self) -> None:
        """End it. Safe to call twice."""
        number, self._number = self._number, None
        if number is not None:
            self._struck = self._channel.tell("end_fault", number=number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
