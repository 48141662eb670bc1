"""Puts a ready-made rotation function onto a server, as anybody would: through its API, with boto3.

Everything is made or brought up to date: doing it twice changes nothing.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.rotation_package import ReadyMade, package

NETWORK_TAG = "strongroom:network"
"""The tag that says which databases a function reaches: host:port, several apart by spaces."""

_MEMORY_MB = 256
_TIMEOUT_SECONDS = 60
_STATEMENT_ID = "SecretsManagerInvokes"
_LOGS = ["CreateLogGroup", "CreateLogStream", "PutLogEvents"]
_ROTATES = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is to be there. `network` are addresses that the function reaches, `kms_keys` the keys of its secrets."""

    function: ReadyMade
    name: str
    superuser_secrets: Sequence[str] = ()
    kms_keys: Sequence[str] = ()
    network: Sequence[str] = ()
    exclude_characters: str | None = None
    authority: Path | None = None


def install(session: Any, account_id: str, installation: Installation) -> str:
    """Make or update the function, its execution role and its permission, and return its ARN.

    `session` is a boto3 session. Raises what boto3 raises.
    """
    region = session.region_name
    function_arn = f"arn:aws:lambda:{region}:{account_id}:function:{installation.name}"
    role_arn = _make_role(session.client("iam"), installation, function_arn)
    functions = session.client("lambda")
    _make_function(functions, installation, role_arn, function_arn)
    _permit(functions, installation.name, account_id)
    return function_arn


def role_policy(installation: Installation, function_arn: str) -> dict[str, Any]:
    """Return what the function may do: rotate the secrets that name it as their rotation function, and log.

    Source: AWS Secrets Manager User Guide, "Lambda rotation function execution role permissions".
    """
    _, _, _, region, account_id, _, name = function_arn.split(":")
    own = {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": function_arn}}
    log_group = f"arn:aws:logs:{region}:{account_id}:log-group:/aws/lambda/{name}"
    statements: list[dict[str, Any]] = [
        _statement("RotateOwnSecrets", [f"secretsmanager:{action}" for action in _ROTATES], "*", own),
        _statement("MakePasswords", "secretsmanager:GetRandomPassword", "*"),
        _statement("Log", [f"logs:{action}" for action in _LOGS], [log_group, f"{log_group}:*"]),
    ]
    if installation.superuser_secrets:
        read = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        statements.append(_statement("ReadSuperuser", read, list(installation.superuser_secrets)))
        statements.append(_statement("FindManagedDatabase", "rds:DescribeDBInstances", "*"))
    if installation.kms_keys:
        via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}
        use = ["kms:Decrypt", "kms:GenerateDataKey"]
        statements.append(_statement("UseKeysOfSecrets", use, list(installation.kms_keys), via))
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(
    sid: str, action: str | list[str], resource: str | list[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition is not None else {})


def _make_role(iam: Any, installation: Installation, function_arn: str) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
    name = installation.name
    try:
        made = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(trust),
            Description=f"Strongroom's rotation function {installation.function.name}",
        )
    except iam.exceptions.EntityAlreadyExistsException:
        made = iam.get_role(RoleName=name)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    policy = json.dumps(role_policy(installation, function_arn))
    iam.put_role_policy(RoleName=name, PolicyName="rotation", PolicyDocument=policy)
    arn: str = made["Role"]["Arn"]
    return arn


def _make_function(functions: Any, installation: Installation, role_arn: str, function_arn: str) -> None:
    code = package(installation.function, installation.authority)
    environment = {}
    if installation.exclude_characters is not None:
        environment["EXCLUDE_CHARACTERS"] = installation.exclude_characters
    settings: dict[str, Any] = {
        "FunctionName": installation.name,
        "Role": role_arn,
        "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Handler": installation.function.handler,
        "Timeout": _TIMEOUT_SECONDS,
        "MemorySize": _MEMORY_MB,
        "Environment": {"Variables": environment},
        "Description": installation.function.summary,
    }
    tags = {NETWORK_TAG: " ".join(installation.network)} if installation.network else {}
    try:
        told = functions.get_function(FunctionName=installation.name)
    except functions.exceptions.ResourceNotFoundException:
        functions.create_function(**settings, Code={"ZipFile": code}, Tags=tags)
        functions.get_waiter("function_active_v2").wait(FunctionName=installation.name)
        return
    functions.update_function_configuration(**settings)
    functions.get_waiter("function_updated_v2").wait(FunctionName=installation.name)
    if told["Configuration"]["CodeSha256"] != base64.b64encode(hashlib.sha256(code).digest()).decode():
        functions.update_function_code(FunctionName=installation.name, ZipFile=code)
        functions.get_waiter("function_updated_v2").wait(FunctionName=installation.name)
    if tags:
        functions.tag_resource(Resource=function_arn, Tags=tags)
    elif NETWORK_TAG in told.get("Tags", {}):
        functions.untag_resource(Resource=function_arn, TagKeys=[NETWORK_TAG])


def _permit(functions: Any, name: str, account_id: str) -> None:
    """Let Secrets Manager call the function, for secrets of this account only."""
    try:
        functions.add_permission(
            FunctionName=name,
            StatementId=_STATEMENT_ID,
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
            SourceAccount=account_id,
        )
    except functions.exceptions.ResourceConflictException:
        return
