"""Source credentials: imported, listed without what is secret of them, deleted. One for each type of server.

Source: AWS CodeBuild API Reference, ImportSourceCredentials, ListSourceCredentials, DeleteSourceCredentials,
SourceCredentialsInfo.
"""

import json
from collections.abc import Sequence
from typing import Any

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.authorize import ConditionValue, Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.access import account_wide
from strongroom.services.codebuild.service import CODEBUILD
from strongroom.services.codebuild.source_credentials import tables
from strongroom.storage.connection import Connection

BASIC_AUTH, PERSONAL_ACCESS_TOKEN, SECRETS_MANAGER = "BASIC_AUTH", "PERSONAL_ACCESS_TOKEN", "SECRETS_MANAGER"
BITBUCKET = "BITBUCKET"

TOKEN_CHARACTERS_MAX, USERNAME_CHARACTERS_MAX = 4_096, 256

_CONDITIONS = {"codebuild:authtype": "authType", "codebuild:servertype": "serverType"}


def _arn(call: Call, server_type: str) -> str:
    return f"arn:{partition_of(call.region)}:codebuild:{call.region}:{call.account_id}:token/{server_type.lower()}"


def is_secret_arn(text: str) -> bool:
    """Return whether a text is the ARN of a secret of Secrets Manager."""
    arn = parse_arn(text)
    return arn is not None and arn.service == "secretsmanager" and arn.resource.startswith("secret:")


def problem_of(auth_type: str, server_type: str, username: str, token: str) -> str:
    """Return what is wrong with a login, empty for nothing. Nothing of the token is told."""
    if auth_type == BASIC_AUTH and (server_type != BITBUCKET or not username):
        return "BASIC_AUTH is for Bitbucket, and needs a username"
    if auth_type not in {BASIC_AUTH, PERSONAL_ACCESS_TOKEN}:
        return "authType must be BASIC_AUTH or PERSONAL_ACCESS_TOKEN"
    if auth_type == PERSONAL_ACCESS_TOKEN and username:
        return "username is for BASIC_AUTH"
    if ":" in username or not username.isprintable() or len(username) > USERNAME_CHARACTERS_MAX:
        return "username is not valid"
    if not token or not token.isprintable() or len(token) > TOKEN_CHARACTERS_MAX:
        return "token is not valid"
    return ""


async def _needs_of_import(call: Call) -> Sequence[Requirement]:
    def condition(name: str) -> ConditionValue:
        member = _CONDITIONS.get(name)
        value: ConditionValue = call.params.get(member) if member is not None else None
        return value

    action = "codebuild:ImportSourceCredentials"
    return (Requirement(action=action, resource="*", account_id=call.account_id, conditions=condition),)


@operation(CODEBUILD, "ImportSourceCredentials", needs=_needs_of_import)
async def import_source_credentials(call: Call) -> Answer:
    """Keep the token for a type of server; the one that was there is replaced unless that is not wanted."""
    params = call.params
    server_type, auth_type = params["serverType"], params["authType"]
    values: dict[str, Any] = {
        "account_id": call.account_id,
        "region": call.region,
        "server_type": server_type,
        "auth_type": auth_type,
        "secret_arn": None,
        "sealed": None,
    }
    if auth_type == SECRETS_MANAGER:
        if not is_secret_arn(params["token"]) or params.get("username"):
            raise errors.invalid_input("Invalid token: it must be the ARN of a secret, without a username")
        values["secret_arn"] = params["token"]
    elif auth_type in {"OAUTH", "CODECONNECTIONS"}:
        raise errors.not_served(f"authType {auth_type}", "it takes a browser, and somebody who agrees in it.")
    else:
        username = params.get("username") or ""
        problem = problem_of(auth_type, server_type, username, params["token"])
        if problem:
            raise errors.invalid_input(f"Invalid source credentials: {problem}")
        login = json.dumps({"username": username, "token": params["token"]})
        values["sealed"] = call.house.sealer.seal(login.encode(), tables.LOGIN_PLACE.format(**values))

    def write(connection: Connection) -> Answer:
        there = tables.select_credentials(connection, call.account_id, call.region, server_type)
        if there is not None and params.get("shouldOverwrite") is False:
            raise errors.source_credentials_exist(server_type)
        tables.put_credentials(connection, values)
        return {"arn": _arn(call, server_type)}

    return await call.write(write)


@operation(CODEBUILD, "ListSourceCredentials", needs=account_wide("codebuild:ListSourceCredentials"), reads_only=True)
async def list_source_credentials(call: Call) -> Answer:
    """List source credentials by what is not secret of them."""
    rows = await call.read(lambda connection: tables.list_credentials(connection, call.account_id, call.region))
    found = []
    for row in rows:
        info = {"arn": _arn(call, row.server_type), "serverType": row.server_type, "authType": row.auth_type}
        found.append(info | ({"resource": row.secret_arn} if row.secret_arn else {}))
    return {"sourceCredentialsInfos": found}


@operation(CODEBUILD, "DeleteSourceCredentials", needs=account_wide("codebuild:DeleteSourceCredentials"))
async def delete_source_credentials(call: Call) -> Answer:
    """Forget the credentials of an ARN. Raises ResourceNotFoundException when there are none."""
    arn = call.params["arn"]
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "codebuild" or not parsed.resource.startswith("token/"):
        raise errors.invalid_input(f"Invalid source credentials ARN: {arn}")
    server_type = parsed.resource.removeprefix("token/").upper()

    def write(connection: Connection) -> Answer:
        is_own = arn == _arn(call, server_type)
        if not is_own or not tables.delete_credentials(connection, call.account_id, call.region, server_type):
            raise errors.not_found(f"Source credentials cannot be found: {arn}")
        return {"arn": arn}

    return await call.write(write)
