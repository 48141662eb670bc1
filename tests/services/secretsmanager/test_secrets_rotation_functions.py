"""Rotation by functions, as far as none has to run: who may, what is refused, the token that a function is given."""

import uuid
from pathlib import Path
from typing import Any

from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import Functions, allow, function_arn, with_functions
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import Keeper

from strongroom.services.secretsmanager.rotations import progress
from strongroom.services.secretsmanager.rotations.progress import ByItself, Holding
from strongroom.services.secretsmanager.rotations.steps import token_hash
from strongroom.services.secretsmanager.tables import select_secret
from strongroom.storage.connection import Connection

FUNCTION = function_arn("rotate")
LATER: dict[str, Any] = {"SecretId": "s", "RotateImmediately": False}
DAYS: dict[str, Any] = {"RotationLambdaARN": FUNCTION, "RotationRules": {"AutomaticallyAfterDays": 30}}
NOT_INVOCABLE = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the "
    "principal secretsmanager.amazonaws.com."
)


async def permit(functions: Functions, **conditions: str) -> None:
    """Let Secrets Manager invoke the function."""
    may = {"StatementId": str(uuid.uuid4()), "Action": "lambda:InvokeFunction"}
    principal = {"Principal": "secretsmanager.amazonaws.com"}
    await functions("AddPermission", "rotate", **may, **principal, **conditions)


def test_who_may_use_a_function(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        secrets = Keeper(functions.house)
        arn = (await secrets("CreateSecret", Name="s"))["ARN"]
        with refused("AccessDeniedException", NOT_INVOCABLE):
            await secrets("RotateSecret", **LATER, **DAYS)
        await functions.make("rotate")
        with refused("AccessDeniedException", NOT_INVOCABLE):
            await secrets("RotateSecret", **LATER, **DAYS)
        await permit(functions, SourceArn=arn + "-other", SourceAccount=ACCOUNT)
        with refused("AccessDeniedException", NOT_INVOCABLE):
            await secrets("RotateSecret", **LATER, **DAYS)
        await permit(functions, SourceArn=arn, SourceAccount=ACCOUNT)
        ann = await functions.user("ann", allow("secretsmanager:RotateSecret"))
        with refused("AccessDeniedException"):
            await secrets("RotateSecret", **LATER, **DAYS, caller=ann)
        assert "RotationEnabled" not in await secrets("DescribeSecret", SecretId="s")
        bob = await functions.user("bob", allow("secretsmanager:RotateSecret"), allow("lambda:InvokeFunction"))
        await secrets("RotateSecret", **LATER, **DAYS, caller=bob)
        described = await secrets("DescribeSecret", SecretId="s")
        assert described["RotationLambdaARN"] == FUNCTION
        # Who names no function needs no permission on it.
        await secrets("RotateSecret", **LATER, caller=ann)
        with refused("InvalidParameterException"):
            await secrets("RotateSecret", **LATER, RotationLambdaARN=FUNCTION, RotationRules={"Duration": "3h"})

    with_functions(tmp_path, body)


def test_a_test_of_a_configuration_needs_the_key(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        secrets = Keeper(functions.house)
        await functions.make("rotate")
        await permit(functions)
        await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=await secrets.key())
        may = allow("secretsmanager:RotateSecret"), allow("lambda:InvokeFunction")
        ann = await functions.user("ann", *may)
        with refused("AccessDeniedException", "Access to KMS is not allowed"):
            await secrets("RotateSecret", **LATER, **DAYS, caller=ann)
        assert "RotationEnabled" not in await secrets("DescribeSecret", SecretId="s")

    with_functions(tmp_path, body)


def test_what_is_pending_is_cleared_away_first(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        secrets = Keeper(functions.house)
        await functions.make("rotate")
        await permit(functions)
        await secrets("CreateSecret", Name="s", SecretString="x")
        put = await secrets("PutSecretValue", SecretId="s", SecretString="y", VersionStages=["AWSPENDING"])
        with refused("InvalidRequestException"):
            await secrets("CancelRotateSecret", SecretId="s")
        unfinished = "A previous rotation isn't complete. That rotation will be reattempted."
        for params in (LATER, {"SecretId": "s"}):
            with refused("InvalidRequestException", unfinished):
                await secrets("RotateSecret", **params, **DAYS)
        off = {"VersionStage": "AWSPENDING", "RemoveFromVersionId": put["VersionId"]}
        await secrets("UpdateSecretVersionStage", SecretId="s", **off)
        with refused("InvalidRequestException"):
            await secrets("RotateSecret", SecretId="s", **DAYS, ClientRequestToken=put["VersionId"])

    with_functions(tmp_path, body)


def test_only_the_function_at_work_has_the_rotation_token(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        secrets = Keeper(functions.house)
        made = await secrets("CreateSecret", Name="s", SecretString="x")
        house, version_id, token = functions.house.house, "v" * 36, str(uuid.uuid4())
        put = {"SecretId": "s", "SecretString": "y", "ClientRequestToken": version_id, "VersionStages": ["AWSPENDING"]}
        by = ByItself(house, functions.house.clock.now())

        def begin(connection: Connection) -> None:
            progress.begin(connection, by, select_secret(connection, made["ARN"]), version_id)
            holding = Holding(made["ARN"], version_id, "test")
            progress.claim(connection, by, holding, None, by.now + 60, token_hash(token))

        with refused("InvalidParameterException"):
            await secrets("PutSecretValue", **put, RotationToken=token)
        await house.store.write(begin, invalidates=("secrets/111122223333/s",))
        for wrong in (str(uuid.uuid4()), token[:-1] + "x"):
            with refused("InvalidParameterException"):
                await secrets("PutSecretValue", **put, RotationToken=wrong)
        with refused("InvalidParameterException"):
            await secrets("PutSecretValue", **put | {"ClientRequestToken": "w" * 36}, RotationToken=token)
        answer = await secrets("PutSecretValue", **put, RotationToken=token)
        assert answer["VersionStages"] == ["AWSPENDING"]
        assert await secrets.value("s", VersionStage="AWSPENDING") == "y"
        assert await secrets("PutSecretValue", **put, RotationToken=token) == answer
        with refused("ResourceExistsException"):
            await secrets("PutSecretValue", **put | {"SecretString": "z"})

    with_functions(tmp_path, body)
