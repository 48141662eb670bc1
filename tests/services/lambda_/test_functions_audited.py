"""What the audit trail tells of functions, under CloudTrail's names."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import ROLE, Functions, function_arn, with_functions
from tests.services.refusals import refused

from strongroom.operations.event_names import event_name, is_management
from strongroom.operations.trail import as_cloudtrail
from strongroom.services.cloudtrail.selectors import selector_of


async def _events(functions: Functions) -> list[dict[str, Any]]:
    now = functions.house.clock.now()
    records = await functions.house.house.audit.records(now - 3_600, now + 3_600)
    return [as_cloudtrail(each) for each in records if each.service == "lambda"]


def test_calls_are_recorded_with_their_resources(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make(Environment={"Variables": {"SECRET": "value"}})
        await functions("GetFunctionConfiguration", Qualifier="$LATEST")
        with refused("ResourceNotFoundException"):
            await functions("GetFunction", "nothing")
        made, found, missing = await _events(functions)
        assert [each["eventName"] for each in (made, found, missing)] == [
            "CreateFunction20150331",
            "GetFunctionConfiguration20150331v2",
            "GetFunction20150331v2",
        ]
        assert made["eventSource"] == "lambda.amazonaws.com"
        assert {each["ARN"] for each in made["resources"]} == {function_arn("hello"), ROLE}
        assert made["requestParameters"]["functionName"] == "hello"
        assert "value" not in str(made)
        assert found["resources"][0] == {
            "accountId": ACCOUNT,
            "type": "AWS::Lambda::Function",
            "ARN": function_arn("hello", "$LATEST"),
        }
        assert missing["errorCode"] == "ResourceNotFoundException"

    with_functions(tmp_path, body)


@pytest.mark.parametrize(
    ("operation", "name"),
    [("AddPermission", "AddPermission20150331v2"), ("Invoke", "Invoke"), ("GetFunctionConcurrency",) * 2],
)
def test_events_have_the_names_that_cloudtrail_gives_them(operation: str, name: str) -> None:
    assert event_name("lambda", operation) == name
    assert is_management("lambda", operation) is (operation != "Invoke")


def test_invocations_are_selected_by_function(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        await functions.make()
        await functions("GetFunctionConfiguration", Qualifier="$LATEST")
        now = functions.house.clock.now()
        records = await functions.house.house.audit.records(now - 3_600, now + 3_600)
        record = next(each for each in records if each.operation == "GetFunctionConfiguration")
        invoked = structs.replace(record, operation="Invoke")

        def selects(*values: str) -> bool:
            resources = [{"Type": "AWS::Lambda::Function", "Values": list(values)}]
            return selector_of({"EventSelectors": [{"DataResources": resources}]})(invoked)

        assert selects("arn:aws:lambda")
        assert selects(function_arn("other"), function_arn("hello"))
        assert not selects(function_arn("hell"))
        assert not selects()
        fields = [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
            {"Field": "resources.ARN", "StartsWith": [function_arn("hello")]},
        ]
        assert selector_of({"AdvancedEventSelectors": [{"FieldSelectors": fields}]})(invoked)

    with_functions(tmp_path, body)
