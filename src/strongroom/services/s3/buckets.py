"""A bucket as the operations see it, and where buckets are found: read from the database once, kept until a change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.base.arn import partition_of
from strongroom.identities.compiled import compiled
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.house import House
from strongroom.operations.trail import Resource
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.services.s3 import errors, tables

CACHED_BUCKETS_MAX = 10_000
ENABLED, SUSPENDED = "Enabled", "Suspended"
NULL_VERSION = "null"
_CACHE_PREFIX = "s3-bucket/"


def bucket_cache_name(name: str) -> str:
    """Return the name under which a change to a bucket is announced to the caches."""
    return _CACHE_PREFIX + name


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """A bucket, as it was when it was read. `settings` are its configurations by name, as the API has them."""

    name: str
    account_id: str
    region: str
    arn: str
    created_at: float
    versioning: str
    policy_text: str | None
    policy: NamedPolicy | None
    settings: Mapping[str, Any]
    decisions: RememberedDecisions = field(default_factory=RememberedDecisions, repr=False)
    audited: Resource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audited", Resource(self.arn, self.account_id, "AWS::S3::Bucket"))

    @property
    def keeps_versions(self) -> bool:
        """Whether what is overwritten or deleted stays as an older version."""
        return self.versioning == ENABLED

    def object_arn(self, key: str) -> str:
        """Return the ARN of an object in it."""
        return f"{self.arn}/{key}"


class BucketDirectory:
    """The buckets of one house. Nothing here outlives a change to the bucket, in this process or another."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._buckets: dict[str, Bucket] = {}
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        if not names:
            self._buckets.clear()
            self._changes_seen += 1
        for name in names:
            if name.startswith(_CACHE_PREFIX):
                self._buckets.pop(name[len(_CACHE_PREFIX) :], None)
                self._changes_seen += 1

    async def find(self, name: str) -> Bucket:
        """Return a bucket by its name. Raises NoSuchBucket."""
        known = self._buckets.get(name)
        if known is not None:
            return known
        if "\x00" in name:
            raise errors.no_such_bucket(name)
        changes_seen = self._changes_seen
        row = await self._house.store.read(lambda connection: tables.select_bucket(connection, name))
        if row is None:
            raise errors.no_such_bucket(name)
        bucket = as_bucket(row)
        # What was read while a change came in may be stale: it serves this request, and is not kept.
        if changes_seen == self._changes_seen:
            if len(self._buckets) >= CACHED_BUCKETS_MAX:
                self._buckets.clear()
            self._buckets[name] = bucket
        return bucket


def as_bucket(row: Any) -> Bucket:
    """Return the bucket of a row. A stored policy that cannot be read any more denies everything."""
    arn = f"arn:{partition_of(row.region)}:s3:::{row.name}"
    policy = None
    if row.policy is not None:
        policy = NamedPolicy(f"bucket policy of {arn}", compiled(row.policy, PolicyKind.RESOURCE))
    return Bucket(
        name=row.name,
        account_id=row.account_id,
        region=row.region,
        arn=arn,
        created_at=row.created_at,
        versioning=row.versioning,
        policy_text=row.policy,
        policy=policy,
        settings=row.settings,
    )
