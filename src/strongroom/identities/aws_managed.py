"""The AWS managed policies that come with every account (`arn:aws:iam::aws:policy/...`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AwsManagedPolicy:
    """One AWS managed policy. `path` is such as `/` or `/service-role/`; `document` is JSON text."""

    arn: str
    name: str
    path: str
    policy_id: str
    description: str
    document: str


def find(arn: str) -> AwsManagedPolicy | None:
    """Return the AWS managed policy with this ARN, in any partition, or None."""
    return None
