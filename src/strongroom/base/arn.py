"""Amazon Resource Names: `arn:partition:service:region:account-id:resource`.

Source: AWS General Reference, "Amazon Resource Names (ARNs)".
"""

from typing import NamedTuple


class Arn(NamedTuple):
    """The parts of an ARN. `resource` is all that follows the fifth colon (`key/1234`, `log-group:name:*`)."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def parse_arn(text: str) -> Arn | None:
    """Return the parts of `text`, or None when it is not an ARN. None holds U+0000, which no database would find."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5] or "\0" in text:
        return None
    return Arn(parts[1], parts[2], parts[3], parts[4], parts[5])


def partition_of(region: str) -> str:
    """Return the partition that a Region belongs to: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def root_arn(account_id: str, partition: str = "aws") -> str:
    """Return the ARN of an account's root principal."""
    return f"arn:{partition}:iam::{account_id}:root"
