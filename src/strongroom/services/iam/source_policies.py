"""The policies that take part in a simulation: those of a user, group or role, and those that a request sends.

Source: IAM API Reference, "SimulatePrincipalPolicy", "PolicyIdentifier".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strongroom.identities import aws_managed
from strongroom.identities.accepted_policies import PolicyRefused, accepted_identity_policy
from strongroom.identities.compiled import compiled
from strongroom.identities.identifiers import USER
from strongroom.identities.policy_complaints import complaint
from strongroom.identities.tables import attached_policy_arns, default_document, groups_of, inline_policies
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.policies import NamedPolicy
from strongroom.policy.tokens import tokenize
from strongroom.policy.wildcards import compile_wildcards
from strongroom.services.iam import errors
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.managed_policies import name_and_path
from strongroom.services.iam.statement_positions import Position, statement_positions
from strongroom.storage.connection import Connection

POLICIES_MAX = 100
"""How many documents one request may send."""

INLINE, AWS_MANAGED, USER_MANAGED, BOUNDARY = "inline", "aws-managed", "user-managed", "permission-boundary"


@dataclass(frozen=True, eq=False, kw_only=True)
class SourcePolicy:
    """A policy with its text. `source_id` is how results name it.

    `type` is one of the four above, empty for what a request sent. `arn` is that of a managed policy; `name`,
    `holder_kind` and `holder_name` are those of an inline one.
    """

    source_id: str
    text: str
    document: Document
    type: str = ""
    arn: str = ""
    name: str = ""
    holder_kind: str = ""
    holder_name: str = ""

    @property
    def named(self) -> NamedPolicy:
        """The policy as the policy engine takes it."""
        return NamedPolicy(self.source_id, self.document)

    @cached_property
    def positions(self) -> Sequence[tuple[Position, Position]]:
        """Where its statements stand in its text: nowhere, for a stored document that cannot be read."""
        try:
            return statement_positions(self.text)
        except (ValueError, IndexError):
            return ()


def policies_of(connection: Connection, row: EntityRow) -> list[SourcePolicy]:
    """Return the policies of a user, group or role; those of a user's groups are among them."""
    holders = [row, *(groups_of(connection, row.unique_id) if row.kind == USER else ())]
    return [policy for holder in holders for policy in _policies_held(connection, holder)]


def _policies_held(connection: Connection, row: EntityRow) -> Iterator[SourcePolicy]:
    for each in inline_policies(connection, row.unique_id):
        yield SourcePolicy(
            source_id=f"{row.kind}_{row.name}_{each.name}",
            text=each.document,
            document=compiled(each.document),
            type=INLINE,
            name=each.name,
            holder_kind=row.kind,
            holder_name=row.name,
        )
    for arn in attached_policy_arns(connection, row.unique_id):
        yield managed_source_policy(connection, arn)


def managed_source_policy(connection: Connection, arn: str, *, as_boundary: bool = False) -> SourcePolicy:
    """Return the version in force of a managed policy; one that is not there denies everything, as it does for real."""
    of_aws = aws_managed.find(arn)
    text = of_aws.document if of_aws is not None else default_document(connection, arn) or ""
    kind = AWS_MANAGED if of_aws is not None else USER_MANAGED
    return SourcePolicy(
        source_id=name_and_path(arn)[0],
        text=text,
        document=compiled(text),
        type=BOUNDARY if as_boundary else kind,
        arn=arn,
    )


def sent_policies(params: Mapping[str, Any], member: str) -> list[SourcePolicy]:
    """Return the documents that a request sends in one of its lists. Raises InvalidInput."""
    texts: Sequence[str] = params.get(member) or ()
    if len(texts) > POLICIES_MAX:
        raise errors.invalid_input(f"{member} must have at most {POLICIES_MAX} policies.")
    return [sent_policy(text, f"{member}.{count}") for count, text in enumerate(texts, 1)]


def sent_policy(text: str, source_id: str, kind: PolicyKind = PolicyKind.IDENTITY) -> SourcePolicy:
    """Return a document that a request sends. Raises InvalidInput."""
    try:
        if kind is PolicyKind.IDENTITY:
            document = accepted_identity_policy(text)
        else:
            document = parse(text, kind, resource_required=False)
    except PolicyRefused as refusal:
        raise errors.invalid_input(f"{source_id}: {refusal}") from None
    except PolicySyntaxError as error:
        raise errors.invalid_input(f"{source_id}: {complaint(text, kind, str(error))}") from None
    return SourcePolicy(source_id=source_id, text=text, document=document)


def is_excluded(policy: SourcePolicy, identifiers: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a request leaves a policy out, by its type, its ARN, or its name and whose it is."""
    return any(_is_identified(policy, identifier) for identifier in identifiers)


def _is_identified(policy: SourcePolicy, identifier: Mapping[str, Any]) -> bool:
    if not identifier:
        return False
    inline = identifier.get("InlinePolicyIdentifier")
    if inline is not None and not (
        policy.type == INLINE
        and policy.name == inline["PolicyName"]
        and policy.holder_kind == inline["AttachmentType"]
        and _matches(inline["AttachmentName"], policy.holder_name)
    ):
        return False
    if "PolicyArn" in identifier and not (policy.arn and _matches(identifier["PolicyArn"], policy.arn)):
        return False
    return "PolicyType" not in identifier or policy.type == identifier["PolicyType"]


def _matches(pattern: str, text: str) -> bool:
    return compile_wildcards(tokenize(pattern, variables=False))(text)
