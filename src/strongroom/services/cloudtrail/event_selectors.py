"""Event selectors are set and read. Source: AWS CloudTrail API Reference, PutEventSelectors, GetEventSelectors."""

from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.cloudtrail import errors, tables
from strongroom.services.cloudtrail.access import on_trail
from strongroom.services.cloudtrail.selectors import FIELDS, OPERATORS
from strongroom.services.cloudtrail.service import CLOUDTRAIL
from strongroom.services.cloudtrail.trails import target_trail, trail_to_change
from strongroom.storage.connection import Connection

SELECTORS_MAX = 5
DATA_RESOURCES_MAX = 250
FIELD_VALUES_MAX = 500
_DATA_PREFIXES: Mapping[str, str] = {
    "AWS::S3::Object": "arn:aws:s3",
    "AWS::Lambda::Function": "arn:aws:lambda",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb",
}
_EXCLUDABLE = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
_ONLY_EQUALS = frozenset({"eventCategory", "readOnly", "resources.type"})
_OF_MANAGEMENT = frozenset(
    {
        "eventCategory",
        "eventName",
        "eventSource",
        "eventType",
        "readOnly",
        "sessionCredentialFromConsole",
        "userIdentity.arn",
    }
)


@operation(
    CLOUDTRAIL, "GetEventSelectors", needs=on_trail("cloudtrail:GetEventSelectors", "TrailName"), reads_only=True
)
async def get_event_selectors(call: Call) -> Answer:
    """Return a trail's event selectors. Source: AWS CloudTrail API Reference, GetEventSelectors."""
    trail = target_trail(call)
    return {"TrailARN": trail.arn, **trail.selectors}


@operation(CLOUDTRAIL, "PutEventSelectors", needs=on_trail("cloudtrail:PutEventSelectors", "TrailName"))
async def put_event_selectors(call: Call) -> Answer:
    """Say which events a trail logs. Source: AWS CloudTrail API Reference, PutEventSelectors."""
    trail = trail_to_change(call)
    basic, advanced = call.params.get("EventSelectors"), call.params.get("AdvancedEventSelectors")
    if basic and advanced:
        raise errors.invalid_selectors("You can use either EventSelectors or AdvancedEventSelectors, but not both.")
    selectors: dict[str, Any]
    if basic:
        selectors = {"EventSelectors": _checked_basic(basic)}
    elif advanced:
        selectors = {"AdvancedEventSelectors": _checked_advanced(advanced)}
    else:
        raise errors.invalid_selectors("You must specify at least one event selector.")

    def write(connection: Connection) -> Answer:
        tables.update_trail(connection, trail.key, {"selectors": selectors})
        return {"TrailARN": trail.arn, **selectors}

    return await call.write(write)


def _checked_basic(selectors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return basic selectors whole. Raises InvalidEventSelectorsException."""
    if len(selectors) > SELECTORS_MAX:
        raise errors.invalid_selectors(f"A trail can have at most {SELECTORS_MAX} event selectors.")
    checked = []
    count = 0
    for selector in selectors:
        resources = [_data_resource(each) for each in selector.get("DataResources") or ()]
        count += sum(len(each["Values"]) for each in resources)
        excluded = list(selector.get("ExcludeManagementEventSources") or ())
        if not _EXCLUDABLE.issuperset(excluded):
            raise errors.invalid_selectors(
                "ExcludeManagementEventSources can hold kms.amazonaws.com and rdsdata.amazonaws.com only."
            )
        with_management = selector.get("IncludeManagementEvents", True)
        if excluded and not with_management:
            raise errors.invalid_selectors("ExcludeManagementEventSources needs IncludeManagementEvents to be true.")
        if not with_management and not resources:
            raise errors.invalid_selectors("An event selector must select management events or data resources.")
        checked.append(
            {
                "ReadWriteType": selector.get("ReadWriteType") or "All",
                "IncludeManagementEvents": with_management,
                "DataResources": resources,
                "ExcludeManagementEventSources": excluded,
            }
        )
    if count > DATA_RESOURCES_MAX:
        raise errors.invalid_selectors(f"A trail can have at most {DATA_RESOURCES_MAX} data resources.")
    return checked


def _data_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    kind, values = resource.get("Type") or "", list(resource.get("Values") or ())
    prefix = _DATA_PREFIXES.get(kind)
    if prefix is None:
        raise errors.invalid_selectors(f"The data resource type {kind} is not valid in an event selector.")
    for value in values:
        named = value.removeprefix(prefix)
        # A bucket is named with the slash behind it: without, the prefix would be that of other buckets' names too.
        is_whole = kind != "AWS::S3::Object" or named in ("", ":::") or (named.startswith(":::") and "/" in named)
        if not value.startswith(prefix) or not is_whole:
            raise errors.invalid_selectors(f"Value {value} for DataResources.Values is invalid.")
    return {"Type": kind, "Values": values}


def _checked_advanced(selectors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return advanced selectors as they are kept. Raises InvalidEventSelectorsException."""
    count = 0
    for selector in selectors:
        fields = {each["Field"]: each for each in selector["FieldSelectors"]}
        if len(fields) != len(selector["FieldSelectors"]):
            raise errors.invalid_selectors("A field can be used once in an advanced event selector.")
        for name, field in fields.items():
            if name not in FIELDS:
                raise errors.invalid_selectors(f"The field {name} is not valid in an advanced event selector.")
            used = [operator for operator in OPERATORS if field.get(operator)]
            if not used:
                raise errors.invalid_selectors(f"The field {name} needs an operator with values.")
            if name in _ONLY_EQUALS and used != ["Equals"]:
                raise errors.invalid_selectors(f"The field {name} can be used with the operator Equals only.")
            count += sum(len(field[operator]) for operator in used)
        _check_category(fields)
    if count > FIELD_VALUES_MAX:
        raise errors.invalid_selectors(
            f"A trail can have at most {FIELD_VALUES_MAX} values in advanced event selectors."
        )
    return [
        {name: selector[name] for name in ("Name", "FieldSelectors") if selector.get(name) is not None}
        for selector in selectors
    ]


def _check_category(fields: Mapping[str, Mapping[str, Any]]) -> None:
    category = fields.get("eventCategory", {}).get("Equals")
    if category == ["Management"]:
        if not _OF_MANAGEMENT.issuperset(fields):
            raise errors.invalid_selectors("A selector of management events cannot have fields of resources.")
        return
    if category == ["NetworkActivity"]:
        raise errors.invalid_selectors("Strongroom has no network activity events to log.")
    if category != ["Data"]:
        raise errors.invalid_selectors("An advanced event selector needs the field eventCategory: Management or Data.")
    if "resources.type" not in fields or len(fields["resources.type"]["Equals"]) != 1:
        raise errors.invalid_selectors("A selector of data events needs the field resources.type with one value.")


@operation(CLOUDTRAIL, "PutInsightSelectors", needs=on_trail("cloudtrail:PutInsightSelectors", "TrailName"))
async def put_insight_selectors(call: Call) -> Answer:
    """Refuse: nothing here looks for what is unusual. Source: AWS CloudTrail API Reference, PutInsightSelectors."""
    raise errors.unsupported("Strongroom does not serve CloudTrail Insights.")


@operation(
    CLOUDTRAIL, "GetInsightSelectors", needs=on_trail("cloudtrail:GetInsightSelectors", "TrailName"), reads_only=True
)
async def get_insight_selectors(call: Call) -> Answer:
    """Say that a trail has no insights. Source: AWS CloudTrail API Reference, GetInsightSelectors."""
    raise errors.no_insights(target_trail(call).key.name)
