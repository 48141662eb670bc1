"""A trail: what it is called, what it is set to, and where it stands.

Source: AWS CloudTrail API Reference, CreateTrail, Trail; AWS CloudTrail User Guide, "Naming requirements".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.call import Call
from strongroom.services.cloudtrail import errors

NAME_CHARACTERS_MIN, NAME_CHARACTERS_MAX = 3, 128
TRAILS_MAX = 5
_CHARACTERS = re.compile(r"[A-Za-z0-9._-]*")
_EDGE = re.compile(r"[A-Za-z0-9]")
_PERIODS = re.compile(r"[._-]{2}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")

SETTINGS = (
    "S3BucketName",
    "S3KeyPrefix",
    "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail",
    "LogFileValidationEnabled",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
    "KmsKeyId",
)

DEFAULT_SELECTORS: Mapping[str, Any] = {
    "EventSelectors": [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
}


class TrailName(NamedTuple):
    """The full name of a trail: account, home Region, name."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The trail's ARN."""
        return f"arn:{partition_of(self.region)}:cloudtrail:{self.region}:{self.account_id}:trail/{self.name}"


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail as it is stored. `batch` and `stop_batch` are positions in the audit trail."""

    key: TrailName
    settings: Mapping[str, Any]
    selectors: Mapping[str, Any]
    tags: Mapping[str, str]
    is_logging: bool
    batch: int
    stop_batch: int | None
    status: Mapping[str, Any]

    @property
    def arn(self) -> str:
        """The trail's ARN."""
        return self.key.arn

    @property
    def is_multi_region(self) -> bool:
        """Whether it logs the events of all Regions."""
        return bool(self.settings["IsMultiRegionTrail"])

    def shown(self) -> dict[str, Any]:
        """Return the members that tell what it is, as CreateTrail answers them."""
        settings = {name: self.settings[name] for name in SETTINGS if self.settings.get(name) is not None}
        return {"Name": self.key.name, "TrailARN": self.arn, "IsOrganizationTrail": False} | settings

    def described(self) -> dict[str, Any]:
        """Return it as DescribeTrails and GetTrail answer it."""
        return self.shown() | {
            "HomeRegion": self.key.region,
            "HasCustomEventSelectors": self.selectors != DEFAULT_SELECTORS,
            "HasInsightSelectors": False,
        }


def as_trail(row: Any) -> Trail:
    """Return a row as a trail."""
    return Trail(
        TrailName(row.account_id, row.home_region, row.name),
        row.settings,
        row.selectors,
        row.tags,
        row.is_logging,
        row.batch,
        row.stop_batch,
        row.status,
    )


def is_storable(name: str) -> bool:
    """Whether a name has no character that no trail's name has, and no database would look for."""
    return _CHARACTERS.fullmatch(name) is not None


def require_valid_name(name: str) -> None:
    """Raise InvalidTrailNameException for what no trail can be called."""
    if len(name) < NAME_CHARACTERS_MIN:
        raise errors.invalid_trail_name(
            f"Trail name too short. Minimum allowed length: {NAME_CHARACTERS_MIN} characters. Specified name length: "
            f"{len(name)} characters."
        )
    if len(name) > NAME_CHARACTERS_MAX:
        raise errors.invalid_trail_name(
            f"Trail name too long. Maximum allowed length: {NAME_CHARACTERS_MAX} characters. Specified name length: "
            f"{len(name)} characters."
        )
    if _CHARACTERS.fullmatch(name) is None:
        raise errors.invalid_trail_name(errors.NAME_CHARACTERS)
    if _EDGE.match(name) is None:
        raise errors.invalid_trail_name("Trail name must starts with a letter or number.")
    if _EDGE.match(name[-1]) is None:
        raise errors.invalid_trail_name("Trail name must ends with a letter or number.")
    if _PERIODS.search(name) is not None:
        raise errors.invalid_trail_name("Trail name can't have adjacent periods, hyphens or underscores.")
    if _IP_ADDRESS.fullmatch(name) is not None:
        raise errors.invalid_trail_name("Trail name can't be in IP address format.")


def trail_named(call: Call, given: str) -> TrailName:
    """Return the full name of the trail that a request names, by name in this Region or by ARN in any.

    Raises InvalidTrailNameException or CloudTrailARNInvalidException for what is neither.
    """
    if not given.startswith("arn:"):
        require_valid_name(given)
        return TrailName(call.account_id, call.region, given)
    arn = parse_arn(given)
    kind, _, name = arn.resource.partition("/") if arn is not None else ("", "", "")
    if arn is None or (arn.service, kind) != ("cloudtrail", "trail"):
        raise errors.invalid_trail_arn(given)
    if _ACCOUNT_ID.fullmatch(arn.account_id) is None or _REGION.fullmatch(arn.region) is None:
        raise errors.invalid_trail_arn(given)
    require_valid_name(name)
    full = TrailName(arn.account_id, arn.region, name)
    if full.arn != given:
        raise errors.invalid_trail_arn(given)
    return full


def target_trail(call: Call) -> Trail:
    """Return the trail that a call is about. Raises TrailNotFoundException."""
    name, trail = call.target
    if trail is None:
        raise errors.trail_not_found(name.arn, call.account_id)
    found: Trail = trail
    return found


def trail_to_change(call: Call) -> Trail:
    """Return the trail that a call changes. Raises TrailNotFoundException and InvalidHomeRegionException."""
    trail = target_trail(call)
    if trail.key.region != call.region:
        raise errors.wrong_home_region(trail.arn)
    return trail
