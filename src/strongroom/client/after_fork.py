"""What a process that forks does not hand down: locks that another thread holds, connections, and data keys."""

import os
import weakref
from typing import Protocol


class StartsAfresh(Protocol):
    """What begins anew in the child."""

    def start_afresh(self) -> None:
        """Forget everything, in a process that has one thread."""


_all: "weakref.WeakSet[StartsAfresh]" = weakref.WeakSet()


def start_afresh_after_fork(one: StartsAfresh) -> None:
    """From now on, call `one.start_afresh` in every child that this process forks, as long as `one` lives."""
    _all.add(one)


def _in_child() -> None:
    for one in list(_all):
        one.start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
