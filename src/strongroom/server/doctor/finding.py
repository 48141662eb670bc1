"""What a look at one thing found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "limited", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`without` says what does not work as it is, `remedy` how to mend it; both are empty when all is well."""

    state: State
    found: str
    without: str = ""
    remedy: str = ""


def ok(found: str) -> Finding:
    """All is well."""
    return Finding("ok", found)


def limited(found: str, without: str, remedy: str) -> Finding:
    """It works, but for something."""
    return Finding("limited", found, without, remedy)


def missing(found: str, without: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding("missing", found, without, remedy)
