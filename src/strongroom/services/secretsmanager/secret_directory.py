"""Where secrets are found: by name, ARN or partial ARN; read from the database once, then kept until a change."""

from collections.abc import Sequence
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.policies import NamedPolicy
from strongroom.services.secretsmanager import tables
from strongroom.services.secretsmanager.secret import Replica, Rotation, Secret, SecretId, Version, read_secret_id
from strongroom.storage.connection import Connection

CACHED_SECRETS_MAX = 10_000
CACHED_BYTES_MAX = 64 * 1024 * 1024
_PREFIX = "secrets/"

Place = tuple[str, str, str]
"""Account, Region and name."""


def cache_name(account_id: str, name: str) -> str:
    """Return the name under which a change to a secret is announced to the caches, for every Region that has it."""
    return f"{_PREFIX}{account_id}/{name}"


class SecretDirectory:
    """The secrets of one house. Nothing here outlives a change to the secret, in this process or another."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._secrets: dict[Place, Secret] = {}
        self._regions: dict[str, set[str]] = {}
        self._bytes = 0
        self._changes_seen = 0
        house.store.subscribe(self._forget)

    def _forget(self, names: Sequence[str]) -> None:
        named = [name for name in names if name.startswith(_PREFIX)]
        if names and not named:
            return
        self._changes_seen += 1
        if not names:
            self._clear()
        for each in named:
            account_id, name = each[len(_PREFIX) :].split("/", 1)
            for region in self._regions.pop(each, ()):
                gone = self._secrets.pop((account_id, region, name), None)
                self._bytes -= gone.stored_bytes if gone is not None else 0

    def _clear(self) -> None:
        self._secrets.clear()
        self._regions.clear()
        self._bytes = 0

    def _keep(self, place: Place, secret: Secret) -> None:
        if len(self._secrets) >= CACHED_SECRETS_MAX or self._bytes >= CACHED_BYTES_MAX:
            self._clear()
        before = self._secrets.get(place)
        self._bytes += secret.stored_bytes - (before.stored_bytes if before is not None else 0)
        self._secrets[place] = secret
        self._regions.setdefault(cache_name(secret.account_id, secret.name), set()).add(secret.region)

    async def identify(self, call: Call, text: str) -> tuple[SecretId | None, Secret | None]:
        """Return the secret that a request names, None when there is none, and how it was named.

        For what is found at once by its name, how it was named is None. Raises ValidationException.
        """
        known = self._secrets.get((call.account_id, call.region, text))
        if known is not None and known.deletion_at is None:
            return None, known
        named = read_secret_id(text, call.account_id, call.region)
        return named, await self.find(named) if named.region == call.region else None

    async def find(self, named: SecretId) -> Secret | None:
        """Return a secret, or None. One whose recovery window has ended is gone, erased yet or not."""
        place = (named.account_id, named.region, named.name)
        secret = self._secrets.get(place)
        if secret is None:
            changes_seen = self._changes_seen
            secret = await self._house.store.read(lambda connection: load(connection, *place))
            if secret is None:
                return None
            # What was read may be stale when a change came in meanwhile: it serves this call, and is not kept.
            if changes_seen == self._changes_seen:
                self._keep(place, secret)
        if named.arn is not None and named.arn != secret.arn:
            return None
        if secret.deletion_at is not None and secret.deletion_at <= self._house.clock.now():
            return None
        return secret


def load(connection: Connection, account_id: str, region: str, name: str) -> Secret | None:
    """Return a secret as the database has it now, or None."""
    row = tables.select_named(connection, account_id, region, name)
    return secret_of(connection, row) if row is not None else None


def secret_of(connection: Connection, row: Any) -> Secret:
    """Return the secret of a row."""
    stages = tables.stages_of(connection, row.arn)
    replicas = tables.replicas_of(connection, row.arn) if row.primary_region is not None else ()
    versions = (version_of(each, stages) for each in tables.labelled_versions(connection, row.arn))
    return Secret(
        arn=row.arn,
        account_id=row.account_id,
        region=row.region,
        name=row.name,
        description=row.description,
        kms_key_id=row.kms_key_id,
        created_at=row.created_at,
        changed_at=row.changed_at,
        deletion_at=row.deletion_at,
        tags=row.tags or {},
        policy_text=row.policy,
        policy=_policy_of(row),
        primary_region=row.primary_region,
        rotation=rotation_of(row),
        replicas=tuple(Replica(each.region, each.kms_key_id, each.status, each.message) for each in replicas),
        versions={version.version_id: version for version in versions},
        stages=stages,
        owning_service=row.owning_service,
    )


def _policy_of(row: Any) -> NamedPolicy | None:
    if row.policy is None:
        return None
    return NamedPolicy(f"resource policy of {row.arn}", parse(row.policy, PolicyKind.RESOURCE))


def rotation_of(row: Any) -> Rotation | None:
    """Return how the secret of a row is rotated, or None."""
    if row.rotation_enabled is None:
        return None
    return Rotation(
        enabled=row.rotation_enabled,
        function_arn=row.rotation_function_arn,
        rules=row.rotation_rules or {},
        rotated_at=row.rotated_at,
        begins_at=row.rotation_begins_at,
        ends_at=row.rotation_ends_at,
    )


def version_of(row: Any, stages: dict[str, str]) -> Version:
    """Return the version of a row; `stages` are those of its secret."""
    return Version(
        version_id=row.version_id,
        created=as_datetime(row.created_at),
        kind=row.kind,
        ciphertext=row.ciphertext,
        data_key=row.data_key,
        key_arn=row.key_arn,
        is_default_key=row.is_default_key,
        labels=tuple(label for label, version_id in stages.items() if version_id == row.version_id),
        context=encryption_context(row.arn, row.version_id),
        place=place_of(row.arn, row.version_id, row.kind),
    )


def encryption_context(arn: str, version_id: str) -> dict[str, str]:
    """Return the encryption context of a version's data key. Source: User Guide, "Secret encryption and decryption"."""
    return {"SecretARN": arn, "SecretVersionId": version_id}


def place_of(arn: str, version_id: str, kind: str) -> bytes:
    """Return what is authenticated with a value: where it belongs, and whether it is text."""
    return f"{arn}\n{version_id}\n{kind}".encode()
