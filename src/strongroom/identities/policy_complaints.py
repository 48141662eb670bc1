"""What IAM and STS say about a policy document that they do not accept, in AWS's words as far as AWS has any.

Source: answers of AWS; IAM User Guide, "Grammar of the IAM JSON policy language".
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from strongroom.identities.policy_resources import resource_complaint
from strongroom.policy.document import PolicyKind
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.principal_element import parse_principal

_VENDOR = re.compile(r"[A-Za-z0-9.*?-]*")


def complaint(text: str, kind: PolicyKind, reason: str) -> str:
    """Return the message for a document that is no policy of its kind.

    `reason` is what the parser said: it is told where AWS only says that there are syntax errors.
    """
    general = f"Syntax errors in policy. ({reason})"
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return "This policy contains invalid Json" if kind is PolicyKind.TRUST else general
    if not isinstance(tree, dict) or kind is PolicyKind.RESOURCE:
        return general
    listed = tree.get("Statement")
    statements = [each for each in (listed if isinstance(listed, list) else [listed]) if isinstance(each, dict)]
    complaints = _trust_complaints if kind is PolicyKind.TRUST else _identity_complaints
    for statement in statements:
        for complaint in complaints(statement):
            return complaint
    sids = [sid for statement in statements if isinstance(sid := statement.get("Sid"), str) and sid]
    if len(set(sids)) != len(sids):
        return "Statement IDs (SID) in a single policy must be unique."
    return general


def _identity_complaints(statement: dict[str, Any]) -> Iterator[str]:
    if "Principal" in statement or "NotPrincipal" in statement:
        yield "Policy document should not specify a principal."
    actions = _texts(statement, "Action")
    if actions == []:
        yield "Policy statement must contain actions."
    for action in actions or ():
        yield from _action_complaints(action)
    resources = _texts(statement, "Resource")
    if resources == []:
        yield "Policy statement must contain resources."
    for resource in resources or ():
        wrong = resource_complaint(resource)
        if wrong is not None:
            yield wrong


def _trust_complaints(statement: dict[str, Any]) -> Iterator[str]:
    for prohibited in ("Resource", "NotResource"):
        if prohibited in statement:
            yield f"Has prohibited field {prohibited}"
    if "Principal" not in statement:
        yield "Missing required field Principal"
    if _texts(statement, "Action") == []:
        yield "Missing required field Action"
    yield from _principal_complaints(statement.get("Principal"))
    for action in _texts(statement, "Action") or ():
        yield from _action_complaints(action)
        if not action.lower().startswith("sts:"):
            yield "AssumeRole policy may only specify STS AssumeRole actions."


def _principal_complaints(principal: object) -> Iterator[str]:
    if not isinstance(principal, dict):
        return
    for kind, named in principal.items():
        for name in named if isinstance(named, list) else [named]:
            try:
                parse_principal({kind: name}, negated=False)
            except PolicySyntaxError:
                yield f'Invalid principal in policy: "{kind}":"{name}"'


def _action_complaints(action: str) -> Iterator[str]:
    colons = action.count(":")
    if action != "*" and not colons:
        yield "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if colons > 1:
        yield "Actions/Condition can contain only one colon."
    vendor = action.partition(":")[0]
    if not _VENDOR.fullmatch(vendor):
        yield f"Vendor {vendor} is not valid"


def _texts(statement: dict[str, Any], name: str) -> list[str] | None:
    """Return the texts of an element or of its `Not` form, none of them when neither is there; None: they are odd."""
    value = statement.get(name, statement.get(f"Not{name}", []))
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(text, str) for text in values) else None
