"""Secrets as calls see them: snapshots of what the database has, and how they are named.

Source: AWS Secrets Manager User Guide, "Concepts in Secrets Manager".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.crypto.random import random_bytes
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.trail import Resource
from strongroom.policy.policies import NamedPolicy
from strongroom.services.secretsmanager import errors

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
STRING, BINARY, EMPTY = "string", "binary", "empty"
RESOURCE_TYPE = "AWS::SecretsManager::Secret"
SUFFIX_CHARACTERS = 6

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_RESOURCE = "secret:"


class SecretId(NamedTuple):
    """What a request names a secret by. `arn` is there for a complete ARN, which no other secret has, ever."""

    account_id: str
    region: str
    name: str
    arn: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version of a secret with its encrypted value; `kind` is STRING or BINARY, `labels` are in order.

    A rotation begins with a version without a value: its kind is EMPTY.

    `context` is the encryption context of its data key, `place` is authenticated with its value.
    """

    version_id: str
    kind: str
    ciphertext: bytes
    data_key: bytes
    key_arn: str
    is_default_key: bool
    labels: tuple[str, ...]
    created: datetime
    context: Mapping[str, str]
    place: bytes

    @property
    def has_value(self) -> bool:
        """Whether there is a value: a version that a rotation has only begun with has none."""
        return self.kind != EMPTY


@dataclass(frozen=True, slots=True)
class Replica:
    """A Region that a secret is replicated to; `status` is InSync or Failed, `message` says why."""

    region: str
    kms_key_id: str | None
    status: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a secret is rotated, and by which function. Times are in seconds, of the next window."""

    enabled: bool
    function_arn: str | None
    rules: Mapping[str, Any]
    rotated_at: float | None
    begins_at: float | None
    ends_at: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """A secret, as it was when it was read. A change makes the caches forget it.

    `versions` are those with staging labels, by id; `stages` tells which version has which label. `rotation` is None
    until it is configured. `owning_service` is the id of the service that keeps it (`rds`), None for a user's own.
    Times are seconds since the epoch.
    """

    arn: str
    account_id: str
    region: str
    name: str
    description: str | None
    kms_key_id: str | None
    created_at: float
    changed_at: float
    deletion_at: float | None
    tags: Mapping[str, str]
    policy_text: str | None
    policy: NamedPolicy | None
    primary_region: str | None
    rotation: Rotation | None
    replicas: tuple[Replica, ...]
    versions: Mapping[str, Version]
    stages: Mapping[str, str]
    owning_service: str | None = None
    decisions: RememberedDecisions = field(default_factory=RememberedDecisions, repr=False)
    audited: Resource = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audited", Resource(self.arn, self.account_id, RESOURCE_TYPE))

    @property
    def is_replica(self) -> bool:
        """Whether it follows a secret in another Region."""
        return self.primary_region is not None and self.primary_region != self.region

    @property
    def stored_bytes(self) -> int:
        """How much memory its values take, roughly."""
        return sum(len(version.ciphertext) for version in self.versions.values())

    def must_not_wait_for_deletion(self) -> None:
        """Raise InvalidRequestException for a secret that is marked for deletion."""
        if self.deletion_at is not None:
            raise errors.marked_for_deletion()

    def must_be_changeable(self) -> None:
        """Raise InvalidRequestException for one marked for deletion, InvalidParameterException for a replica."""
        self.must_not_wait_for_deletion()
        if self.is_replica:
            raise errors.not_on_replica()


def secret_arn(account_id: str, region: str, resource: str) -> str:
    """Return an ARN; `resource` is a name with its suffix, or without it."""
    return f"arn:{partition_of(region)}:secretsmanager:{region}:{account_id}:{_RESOURCE}{resource}"


def arn_in(arn: str, region: str) -> str:
    """Return the ARN that the replica of a secret has in another Region."""
    parts = arn.split(":")
    parts[3] = region
    return ":".join(parts)


def new_arn(account_id: str, region: str, name: str) -> str:
    """Return the ARN of a new secret: its name and six random characters, so that it is never met again."""
    limit = 256 - 256 % len(_ALPHABET)
    suffix = ""
    while len(suffix) < SUFFIX_CHARACTERS:
        suffix += "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in random_bytes(8) if byte < limit)
    return secret_arn(account_id, region, f"{name}-{suffix[:SUFFIX_CHARACTERS]}")


def checked_name(name: str) -> str:
    """Return a name. Raises ValidationException for characters that names do not have."""
    if not _NAME.fullmatch(name):
        raise errors.invalid_name()
    return name


def read_secret_id(text: str, account_id: str, region: str) -> SecretId:
    """Return what a request means by a name, an ARN, or an ARN without the six random characters at its end.

    An ARN that ends in a hyphen and six characters is taken for a complete one. `account_id` and `region` are those
    that a name is looked up in. Raises ValidationException. Source: User Guide, "Finding a secret from a partial ARN".
    """
    if not text.startswith("arn:"):
        return SecretId(account_id, region, checked_name(text), None)
    arn = parse_arn(text)
    if arn is None or arn.service != "secretsmanager" or not arn.resource.startswith(_RESOURCE):
        raise errors.invalid_name()
    name = checked_name(arn.resource[len(_RESOURCE) :])
    stem, hyphen = name[: -SUFFIX_CHARACTERS - 1], name[-SUFFIX_CHARACTERS - 1 : -SUFFIX_CHARACTERS]
    if stem and hyphen == "-":
        return SecretId(arn.account_id, arn.region, stem, text)
    return SecretId(arn.account_id, arn.region, name, None)
