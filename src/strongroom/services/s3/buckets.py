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
from strongroom.services.s3.account_block.tables import select_account_block
from strongroom.storage.connection import Connection

CACHED_BUCKETS_MAX = 10_000
ENABLED, SUSPENDED = "Enabled", "Suspended"
NULL_VERSION = "null"
_CACHE_PREFIX = "s3-bucket/"
_ACCOUNT_CACHE_PREFIX = "s3-account/"


def bucket_cache_name(name: str) -> str:
    """Return the name under which a change to a bucket is announced to the caches."""
    return _CACHE_PREFIX + name


def account_cache_name(account_id: str) -> str:
    """Return the name under which a change to what holds for all buckets of an account is announced to the caches."""
    return _ACCOUNT_CACHE_PREFIX + account_id


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """A bucket, as it was when it was read. `settings` are its configurations by name, as the API has them.

    `account_block` is the public access block of the account that owns it, None when that has none.
    """

    name: str
    account_id: str
    region: str
    arn: str
    created_at: float
    versioning: str
    policy_text: str | None
    policy: NamedPolicy | None
    settings: Mapping[str, Any]
    account_block: Mapping[str, bool] | None = None
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
            elif name.startswith(_ACCOUNT_CACHE_PREFIX):
                # It is rare: to read the other accounts' buckets once more costs less than to know which are whose.
                self._buckets.clear()
                self._changes_seen += 1

    async def find(self, name: str) -> Bucket:
        """Return a bucket by its name. Raises NoSuchBucket."""
        known = self._buckets.get(name)
        if known is not None:
            return known
        if "\x00" in name:
            raise errors.no_such_bucket(name)
        changes_seen = self._changes_seen
        bucket = await self._house.store.read(lambda connection: _load(connection, name))
        # What was read while a change came in may be stale: it serves this request, and is not kept.
        if changes_seen == self._changes_seen:
            if len(self._buckets) >= CACHED_BUCKETS_MAX:
                self._buckets.clear()
            self._buckets[name] = bucket
        return bucket


def _load(connection: Connection, name: str) -> Bucket:
    row = tables.select_bucket(connection, name)
    if row is None:
        raise errors.no_such_bucket(name)
    return as_bucket(row, select_account_block(connection, row.account_id))


def as_bucket(row: Any, account_block: Mapping[str, bool] | None = None) -> Bucket:
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
        account_block=account_block,
    )
