"""DecodeAuthorizationMessage: why a request was refused, for whoever may know.

The encoded message leads to the audit record of the refusal; what is told is read there.
Source: AWS STS API Reference, "DecodeAuthorizationMessage".
"""

import json
from collections.abc import Sequence
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.denials import DenialReference, reference_in
from strongroom.operations.registry import Answer, operation
from strongroom.operations.trail import AuditRecord, Explanation, Reason
from strongroom.policy.decision import Outcome, StatementReference
from strongroom.services.sts import errors
from strongroom.services.sts.access import on_account
from strongroom.services.sts.service import STS


async def _needs(call: Call) -> Sequence[Requirement]:
    return on_account(call, "sts:DecodeAuthorizationMessage")


@operation(STS, "DecodeAuthorizationMessage", needs=_needs, reads_only=True)
async def decode_authorization_message(call: Call) -> Answer:
    """Tell why a request of the caller's account was refused, as JSON."""
    reference = reference_in(call.params["EncodedMessage"], call.house.sealer)
    if reference is None or reference.account_id != call.account_id:
        raise errors.invalid_authorization_message()
    for record in await call.house.audit.find(reference.request_id):
        reason = record.reason
        if _is_about(record, reference) and reason is not None and reason.explanation is not None:
            return {"DecodedMessage": json.dumps(_decoded(record, reason, reason.explanation), separators=(",", ":"))}
    raise errors.invalid_authorization_message()


def _is_about(record: AuditRecord, reference: DenialReference) -> bool:
    return (record.identity.account_id, record.service, record.operation) == (
        reference.account_id,
        reference.service,
        reference.operation,
    )


def _decoded(record: AuditRecord, reason: Reason, asked: Explanation) -> dict[str, Any]:
    principal = {"id": record.identity.principal_id, "arn": record.identity.arn}
    if record.identity.username is not None:
        principal["name"] = record.identity.username
    conditions = [
        {"key": key, "values": _items({"value": each} for each in asked.context[key])} for key in asked.context
    ]
    resource = parse_arn(asked.resource)
    # What another account's policies say is not for this account to read.
    is_own = resource is None or resource.account_id in ("", record.identity.account_id)
    return {
        "allowed": False,
        "explicitDeny": reason.outcome == Outcome.EXPLICIT_DENY.value,
        "matchedStatements": _items(map(_statement, reason.statements) if is_own else ()),
        "failures": _items(()),
        "context": {
            "principal": principal,
            "action": asked.action,
            "resource": asked.resource,
            "conditions": _items(conditions),
        },
    }


def _items(values: Any) -> dict[str, list[Any]]:
    return {"items": list(values)}


def _statement(reference: StatementReference) -> dict[str, Any]:
    """Return a statement as AWS lists it, with the policy that it is in besides."""
    said = json.loads(reference.text) if reference.text else {}
    return {
        "statementId": reference.sid,
        "effect": "DENY",
        "policy": reference.source,
        "actions": _named(said, "Action"),
        "resources": _named(said, "Resource"),
        "principals": _named(said, "Principal"),
        "conditions": _conditions(said.get("Condition", {})),
    }


def _named(said: dict[str, Any], element: str) -> dict[str, list[Any]]:
    value = said.get(element, said.get(f"Not{element}", []))
    if isinstance(value, dict):
        value = [each for listed in value.values() for each in (listed if isinstance(listed, list) else [listed])]
    return _items({"value": each} for each in (value if isinstance(value, list) else [value]))


def _conditions(said: dict[str, dict[str, Any]]) -> dict[str, list[Any]]:
    return _items(
        {"operator": operator, "key": key, "values": _named({"Value": value}, "Value")}
        for operator, keys in said.items()
        for key, value in keys.items()
    )
