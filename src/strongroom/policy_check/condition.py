"""One condition of a statement, as rules look at it: the operator taken apart, every word with its place."""

from dataclasses import dataclass

from strongroom.policy.operators import OPERATORS
from strongroom.policy_check.source import Node

_SET_PREFIXES = ("ForAllValues:", "ForAnyValue:")
_IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True)
class Term:
    """A string of the document and its place."""

    text: str
    node: Node


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """One key under one operator. `base` is the operator without set prefix and `IfExists`; `key` is in lower case."""

    operator: str
    set_prefix: str
    base: str
    if_exists: bool
    name: str
    key: str
    node: Node
    values: tuple[Term, ...]

    @classmethod
    def of(cls, operator: str, name: str, node: Node) -> "CheckedCondition":
        """Take the operator apart. `node` is the value of the key `name`."""
        prefix = next((prefix for prefix in _SET_PREFIXES if operator.startswith(prefix)), "")
        base = operator.removeprefix(prefix).removesuffix(_IF_EXISTS)
        values = tuple(Term(value.text, value) for value in node.listed() if value.is_scalar)
        return cls(operator, prefix, base, operator.endswith(_IF_EXISTS), name, name.lower(), node, values)

    @property
    def negated(self) -> bool:
        """Whether the operator is met by values that do not match (StringNotEquals)."""
        known = OPERATORS.get(self.base)
        return known is not None and known.negated

    @property
    def is_null(self) -> bool:
        """Whether this is a test of presence."""
        return self.base == "Null"

    @property
    def texts(self) -> tuple[str, ...]:
        """The values of the policy."""
        return tuple(value.text for value in self.values)

    @property
    def met_when_absent(self) -> bool:
        """Whether a request without the key meets it."""
        if self.is_null:
            return "true" in {text.lower() for text in self.texts}
        return self.if_exists or self.set_prefix == "ForAllValues:" or (self.negated and not self.set_prefix)

    @property
    def requires_key(self) -> bool:
        """Whether only a request with the key can meet it."""
        if self.is_null:
            return {text.lower() for text in self.texts} == {"false"}
        return not self.met_when_absent
