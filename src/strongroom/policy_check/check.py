"""Check one document: text in, findings out."""

from collections.abc import Iterator

from strongroom.policy.statement_syntax import PolicyKind
from strongroom.policy_check.finding import Finding, Flaw, Level, Place
from strongroom.policy_check.registry import RULES
from strongroom.policy_check.source import Node, Source, SourceError, line_starts, position
from strongroom.policy_check.subject import CheckedPolicy, read_policy

DOCUMENT_BYTES_MAX = 262_144


def check(text: str, kind: PolicyKind | None = None, *, service: str = "", account_id: str = "") -> tuple[Finding, ...]:
    """Return what is wrong with a policy document, in the order of the text.

    `kind` None means to guess it: with principals it is a resource policy, or a trust policy if all its actions assume
    roles. `service` is the service that a resource policy belongs to (`kms`, `s3`), `account_id` the account of what
    the policy is attached to; both sharpen some rules. The caller limits `text` to DOCUMENT_BYTES_MAX bytes.
    """
    try:
        source = Source(text)
    except SourceError as error:
        return (_not_json(text, error),)
    policy = read_policy(source, kind, service, account_id)
    found = [finding for rule in RULES for finding in _of_rule(policy, rule.id, rule.level, rule.look(policy))]
    return tuple(sorted(found, key=lambda finding: (finding.place.line, finding.place.column)))


def _not_json(text: str, error: SourceError) -> Finding:
    line, column = position(line_starts(text), error.offset)
    message = f"The document is not JSON: {error}."
    mend = "Look at this place, and just before it: a comma, a quote or a bracket is missing, or one too many."
    if not text.strip():
        message, mend = "The document is empty.", 'A policy is an object with the members "Version" and "Statement".'
    elif text.startswith("\ufeff"):
        message = "The document begins with a byte order mark, which is not JSON."
        mend = "Save it as UTF-8 without a byte order mark."
    return Finding("not-json", Level.ERROR, Place("", line, column), message, mend)


def _of_rule(policy: CheckedPolicy, rule: str, level: Level, flaws: Iterator[Flaw]) -> Iterator[Finding]:
    for flaw in flaws:
        yield Finding(rule, level, _place(policy, flaw.node), flaw.message, flaw.mend)


def _place(policy: CheckedPolicy, node: Node) -> Place:
    line, column = policy.source.position(node.offset)
    for statement in policy.statements:
        if statement.node.offset <= node.offset and node.end <= statement.node.end:
            return Place(node.pointer, line, column, statement.index, statement.sid)
    return Place(node.pointer, line, column)
