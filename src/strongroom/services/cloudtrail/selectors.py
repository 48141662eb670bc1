"""Which events a trail logs: basic and advanced event selectors, asked of audit records.

Source: AWS CloudTrail API Reference, EventSelector, DataResource, AdvancedFieldSelector; AWS CloudTrail User Guide,
"Logging data events", "How CloudTrail evaluates multiple conditions for a field".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from strongroom.operations.event_names import LAMBDA_FUNCTION, S3_OBJECT, event_name, is_management
from strongroom.operations.trail import INTERNAL, AuditRecord

Selector = Callable[[AuditRecord], bool]

_S3_PREFIX = "arn:aws:s3:::"
_ALL_S3 = ("arn:aws:s3", _S3_PREFIX)
_ALL_FUNCTIONS = "arn:aws:lambda"
_WANTED = {"All": (True, False), "ReadOnly": (True,), "WriteOnly": (False,)}

Test = Callable[[str, Sequence[str]], bool]

_SELECT: Mapping[str, Test] = {
    "Equals": lambda value, given: value in given,
    "StartsWith": lambda value, given: value.startswith(tuple(given)),
    "EndsWith": lambda value, given: value.endswith(tuple(given)),
}
_DESELECT: Mapping[str, Test] = {
    "NotEquals": _SELECT["Equals"],
    "NotStartsWith": _SELECT["StartsWith"],
    "NotEndsWith": _SELECT["EndsWith"],
}
OPERATORS = (*_SELECT, *_DESELECT)


def selector_of(selectors: Mapping[str, Any]) -> Selector:
    """Return what says whether a trail with these selectors logs a record."""
    if selectors.get("AdvancedEventSelectors"):
        advanced = [_advanced(each["FieldSelectors"]) for each in selectors["AdvancedEventSelectors"]]
        return lambda record: any(selects(record) for selects in advanced)
    basic = [_basic(each) for each in selectors["EventSelectors"]]
    return lambda record: any(selects(record) for selects in basic)


def _basic(selector: Mapping[str, Any]) -> Selector:
    wanted = _WANTED[selector.get("ReadWriteType") or "All"]
    with_management = selector.get("IncludeManagementEvents", True)
    excluded = frozenset(selector.get("ExcludeManagementEventSources") or ())
    objects, functions = (
        [
            value
            for resource in selector.get("DataResources") or ()
            if resource.get("Type") == kind
            for value in resource.get("Values") or ()
        ]
        for kind in (S3_OBJECT, LAMBDA_FUNCTION)
    )

    def selects(record: AuditRecord) -> bool:
        if record.reads_only not in wanted:
            return False
        if is_management(record.service, record.operation):
            return bool(with_management) and record.event_source not in excluded
        if record.service == "lambda":
            return any(_covers_function(value, record) for value in functions)
        return record.service == "s3" and any(_covers(value, record) for value in objects)

    return selects


def _covers_function(value: str, record: AuditRecord) -> bool:
    """Whether an invocation is one of the function that a selector names, of any function where it names none."""
    return value == _ALL_FUNCTIONS or any(f"{each.arn}:".startswith(f"{value}:") for each in record.resources)


def _covers(value: str, record: AuditRecord) -> bool:
    if value in _ALL_S3:
        return True
    return any(arn.startswith(value) for arn in _object_arns(record))


def _object_arns(record: AuditRecord) -> Iterator[str]:
    """Yield what a data event is about, as selectors name it: what is done with a bucket has a prefix."""
    for resource in record.resources:
        if record.service != "s3" or "/" in resource.arn:
            yield resource.arn
        else:
            prefix = record.request.get("Prefix") if isinstance(record.request, Mapping) else None
            yield f"{resource.arn}/{prefix or ''}"


def _resource_types(record: AuditRecord) -> Iterator[str]:
    if is_management(record.service, record.operation):
        yield from (resource.type for resource in record.resources)
    elif record.service == "s3":
        # What lists the objects of a bucket is among them.
        yield S3_OBJECT
    elif record.service == "lambda":
        yield LAMBDA_FUNCTION


_FIELDS: Mapping[str, Callable[[AuditRecord], Iterator[str]]] = {
    "eventCategory": lambda record: iter(
        ("Management" if is_management(record.service, record.operation) else "Data",)
    ),
    "readOnly": lambda record: iter(("true" if record.reads_only else "false",)),
    "eventSource": lambda record: iter((record.event_source,)),
    "eventName": lambda record: iter((event_name(record.service, record.operation),)),
    "eventType": lambda record: iter(("AwsServiceEvent" if record.identity.type == INTERNAL else "AwsApiCall",)),
    "userIdentity.arn": lambda record: iter((record.identity.arn,) if record.identity.arn else ()),
    "sessionCredentialFromConsole": lambda record: iter(()),
    "resources.type": _resource_types,
    "resources.ARN": _object_arns,
}
FIELDS = frozenset(_FIELDS)


def _advanced(fields: Sequence[Mapping[str, Any]]) -> Selector:
    tests = [_field(each) for each in fields]
    return lambda record: all(test(record) for test in tests)


def _field(selector: Mapping[str, Any]) -> Selector:
    values_of = _FIELDS[selector["Field"]]
    wanted = [(test, selector[name]) for name, test in _SELECT.items() if selector.get(name)]
    unwanted = [(test, selector[name]) for name, test in _DESELECT.items() if selector.get(name)]

    def selects(record: AuditRecord) -> bool:
        values = tuple(values_of(record))
        if any(test(value, given) for test, given in unwanted for value in values):
            return False
        return not wanted or any(test(value, given) for test, given in wanted for value in values)

    return selects
