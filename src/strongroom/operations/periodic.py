"""Work that nobody calls for: what services do when a time has come. The scheduler (`jobs`) runs it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.operations.house import House

Work = Callable[["House"], Awaitable[None]]

PERIODIC: dict[str, Work] = {}


def periodic(name: str) -> Callable[[Work], Work]:
    """Register a coroutine that does what is due, by a name that is unique (`kms/rotate-keys`).

    It is run again and again, by one server at a time; it must be safe to run twice. Raises ValueError for a second
    registration of a name.
    """

    def register(work: Work) -> Work:
        if name in PERIODIC:
            raise ValueError(f"the periodic work {name} is registered twice")
        PERIODIC[name] = work
        return work

    return register
