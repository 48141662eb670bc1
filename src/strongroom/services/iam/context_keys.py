"""Which condition keys policies ask for. Source: IAM API Reference, "GetContextKeysForPrincipalPolicy"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import Document
from strongroom.policy.statement import Statement
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.policy_source import on_policy_source, source_row
from strongroom.services.iam.service import IAM
from strongroom.services.iam.source_policies import SourcePolicy, policies_of, sent_policies
from strongroom.storage.connection import Connection

_VARIABLE = re.compile(r"\$\{([^{}$,']+)(,\s*'[^']*'\s*)?\}")


def keys_of(document: Document, statement: Statement) -> Iterator[str]:
    """Yield the keys that a statement needs to be decided: of its conditions, and its variables without a default."""
    for condition in statement.conditions:
        yield condition.key
    if document.has_variables:
        values = chain.from_iterable(condition.values for condition in statement.conditions)
        for text in chain(statement.resources, values):
            for variable in _VARIABLE.finditer(text):
                if ":" in variable.group(1) and variable.group(2) is None:
                    yield variable.group(1).strip()


def unique_keys(keys: Iterable[str]) -> list[str]:
    """Return keys in the order of their first appearance; their case does not tell them apart."""
    first: dict[str, str] = {}
    for key in keys:
        first.setdefault(key.lower(), key)
    return list(first.values())


def _answer(policies: Sequence[SourcePolicy]) -> Answer:
    asked = (
        key
        for policy in policies
        for statement in policy.document.statements
        for key in keys_of(policy.document, statement)
    )
    return {"ContextKeyNames": unique_keys(asked)}


@operation(
    IAM,
    "GetContextKeysForCustomPolicy",
    needs=account_wide("iam:GetContextKeysForCustomPolicy"),
    reads_only=True,
)
async def get_context_keys_for_custom_policy(call: Call) -> Answer:
    """List the condition keys of the policies sent. Source: IAM API Reference, GetContextKeysForCustomPolicy."""
    return _answer(sent_policies(call.params, "PolicyInputList"))


@operation(
    IAM,
    "GetContextKeysForPrincipalPolicy",
    needs=on_policy_source("iam:GetContextKeysForPrincipalPolicy"),
    reads_only=True,
)
async def get_context_keys_for_principal_policy(call: Call) -> Answer:
    """List the condition keys of all policies of a user, group or role, and of those sent.

    Source: IAM API Reference, GetContextKeysForPrincipalPolicy.
    """
    row = source_row(call)

    def read(connection: Connection) -> list[SourcePolicy]:
        return policies_of(connection, row)

    return _answer([*await call.read(read), *sent_policies(call.params, "PolicyInputList")])
