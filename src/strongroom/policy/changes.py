"""The kinds of change that a remedy is made of, and how they read."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.policy.decision import Layer, StatementReference


@dataclass(frozen=True, slots=True)
class Addition:
    """A statement that has to be added: `owner` says to whose policies, or to the policy of what."""

    layer: Layer
    owner: str
    statement: dict[str, Any]

    def lines(self) -> Iterator[str]:
        """Yield where to add, and the statement as JSON."""
        if self.layer is Layer.SESSION:
            yield f"Begin the session {self.owner} anew, with this in its session policy:"
        else:
            yield f"Add to the {self._policy} of {self.owner}:"
        yield from ("  " + line for line in json.dumps(self.statement, indent=2, ensure_ascii=False).splitlines())

    @property
    def _policy(self) -> str:
        """What people call the policy."""
        if self.layer is Layer.RESOURCE and "Resource" not in self.statement:
            return "role trust policy"
        if self.layer is Layer.RESOURCE and _is_about_key(self.owner):
            return "key policy"
        return str(self.layer.value)

    def as_plain(self) -> dict[str, Any]:
        """Return it as a value that JSON can hold."""
        return {"layer": self.layer.value, "owner": self.owner, "statement": self.statement}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A statement that denies. `ways_out` are what would have to be otherwise; one of them is enough."""

    layer: Layer
    reference: StatementReference
    ways_out: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Yield which statement denies, and what would have to be otherwise."""
        yield f"No longer be denied by {_place(self.layer, self.reference)}:"
        if not self.ways_out:
            yield "  it has no conditions, so the statement itself would have to change"
        for way in self.ways_out:
            yield f"  it would not apply {way}"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A statement that is there already, and would allow the request if these conditions were met."""

    layer: Layer
    reference: StatementReference
    unmet: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Yield which statement it is, and what it takes."""
        yield f"Or leave the {self.layer.value} as it is: {_place(self.layer, self.reference)} would allow it"
        yield from (f"  {one}" for one in self.unmet)


def _is_about_key(resource: str) -> bool:
    arn = parse_arn(resource)
    return arn is not None and arn.service == "kms" and arn.resource.startswith("key/")


def _place(layer: Layer, reference: StatementReference) -> str:
    """Return where a statement stands, in words."""
    sid = f" ({reference.sid})" if reference.sid else ""
    kind = "" if layer.value in reference.source else f" ({layer.value})"
    return f"statement {reference.index + 1}{sid} of {reference.source}{kind}"
