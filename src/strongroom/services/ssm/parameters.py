"""A parameter and its versions, as the operations see them and as answers show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.envelope.sealed import Sealer
from strongroom.identities.compiled import compiled
from strongroom.operations.decisions import RememberedDecisions
from strongroom.operations.trail import Resource
from strongroom.policy.document import PolicyKind
from strongroom.policy.policies import NamedPolicy
from strongroom.services.ssm.names import parameter_arn
from strongroom.services.ssm.tables import VALUE_PLACE

STRING, STRING_LIST, SECURE_STRING = "String", "StringList", "SecureString"
STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
RESOURCE_TYPE = "AWS::SSM::Parameter"

Details = dict[str, Any]
"""What a version is beside its value, as it is stored: see `Version`."""


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version of a parameter.

    `content` is the value in UTF-8, or of a SecureString what KMS made of it: a ciphertext in the standard tier, an
    envelope in the advanced one. `details` holds `tier`, `data_type`, `modified_by`, and where there are any `key_id`
    (as it was asked for), `key_arn`, `description`, `allowed_pattern` and `policies`.
    """

    number: int
    modified: datetime
    details: Mapping[str, Any]
    content: bytes = field(repr=False)

    @property
    def tier(self) -> str:
        """The tier that it was put in: Standard or Advanced."""
        tier: str = self.details["tier"]
        return tier


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A parameter with its current version, as it was when it was read."""

    parameter_id: str
    account_id: str
    region: str
    name: str
    type: str
    tier: str
    version: Version
    tags: Mapping[str, str]
    expires_at: float | None
    policy_id: str | None
    policy_text: str | None
    policy: NamedPolicy | None
    arn: str
    audited: Resource
    decisions: RememberedDecisions = field(default_factory=RememberedDecisions, repr=False)


def version_of(row: Any, sealer: Sealer) -> Version:
    """Return the version of a row, its content opened. Raises SealBroken."""
    place = VALUE_PLACE.format(parameter_id=row.parameter_id, version=row.version)
    return Version(row.version, as_datetime(row.modified_at), row.details, sealer.open(row.sealed, place))


def _without_content(row: Any) -> Version:
    return Version(row.version, as_datetime(row.modified_at), row.details, b"")


def parameter_of(row: Any, sealer: Sealer | None) -> Parameter:
    """Return the parameter of a row with its current version; without a sealer, of a row without the value.

    A stored resource policy that cannot be read any more denies everything. Raises SealBroken.
    """
    arn = parameter_arn(row.account_id, row.region, row.name)
    policy = None
    if row.resource_policy is not None:
        policy = NamedPolicy(f"resource policy of {arn}", compiled(row.resource_policy, PolicyKind.RESOURCE))
    return Parameter(
        parameter_id=row.parameter_id,
        account_id=row.account_id,
        region=row.region,
        name=row.name,
        type=row.type,
        tier=row.tier,
        version=version_of(row, sealer) if sealer is not None else _without_content(row),
        tags=row.tags,
        expires_at=row.expires_at,
        policy_id=row.resource_policy_id,
        policy_text=row.resource_policy,
        policy=policy,
        arn=arn,
        audited=Resource(arn, row.account_id, RESOURCE_TYPE),
    )


def with_value(parameter: Parameter, version: Version, value: str, selector: str | None = None) -> dict[str, Any]:
    """Return a version as GetParameter shows it. `selector` is the version or label that it was asked for by."""
    shown = {
        "Name": parameter.name,
        "Type": parameter.type,
        "Value": value,
        "Version": version.number,
        "LastModifiedDate": version.modified,
        "ARN": parameter.arn,
        "DataType": version.details["data_type"],
    }
    if selector is not None:
        shown["Selector"] = f":{selector}"
    return shown


def without_value(parameter: Parameter, version: Version) -> dict[str, Any]:
    """Return what DescribeParameters and GetParameterHistory have in common."""
    details = version.details
    shown: dict[str, Any] = {
        "Name": parameter.name,
        "Type": parameter.type,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": details["modified_by"],
        "Version": version.number,
        "Tier": details["tier"],
        "Policies": [
            {"PolicyText": one["text"], "PolicyType": one["type"], "PolicyStatus": one["status"]}
            for one in details.get("policies", ())
        ],
        "DataType": details["data_type"],
    }
    for member, name in (("KeyId", "key_id"), ("Description", "description"), ("AllowedPattern", "allowed_pattern")):
        if details.get(name):
            shown[member] = details[name]
    return shown
