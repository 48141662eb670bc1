"""The outcome of an evaluation, and what brought it about."""

import enum
from dataclasses import dataclass, field

from strongroom.policy.policies import NamedPolicy
from strongroom.policy.statement import Statement
from strongroom.policy.wording import text_of


class Outcome(enum.Enum):
    """The three outcomes of the page "The difference between explicit and implicit denies"."""

    ALLOW = "Allow"
    EXPLICIT_DENY = "ExplicitDeny"
    IMPLICIT_DENY = "ImplicitDeny"


class Layer(enum.Enum):
    """The kinds of policy that take part, in AWS's words."""

    SERVICE_CONTROL = "service control policy"
    RESOURCE = "resource-based policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    ROOT = "account root"
    GRANT = "grant"

    @property
    def with_article(self) -> str:
        """The words for one policy of this kind."""
        return f"an {self.value}" if self.value[0] in "aeiou" else f"a {self.value}"


def verdict(outcome: Outcome, layer: Layer) -> str:
    """Return a decision as one sentence."""
    if outcome is Outcome.EXPLICIT_DENY:
        return f"Refused by an explicit deny in {layer.with_article}."
    if outcome is Outcome.IMPLICIT_DENY:
        return f"Refused by an implicit deny: no {layer.value} allows it."
    if layer is Layer.ROOT:
        return "Allowed: the root user may do everything in its own account that no policy denies."
    return f"Allowed by {layer.with_article}."


@dataclass(frozen=True, slots=True)
class StatementReference:
    """Where a statement stands: the policy's source name, its place counted from 0, its Sid (empty when none).

    `text` is the statement itself, as JSON.
    """

    source: str
    index: int
    sid: str
    text: str = field(default="", compare=False, repr=False)

    @classmethod
    def to(cls, policy: NamedPolicy, statement: Statement) -> "StatementReference":
        """Return the reference to a statement of a policy."""
        return cls(policy.source, statement.index, statement.sid, text_of(statement))


class Decision:
    """One decision.

    `layer` is the layer that decided: the one with the deciding statement, or for an implicit deny the one that had
    to allow and did not. `matched` are the deciding statements with their policies, none for an implicit deny and for
    the root user's own power. Immutable by convention, as it is made on every request.
    """

    __slots__ = ("allowed", "layer", "matched", "outcome")

    def __init__(
        self,
        outcome: Outcome,
        layer: Layer,
        matched: tuple[tuple[NamedPolicy, Statement], ...] = (),
    ) -> None:
        self.allowed = outcome is Outcome.ALLOW
        self.outcome = outcome
        self.layer = layer
        self.matched = matched

    @property
    def statements(self) -> tuple[StatementReference, ...]:
        """The deciding statements."""
        return tuple(StatementReference.to(policy, statement) for policy, statement in self.matched)

    def __repr__(self) -> str:
        return f"<{self.outcome.value} by {self.layer.value}: {list(self.statements)}>"
