"""Functions as calls see them: what is common to their versions, and what leads to one of them.

Source: AWS Lambda Developer Guide, "Lambda concepts", "Create an alias for a Lambda function", "Resource-based IAM
policies in Lambda".
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.trail import Resource
from strongroom.policy.policies import NamedPolicy
from strongroom.services.lambda_.function_name import LATEST, is_number
from strongroom.services.lambda_.function_version import RESOURCE_TYPE, FunctionVersion


class Alias(NamedTuple):
    """A name for a version, or for two that share the invocations: `weights` are those of further versions."""

    name: str
    number: int
    description: str
    weights: Mapping[str, float]
    revision_id: str

    def choose(self) -> int:
        """Return the number of the version that takes the next invocation."""
        left = secrets.SystemRandom().random() if self.weights else 1.0
        for number, weight in self.weights.items():
            left -= weight
            if left < 0:
                return int(number)
        return self.number


class FunctionPolicy(NamedTuple):
    """A resource policy as it is stored, and as the policy engine asks it."""

    text: str
    policy: NamedPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function, as it was when it was read. A change to it or to one of its versions makes the caches forget it.

    `policies` and `event_invoke_configs` are by qualifier: empty (policies) or `$LATEST` (configurations) for the
    function itself. `versions` are those that were asked for, by number; FunctionDirectory fills it.
    """

    arn: str
    account_id: str
    region: str
    name: str
    created_at: float
    last_number: int
    reserved_concurrency: int | None
    recursive_loop: str
    tags: Mapping[str, str]
    latest: FunctionVersion
    aliases: Mapping[str, Alias]
    policies: Mapping[str, FunctionPolicy]
    event_invoke_configs: Mapping[str, Mapping[str, Any]]
    versions: dict[int, FunctionVersion] = field(default_factory=dict, repr=False)
    decisions: dict[str, RememberedDecisions] = field(default_factory=dict, repr=False)

    def policy_of(self, qualifier: str) -> NamedPolicy | None:
        """Return the resource policy for what a qualifier names, or None."""
        found = self.policies.get("" if qualifier == LATEST else qualifier)
        return found.policy if found is not None else None

    def decisions_of(self, qualifier: str) -> RememberedDecisions | None:
        """Return where decisions about what a qualifier names are remembered, None for what nobody is known to have."""
        known = not qualifier or qualifier == LATEST or qualifier in self.aliases
        if not known and not (is_number(qualifier) and int(qualifier) in self.versions):
            return None
        return self.decisions.setdefault(qualifier, RememberedDecisions())

    def audited(self, qualified_arn: str) -> Resource:
        """Return how the audit trail lists it."""
        return Resource(qualified_arn, self.account_id, RESOURCE_TYPE)
