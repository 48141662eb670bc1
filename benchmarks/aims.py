"""What the project aims for, compared with what was measured."""

from dataclasses import dataclass

from benchmarks import key_pairs
from benchmarks.ceiling import CIPHER_STEP, Cost
from benchmarks.measurement import Series


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim: the figure measured (none when its other side was not), the bound, and the unit of both.

    `is_share` says that both are shares, to be shown as percentages, and that the bound is to be reached.
    """

    text: str
    measured: float | None
    at_most: float
    unit: str
    is_share: bool = False

    @property
    def verdict(self) -> str:
        """`met`, `not met`, or `not measured`."""
        if self.measured is None:
            return "not measured"
        is_met = self.measured >= self.at_most if self.is_share else self.measured <= self.at_most
        return "met" if is_met else "not met"


def cpu_of(series: list[Series], server: str, operation: str) -> float | None:
    """Return the median CPU microseconds of one operation on one server, or None when it was not measured."""
    for one in series:
        if (one.server, one.operation) == (server, operation):
            return one.cpu_microseconds
    return None


USER = "Strongroom, a user"
"""A user with five attached policies of ten statements (`authorization`)."""


def _difference(above: float | None, below: float | None) -> float | None:
    return above - below if above is not None and below is not None else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _judge_key_pairs(series: list[Series], costs: list[Cost]) -> list[Aim]:
    """Return the aims of what key pairs do: not much more than the library's part and what a request costs anyhow.

    What a request costs anyhow is an Encrypt without its cipher.
    """
    alone = {cost.step: cost.microseconds for cost in costs}
    overhead = _difference(cpu_of(series, "Strongroom", "Encrypt"), alone.get(CIPHER_STEP))
    aims = []
    for operation in key_pairs.OPERATIONS:
        bare = alone.get(key_pairs.bare_step(operation))
        bound = bare + overhead if bare is not None and overhead is not None else None
        ratio = _ratio(cpu_of(series, "Strongroom", operation), bound)
        aims.append(Aim(f"{operation}: CPU against library and overhead", ratio, 1.5, "times"))
    return aims


def judge(series: list[Series], costs: list[Cost], ready_seconds: float | None, idle_bytes: float | None) -> list[Aim]:
    """Return every aim with its measured figure."""
    ours, floor, moto, ministack = (
        cpu_of(series, server, "Encrypt") for server in ("Strongroom", "Floor", "moto", "MiniStack")
    )
    user = cpu_of(series, USER, "Encrypt")
    return [
        Aim("Encrypt: CPU against the floor", _ratio(ours, floor), 3.0, "times"),
        Aim("Encrypt: CPU against moto", _ratio(ours, moto), 1 / 25, "times"),
        Aim("Encrypt: CPU against MiniStack", _ratio(ours, ministack), 1 / 5, "times"),
        Aim("Encrypt: CPU of 50 statements to look at", _difference(user, ours), 15.0, "µs"),
        *_judge_key_pairs(series, costs),
        Aim("Ready on an existing data directory", ready_seconds, 2.0, "s"),
        Aim("Idle resident memory", None if idle_bytes is None else idle_bytes / 1e6, 150.0, "MB"),
    ]
