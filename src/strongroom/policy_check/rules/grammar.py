"""What the policy engine refuses: no such document can be attached to anything."""

from collections.abc import Iterator

from strongroom.policy.document import parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.finding import Flaw, Level
from strongroom.policy_check.rule import Rule
from strongroom.policy_check.source import Node
from strongroom.policy_check.statement import CheckedStatement
from strongroom.policy_check.subject import CheckedPolicy

_ELEMENTS = (
    "Effect",
    "Sid",
    "NotPrincipal",
    "Principal",
    "NotAction",
    "Action",
    "NotResource",
    "Resource",
    "Condition",
)
_HINTS = {
    "Effect": "Write Allow or Deny, with a capital letter.",
    "Principal": 'Write "*", an account id, or the ARN of one user or role: a principal never has wildcards.',
    "Sid": "Use letters and digits only, and each Sid once.",
    "Action": "Write actions as service:Name, or *.",
    "Resource": "Write a whole ARN (arn:partition:service:region:account:resource), or *.",
    "Condition": "Operators are written exactly as IAM does (StringEquals), and values are of the operator's type.",
}


def _not_json(_: CheckedPolicy) -> Iterator[Flaw]:
    """`check` yields this one itself: without JSON there is no document to look at."""
    return iter(())


def _document(policy: CheckedPolicy) -> Iterator[Flaw]:
    try:
        parse(policy.source.text, policy.kind, resource_required=policy.resource_required)
    except PolicySyntaxError as error:
        message = str(error)
        if message.startswith(("statement ", "two statements have the Sid")):
            return
        yield Flaw(_nearest(policy.root, message), _sentence(message), "See the grammar of the IAM policy language.")


def _statements(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.statements:
        if statement.fault and not _is_allow_not_principal(policy, statement):
            element = next((name for name in _ELEMENTS if name.lower() in statement.fault.lower()), "")
            node = _nearest(statement.node, statement.fault)
            if node is statement.node and element:
                node = statement.node.member(element) or node
            hint = _HINTS.get(element.removeprefix("Not"), "See the grammar of the IAM policy language.")
            yield Flaw(node, _sentence(statement.fault), hint)


def _allow_not_principal(policy: CheckedPolicy) -> Iterator[Flaw]:
    for statement in policy.statements:
        if _is_allow_not_principal(policy, statement):
            yield Flaw(
                statement.principal_node or statement.node,
                "NotPrincipal with Allow would let in everybody on earth but those named.",
                "Name with Principal whom you want to allow.",
            )


def _is_allow_not_principal(policy: CheckedPolicy, statement: CheckedStatement) -> bool:
    return statement.allows and statement.not_principal and policy.kind is not PolicyKind.IDENTITY


def _equal_sids(policy: CheckedPolicy) -> Iterator[Flaw]:
    seen: dict[str, int] = {}
    for statement in policy.statements:
        if statement.sid and statement.sid in seen:
            first = seen[statement.sid] + 1
            yield Flaw(
                statement.node.member("Sid") or statement.node,
                f"Statement {first} has the Sid {statement.sid!r} as well.",
                "Give each statement a Sid of its own, or none.",
            )
        seen.setdefault(statement.sid, statement.index)


def _nearest(node: Node, message: str) -> Node:
    """Return the value whose name, or itself, the engine's message quotes; the longest one; else `node`."""
    found, length = node, 0
    for child in node.walk():
        for name, member in child.members or ():
            if len(name) > length and (repr(name) in message or f" of {name}:" in message):
                found, length = member, len(name)
        if child.is_string and len(child.text) > length and repr(child.text) in message:
            found, length = child, len(child.text)
    return found


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + "."


RULES = (
    Rule("not-json", Level.ERROR, "The document is not JSON.", _not_json),
    Rule("not-a-policy", Level.ERROR, "The document as a whole is not a policy.", _document),
    Rule("malformed-statement", Level.ERROR, "A statement breaks the grammar of the policy language.", _statements),
    Rule("allow-not-principal", Level.ERROR, "An Allow with NotPrincipal.", _allow_not_principal),
    Rule("duplicate-sid", Level.ERROR, "Two statements have the same Sid.", _equal_sids),
)
