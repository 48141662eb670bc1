"""Environment variables under KMS: which key, whose permissions, what is stored, and what a disabled key means."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import ROLE, Functions, allow, function_arn, make_role, with_functions
from tests.services.refusals import refused

from strongroom.base.errors import AwsError
from strongroom.model.service import service_model
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.environment import open_variables
from strongroom.services.lambda_.function_directory import resolve

SECRET = "a very secret value"
VARIABLES = {"PASSWORD": SECRET}
ENVIRONMENT = {"Variables": VARIABLES}


async def _key(functions: Functions) -> str:
    arn: str = (await functions.house.kms("CreateKey"))["KeyMetadata"]["Arn"]
    return arn


async def _opened(functions: Functions, qualifier: str = "") -> dict[str, str]:
    house = functions.house.house
    return await open_variables(house, await resolve(house, ACCOUNT, "us-east-1", "hello", qualifier))


async def _kms_calls(functions: Functions) -> list[Any]:
    now = functions.house.clock.now()
    records = await functions.house.house.audit.records(now - 3_600, now + 3_600)
    return [each for each in records if each.service == "kms" and each.via == "lambda"]


def test_variables_are_encrypted_for_their_function(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        made = await functions.make(Environment=ENVIRONMENT)
        assert made["Environment"] == ENVIRONMENT
        assert await _opened(functions) == VARIABLES
        calls = await _kms_calls(functions)
        assert [each.operation for each in calls] == ["Encrypt", "Decrypt"]
        context = {"aws:lambda:FunctionArn": function_arn("hello")}
        assert all(each.request["EncryptionContext"] == context for each in calls)
        assert calls[1].identity.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/hello"
        row = await functions.house.house.store.read(
            lambda connection: connection.execute(select(tables.VERSIONS)).one()
        )
        assert (
            SECRET.encode() not in bytes(row.variables) + bytes(row.variables_key) + json.dumps(row.settings).encode()
        )

    with_functions(tmp_path, body)


def test_who_may_not_decrypt_sees_why_and_the_function_starts_all_the_same(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        key = await _key(functions)
        maker = await functions.user("maker", allow("lambda:*", "iam:PassRole", "kms:Encrypt", "kms:CreateGrant"))
        made = await functions.make(KMSKeyArn=key, Environment=ENVIRONMENT, caller=maker)
        assert (made["KMSKeyArn"], made["Environment"]) == (key, ENVIRONMENT)
        seen = await functions("GetFunctionConfiguration", caller=maker)
        assert "Variables" not in seen["Environment"]
        assert seen["Environment"]["Error"]["ErrorCode"] == "AccessDeniedException"
        assert SECRET not in str(seen)
        assert (await functions("GetFunctionConfiguration"))["Environment"] == ENVIRONMENT
        # The role has no permission of its own: the grant that was made for it is what lets it decrypt.
        assert await _opened(functions) == VARIABLES
        grants = (await functions.house.kms("ListGrants", KeyId=key))["Grants"]
        assert [each["Operations"] for each in grants] == [["Decrypt", "RetireGrant"]]
        assert grants[0]["Constraints"] == {
            "EncryptionContextEquals": {"aws:lambda:FunctionArn": function_arn("hello")}
        }
        await functions("UpdateFunctionConfiguration", Environment={"Variables": {"OTHER": "x"}}, caller=maker)
        assert len((await functions.house.kms("ListGrants", KeyId=key))["Grants"]) == 1

    with_functions(tmp_path, body)


@pytest.mark.parametrize("lacking", ["kms:Encrypt", "kms:CreateGrant"])
def test_a_key_that_the_caller_may_not_use_is_refused(tmp_path: Path, lacking: str) -> None:
    async def body(functions: Functions) -> None:
        key = await _key(functions)
        others = {"kms:Encrypt", "kms:CreateGrant"} - {lacking}
        maker = await functions.user("maker", allow("lambda:*", "iam:PassRole", *others))
        with refused("AccessDeniedException"):
            await functions.make(KMSKeyArn=key, Environment=ENVIRONMENT, caller=maker)
        with refused("ResourceNotFoundException"):
            await functions("GetFunction")

    with_functions(tmp_path, body)


def test_the_state_of_the_key_is_told_in_lambdas_words(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        key = await _key(functions)
        await functions.make(KMSKeyArn=key, Environment=ENVIRONMENT)
        await functions.house.kms("DisableKey", KeyId=key)
        with pytest.raises(AwsError) as refusal:
            await _opened(functions)
        assert (refusal.value.code, refusal.value.status) == ("KMSDisabledException", 502)
        error = (await functions("GetFunctionConfiguration"))["Environment"]["Error"]
        assert error["ErrorCode"] == "DisabledException"
        with refused("InvalidParameterValueException"):
            await functions("UpdateFunctionConfiguration", Environment={"Variables": {"A1": "b"}})
        await functions.house.kms("EnableKey", KeyId=key)
        assert await _opened(functions) == VARIABLES
        await functions.house.kms("ScheduleKeyDeletion", KeyId=key)
        with pytest.raises(AwsError) as refusal:
            await _opened(functions)
        assert refusal.value.code == "KMSInvalidStateException"
        missing = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"
        with refused("InvalidParameterValueException"):
            await functions.make("other", KMSKeyArn=missing, Environment=ENVIRONMENT)

    with_functions(tmp_path, body)


def test_another_key_encrypts_the_variables_anew_and_versions_keep_theirs(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        first, second = await _key(functions), await _key(functions)
        await functions.make(KMSKeyArn=first, Environment=ENVIRONMENT, Publish=True)
        updated = await functions("UpdateFunctionConfiguration", KMSKeyArn=second)
        assert (updated["KMSKeyArn"], updated["Environment"]) == (second, ENVIRONMENT)
        await functions.house.kms("DisableKey", KeyId=first)
        assert await _opened(functions) == VARIABLES
        with pytest.raises(AwsError):
            await _opened(functions, "1")
        managed = await functions("UpdateFunctionConfiguration", KMSKeyArn="")
        assert "KMSKeyArn" not in managed
        await functions.house.kms("DisableKey", KeyId=second)
        assert await _opened(functions) == VARIABLES

    with_functions(tmp_path, body)


def test_a_role_that_is_made_anew_needs_to_be_told_again(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        key = await _key(functions)
        await functions.make(KMSKeyArn=key, Environment=ENVIRONMENT)
        await functions.house.call("iam", "DeleteRole", RoleName="execution")
        with pytest.raises(AwsError) as refusal:
            await _opened(functions)
        assert refusal.value.code == "KMSAccessDeniedException"
        await make_role(functions.house)
        with pytest.raises(AwsError):
            await _opened(functions)
        await functions("UpdateFunctionConfiguration", Role=ROLE)
        assert await _opened(functions) == VARIABLES

    with_functions(tmp_path, body)


def test_a_denied_variable_is_never_in_the_refusal_or_the_audit_trail(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        large = {"Variables": {"PASSWORD": SECRET, "LARGE": "x" * 4096}}
        with pytest.raises(AwsError) as refusal:
            await functions.make(Environment=large)
        assert SECRET not in str(refusal.value)
        await functions.make(Environment=ENVIRONMENT)
        await functions("GetFunction")
        await functions("ListFunctions", None)
        now = functions.house.clock.now()
        records = await functions.house.house.audit.records(now - 3_600, now + 3_600)
        assert {"CreateFunction", "GetFunction", "ListFunctions"} <= {each.operation for each in records}
        assert SECRET not in str([(each.request, each.answer, each.error_message) for each in records])

    with_functions(tmp_path, body)


def test_addresses_of_code_and_logs_are_not_in_the_audit_trail() -> None:
    operations = service_model("lambda").operations
    answer = {"Code": {"RepositoryType": "S3", "Location": "https://localhost/secret"}}
    assert operations["GetFunction"].redacted_answer(answer) == {"Code": {"RepositoryType": "S3"}}
    assert operations["Invoke"].redacted_answer({"StatusCode": 200, "LogResult": SECRET}) == {"StatusCode": 200}


def test_grants_are_retired_with_their_function(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        key = await _key(functions)
        await functions.make(KMSKeyArn=key, Environment=ENVIRONMENT)
        assert (await functions.house.kms("ListGrants", KeyId=key))["Grants"]
        await functions("DeleteFunction")
        assert (await functions.house.kms("ListGrants", KeyId=key))["Grants"] == []

    with_functions(tmp_path, body)
