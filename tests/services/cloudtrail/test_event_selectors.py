"""Event selectors: which are taken, and which events they select."""

from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.cloudtrail.trailing import TRAIL_ARN, make_trail
from tests.services.refusals import refused

from strongroom.operations.trail import AuditRecord, Identity, Resource
from strongroom.services.cloudtrail.selectors import selector_of

S3_ALL = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}


def record(service: str, operation: str, *arns: str, reads: bool = False, **request: Any) -> AuditRecord:
    identity = Identity("IAMUser", "AIDA", f"arn:aws:iam::{ACCOUNT}:user/anna", ACCOUNT, "AKIA", "anna")
    resources = tuple(Resource(arn, ACCOUNT, "AWS::S3::Object" if "/" in arn else "AWS::S3::Bucket") for arn in arns)
    source = f"{service}.amazonaws.com"
    return AuditRecord(
        1, "id", service, source, operation, "us-east-1", identity, "", "", "", None, None, reads, request, None, None,
        None, resources, None, None,
    )  # fmt: skip


PUT = record("s3", "PutObject", "arn:aws:s3:::data/in/one")
GET = record("s3", "GetObject", "arn:aws:s3:::data/out/two", reads=True)
LIST = record("s3", "ListObjectsV2", "arn:aws:s3:::data", reads=True, Prefix="in/")
CREATE = record("kms", "CreateKey")
ENCRYPT = record("kms", "Encrypt", reads=True)
BUCKET = record("s3", "CreateBucket", "arn:aws:s3:::data")
EVERY = {"PUT": PUT, "GET": GET, "LIST": LIST, "CREATE": CREATE, "ENCRYPT": ENCRYPT, "BUCKET": BUCKET}


def selected(**selectors: Any) -> set[str]:
    selects = selector_of(selectors)
    return {name for name, each in EVERY.items() if selects(each)}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, {"CREATE", "ENCRYPT", "BUCKET"}),
        ({"ReadWriteType": "ReadOnly"}, {"ENCRYPT"}),
        ({"ReadWriteType": "WriteOnly"}, {"CREATE", "BUCKET"}),
        ({"ExcludeManagementEventSources": ["kms.amazonaws.com"]}, {"BUCKET"}),
        ({"IncludeManagementEvents": False, "DataResources": [S3_ALL]}, {"PUT", "GET", "LIST"}),
        ({"DataResources": [S3_ALL], "ReadWriteType": "WriteOnly"}, {"PUT", "CREATE", "BUCKET"}),
        (
            {
                "IncludeManagementEvents": False,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::data/in/"]}],
            },
            {"PUT", "LIST"},
        ),
        (
            {
                "IncludeManagementEvents": False,
                "DataResources": [
                    {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::dat/", "arn:aws:s3:::data/out"]}
                ],
            },
            {"GET"},
        ),
    ],
)
def test_basic(selector: dict[str, Any], expected: set[str]) -> None:
    assert selected(EventSelectors=[selector]) == expected


def fields(**named: dict[str, list[str]]) -> dict[str, Any]:
    return {"FieldSelectors": [{"Field": name.replace("__", "."), **value} for name, value in named.items()]}


DATA = {"eventCategory": {"Equals": ["Data"]}, "resources__type": {"Equals": ["AWS::S3::Object"]}}
MANAGEMENT = {"eventCategory": {"Equals": ["Management"]}}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (fields(**MANAGEMENT), {"CREATE", "ENCRYPT", "BUCKET"}),
        (fields(**MANAGEMENT, eventSource={"NotEquals": ["kms.amazonaws.com"]}), {"BUCKET"}),
        (fields(**MANAGEMENT, readOnly={"Equals": ["true"]}), {"ENCRYPT"}),
        (fields(**DATA), {"PUT", "GET", "LIST"}),
        (fields(**DATA, eventName={"StartsWith": ["Put", "List"]}), {"PUT", "LIST"}),
        (fields(**DATA, eventName={"Equals": ["ListObjects"]}), {"LIST"}),
        (
            fields(**DATA, resources__ARN={"StartsWith": ["arn:aws:s3:::data/"], "NotEndsWith": ["two"]}),
            {"PUT", "LIST"},
        ),
        (fields(**DATA, eventName={"Equals": ["PutObject"], "EndsWith": ["tObject"]}), {"PUT", "GET"}),
        (fields(**DATA, userIdentity__arn={"NotEndsWith": ["/anna"]}), set()),
    ],
)
def test_advanced(selector: dict[str, Any], expected: set[str]) -> None:
    assert selected(AdvancedEventSelectors=[selector]) == expected


REFUSED: list[dict[str, Any]] = [
    {},
    {"EventSelectors": [{}], "AdvancedEventSelectors": [fields(**MANAGEMENT)]},
    {"EventSelectors": [{}] * 6},
    {"EventSelectors": [{"IncludeManagementEvents": False}]},
    {"EventSelectors": [{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}]},
    {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Bucket", "Values": ["arn:aws:s3"]}]}]},
    {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::data"]}]}]},
    {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["data/"]}]}]},
    {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::d/"] * 251}]}]},
    {"AdvancedEventSelectors": [fields(eventName={"Equals": ["x"]})]},
    {"AdvancedEventSelectors": [fields(eventCategory={"Equals": ["NetworkActivity"]})]},
    {"AdvancedEventSelectors": [fields(eventCategory={"Equals": ["Data"]})]},
    {"AdvancedEventSelectors": [fields(**DATA, readOnly={"NotEquals": ["true"]})]},
    {"AdvancedEventSelectors": [fields(**DATA, unknown={"Equals": ["true"]})]},
    {"AdvancedEventSelectors": [fields(**DATA, eventName={})]},
    {"AdvancedEventSelectors": [fields(**MANAGEMENT, resources__ARN={"Equals": ["x"]})]},
]


def test_what_is_refused(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        for params in REFUSED:
            with refused("InvalidEventSelectorsException"):
                await house.call("cloudtrail", "PutEventSelectors", TrailName="management", **params)

    in_house(body)


def test_put_and_get(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await make_trail(house)
        whole = {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
        got = await house.call("cloudtrail", "GetEventSelectors", TrailName="management")
        assert got == {"TrailARN": TRAIL_ARN, "EventSelectors": [whole]}
        advanced = [{"Name": "all of S3", **fields(**DATA)}]
        put = await house.call(
            "cloudtrail", "PutEventSelectors", TrailName="management", AdvancedEventSelectors=advanced
        )
        assert put == {"TrailARN": TRAIL_ARN, "AdvancedEventSelectors": advanced}
        assert await house.call("cloudtrail", "GetEventSelectors", TrailName=TRAIL_ARN) == put
        assert (await house.call("cloudtrail", "GetTrail", Name="management"))["Trail"]["HasCustomEventSelectors"]
        put = await house.call("cloudtrail", "PutEventSelectors", TrailName="management", EventSelectors=[{}])
        assert put["EventSelectors"] == [whole]

    in_house(body)
