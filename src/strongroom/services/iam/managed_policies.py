"""Managed policies, customer managed and AWS managed alike: finding one by its ARN, and how answers show it.

Source: IAM User Guide, "Managed policies and inline policies"; IAM API Reference, "Policy".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.base.arn import Arn, parse_arn
from strongroom.base.clock import as_datetime
from strongroom.base.errors import AwsError
from strongroom.identities import aws_managed
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.callers import NO_TAGS
from strongroom.operations.registry import Needs
from strongroom.services.iam import errors
from strongroom.services.iam.access import on
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.tags import shown_tags
from strongroom.storage.connection import Connection

AWS_ACCOUNT = "aws"
"""The account in the ARNs of AWS managed policies."""

_RESOURCE_PREFIX = "policy/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """A managed policy as it was when it was read. `default_version` is the number of the version in force.

    Times are in seconds since the epoch. `document` is that of an AWS managed policy, which has one version; the
    documents of a customer managed one are rows of their own.
    """

    arn: str
    policy_id: str
    name: str
    path: str
    description: str | None
    created_at: float
    updated_at: float
    tags: Mapping[str, str]
    default_version: int
    newest_version: int
    document: str | None

    @property
    def is_aws_managed(self) -> bool:
        """Whether AWS manages it, so that nobody can change it."""
        return self.document is not None


def of_row(row: Any) -> ManagedPolicy:
    """Return the customer managed policy of a row."""
    return ManagedPolicy(
        arn=row.arn,
        policy_id=row.policy_id,
        name=row.name,
        path=row.path,
        description=row.description,
        created_at=row.created_at,
        updated_at=row.updated_at,
        tags=row.tags,
        default_version=row.default_version,
        newest_version=row.newest_version,
        document=None,
    )


def of_aws(policy: aws_managed.AwsManagedPolicy) -> ManagedPolicy:
    """Return an AWS managed policy."""
    return ManagedPolicy(
        arn=policy.arn,
        policy_id=policy.policy_id,
        name=policy.name,
        path=policy.path,
        description=policy.description,
        created_at=aws_managed.WRITTEN_AT,
        updated_at=aws_managed.WRITTEN_AT,
        tags=NO_TAGS,
        default_version=1,
        newest_version=1,
        document=policy.document,
    )


def policy_arn(text: str) -> Arn:
    """Return the parts of the ARN of a managed policy. Raises ValidationError for what is none."""
    arn = parse_arn(text)
    if arn is None:
        raise errors.validation("Invalid ARN:  Could not be parsed!")
    if arn.service != "iam" or arn.region or not arn.resource.startswith(_RESOURCE_PREFIX):
        raise errors.validation(f"ARN {text} is not valid.")
    return arn


def name_and_path(arn: str) -> tuple[str, str]:
    """Return name and path of the managed policy that an ARN is of: both are in it."""
    path, _, name = arn.split(":", 5)[5].removeprefix("policy").rpartition("/")
    return name, f"{path}/"


def select_managed_policy(connection: Connection, call: Call, text: str) -> ManagedPolicy | None:
    """Return the managed policy of this ARN that the caller's account may use, or None.

    Those are its own and the AWS managed ones of the partition. Raises ValidationError for what is no policy's ARN.
    """
    arn = policy_arn(text)
    if arn.partition != call.house.directory.partition:
        return None
    if arn.account_id == AWS_ACCOUNT:
        found = aws_managed.find(text)
        return of_aws(found) if found is not None else None
    row = tables.select_policy(connection, text) if arn.account_id == call.account_id else None
    return of_row(row) if row is not None else None


def on_policy(action: str) -> Needs:
    """Declare an operation on the managed policy that `PolicyArn` names; `call.target` is it, None if not there."""

    async def needs(call: Call) -> Sequence[Requirement]:
        text = call.params["PolicyArn"]
        policy = call.target = await call.read(lambda connection: select_managed_policy(connection, call, text))
        return (on(call, action, text, tags=policy.tags if policy is not None else NO_TAGS),)

    return needs


def found(call: Call) -> ManagedPolicy:
    """Return the policy that the call is about, as it was when permission was asked. Raises NoSuchEntity."""
    policy: ManagedPolicy | None = call.target
    if policy is None:
        raise errors.policy_not_found(call.params["PolicyArn"])
    return policy


def current(connection: Connection, call: Call) -> ManagedPolicy:
    """Return the customer managed policy that the call is about as it is now, for a change in this transaction.

    Raises NoSuchEntity, and AccessDenied for a policy of AWS or of another account, which nobody can change.
    """
    text = call.params["PolicyArn"]
    if policy_arn(text).account_id != call.account_id:
        raise AwsError("AccessDenied", "Policy is outside your own account.", 403)
    asked = found(call)
    policy = select_managed_policy(connection, call, text)
    # A policy of that name that was made since is another one: permission was given for the one with these tags.
    if policy is None or policy.policy_id != asked.policy_id:
        raise errors.policy_not_found(text)
    return policy


def shown_policy(
    policy: ManagedPolicy, attachments: int, boundaries: int, *, with_description: bool = False
) -> dict[str, Any]:
    """Return a policy as answers show it: used `attachments` times to give permissions, `boundaries` times as limit."""
    shown: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": True,
        "CreateDate": as_datetime(policy.created_at),
        "UpdateDate": as_datetime(policy.updated_at),
    }
    if with_description:
        if policy.description:
            shown["Description"] = policy.description
        shown["Tags"] = shown_tags(policy.tags)
    return shown
