"""What a row of the tour has proved, what it has not, and why."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["proved", "failed", "not proved here"]


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim that was put to the test: what had to be seen for it to hold, and what was seen."""

    claim: str
    expected: str
    seen: str
    holds: bool


class NotProvedHere(Exception):  # noqa: N818 (it is no error of anybody's)
    """This machine cannot do what a row shows: why, and what to install."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


class Unproved(Exception):  # noqa: N818 (it is told as a proof that failed)
    """Something did not come as it had to, and nothing behind it makes sense."""

    def __init__(self, claim: str, expected: str, seen: str) -> None:
        super().__init__(f"{claim}: expected {expected}, saw {seen}")
        self.proof = Proof(claim, expected, seen, False)


@dataclass(slots=True)
class Outcome:
    """How a row ended. `left_out` says what of it was not tried on this machine, and what to install."""

    name: str
    title: str
    proofs: list[Proof] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    not_here: NotProvedHere | None = None
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """A row is proved when it has proofs, and all of them hold."""
        if any(not proof.holds for proof in self.proofs):
            return "failed"
        if self.not_here is not None:
            return "not proved here"
        return "proved" if self.proofs else "failed"
