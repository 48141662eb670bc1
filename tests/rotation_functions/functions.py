"""Functions on a running server, and the secrets that they rotate."""

import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.runners.contained import why_not
from tests.running_server import RunningServer, eventually

ACCOUNT = "000000000000"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ROTATION_SECONDS_MAX = 60.0


def must_be_contained() -> None:
    """Skip the test where functions cannot be run, or fail it in CI."""
    reason = why_not()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def make_function(
    server: RunningServer,
    name: str,
    code: str,
    *,
    statements: Sequence[Mapping[str, Any]] = (),
    tags: Mapping[str, str] | None = None,
) -> str:
    """Make a function of one module, its role and the permission to invoke it, and return its ARN."""
    iam, functions = server.client("iam"), server.client("lambda")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document([trust]))["Role"]["Arn"]
    logs = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_document([logs, *statements]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("module.py", code)
    functions.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=role,
        Handler="module.handler",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
        Tags=tags or {},
    )
    functions.add_permission(
        FunctionName=name,
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )
    return arn


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def rotates(function_arn: str) -> list[dict[str, Any]]:
    """Return the statements that every rotation function's role has."""
    actions = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    own = {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": function_arn}}
    named = [f"secretsmanager:{action}" for action in actions]
    return [
        {"Effect": "Allow", "Action": named, "Resource": "*", "Condition": own},
        {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"},
    ]


def rotate(server: RunningServer, secret_id: str, function_arn: str) -> dict[str, Any]:
    """Rotate a secret, wait until that is through, and return its values."""
    secrets = server.client("secretsmanager")
    before = secrets.get_secret_value(SecretId=secret_id)["VersionId"]
    rules = {"AutomaticallyAfterDays": 30}
    secrets.rotate_secret(SecretId=secret_id, RotationLambdaARN=function_arn, RotationRules=rules)

    def is_through() -> bool:
        stages = secrets.describe_secret(SecretId=secret_id)["VersionIdsToStages"]
        return "AWSCURRENT" not in stages.get(before, []) and not any("AWSPENDING" in has for has in stages.values())

    eventually(ROTATION_SECONDS_MAX, is_through)
    values: dict[str, Any] = json.loads(secrets.get_secret_value(SecretId=secret_id)["SecretString"])
    return values
