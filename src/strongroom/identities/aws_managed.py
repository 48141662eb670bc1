"""The AWS managed policies that come with every account (`arn:aws:iam::aws:policy/...`).

They have the names, paths and ARNs that people attach; what they allow is said in `aws_managed_policies/`, one file a
policy, its folder being its path. They speak of the services served here, and of those that stand beside them. No
resource in them names a partition, so one document serves all. Source: AWS Managed Policy Reference Guide.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).with_name("aws_managed_policies")
_OWNER = ":iam::aws:policy/"
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")

WRITTEN_AT = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
"""When the policies got their present documents, in seconds since the epoch. Raise it with every change to one."""


@dataclass(frozen=True, slots=True)
class AwsManagedPolicy:
    """One AWS managed policy. `path` is such as `/` or `/service-role/`; `document` is JSON text.

    `policy_id` is the same in every account and at every start. There is one version of each, `v1`.
    """

    arn: str
    name: str
    path: str
    policy_id: str
    description: str
    document: str


def find(arn: str) -> AwsManagedPolicy | None:
    """Return the AWS managed policy with this ARN, in any partition, or None. Reads its file at first use."""
    start, owner, resource = arn.partition(_OWNER)
    partition = start.removeprefix("arn:")
    if not owner or start == partition or partition not in _PARTITIONS or resource not in _files():
        return None
    return _read(partition, resource)


def every(partition: str) -> Sequence[AwsManagedPolicy]:
    """Return all AWS managed policies with the ARNs of a partition (`aws`), in the order of their ARNs."""
    return [_read(partition, resource) for resource in _files()]


@cache
def _files() -> dict[str, Path]:
    """Path and name of every policy (`service-role/AWSLambdaRole`), and the file that says what it allows."""
    found = (
        (str(file.relative_to(_DIRECTORY).with_suffix("").as_posix()), file) for file in _DIRECTORY.rglob("*.json")
    )
    return dict(sorted(found))


@cache
def _read(partition: str, resource: str) -> AwsManagedPolicy:
    written = json.loads(_files()[resource].read_text(encoding="utf-8"))
    path, slash, name = resource.rpartition("/")
    digest = hashlib.sha256(resource.encode()).digest()
    return AwsManagedPolicy(
        arn=f"arn:{partition}{_OWNER}{resource}",
        name=name,
        path=f"/{path}{slash}",
        policy_id="ANPAI" + base64.b32encode(digest[:10]).decode("ascii"),
        description=written["description"],
        document=json.dumps(written["document"], indent=4),
    )
