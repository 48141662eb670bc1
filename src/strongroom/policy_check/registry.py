"""All rules, in the order in which they look."""

from strongroom.policy_check.rule import Rule
from strongroom.policy_check.rules import (
    absent_keys,
    actions,
    applicability,
    breadth,
    condition_keys,
    condition_values,
    coverage,
    everyone,
    grammar,
    key_policies,
    service_principals,
    size,
    trust,
    version,
)

RULES: tuple[Rule, ...] = (
    *grammar.RULES,
    *version.RULES,
    *size.RULES,
    *actions.RULES,
    *condition_keys.RULES,
    *condition_values.RULES,
    *everyone.RULES,
    *breadth.RULES,
    *absent_keys.RULES,
    *service_principals.RULES,
    *key_policies.RULES,
    *trust.RULES,
    *coverage.RULES,
    *applicability.RULES,
)
