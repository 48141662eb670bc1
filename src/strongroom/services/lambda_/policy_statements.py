"""Resource policies that are made of permissions: one statement each, added and taken away by its id.

Functions and layers have them. Source: AWS Lambda API Reference, AddPermission, AddLayerVersionPermission; recorded
answers.
"""

import json
import re
from typing import Any

from strongroom.base.arn import parse_arn, root_arn
from strongroom.identities.pinned_principals import UnknownPrincipal, pin, show
from strongroom.operations.call import Call
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.services.lambda_ import errors

Statement = dict[str, Any]

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|internal)", re.ASCII)


def empty_policy() -> str:
    """Return a policy without statements, to which one is added."""
    return _text([])


def _text(statements: list[Statement]) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"), ensure_ascii=True
    )


def statements_of(text: str | None) -> list[Statement]:
    """Return the statements of a policy as it is stored, none for none."""
    if text is None:
        return []
    statements: list[Statement] = json.loads(text)["Statement"]
    return statements


def principal_element(named: str, partition: str) -> Any:
    """Return the Principal of a statement: everybody, a service, an account, or an identity of one.

    Raises InvalidParameterValueException for what is none of these.
    """
    if named == "*":
        return "*"
    if _ACCOUNT.fullmatch(named):
        return {"AWS": root_arn(named, partition)}
    if _SERVICE.fullmatch(named):
        return {"Service": named}
    arn = parse_arn(named)
    if arn is None or arn.service not in ("iam", "sts") or not _ACCOUNT.fullmatch(arn.account_id):
        raise invalid_principal()
    return {"AWS": named}


def invalid_principal() -> Exception:
    """Return the refusal of a principal that nobody can be."""
    return errors.invalid_parameter("The provided principal was invalid. Please check the principal and try again.")


async def pinned(call: Call, statement: Statement) -> Statement:
    """Return a statement as it is stored: users and roles by their unique ids.

    Raises InvalidParameterValueException for a principal of this server that does not exist.
    """
    text = _text([statement])
    try:
        parse(text, PolicyKind.RESOURCE)
        return statements_of(await pin(text, call.house.directory, call.house.store))[0]
    except (UnknownPrincipal, PolicySyntaxError):
        raise invalid_principal() from None


async def shown(call: Call, text: str) -> str:
    """Return a stored policy as it is told, with the ids of principals that were deleted since."""
    return await show(text, call.house.directory)


def with_statement(text: str | None, statement: Statement, bytes_max: float) -> str:
    """Return a policy with one more statement.

    Raises ResourceConflictException when it has one of that id, and PolicyLengthExceededException.
    """
    statements = statements_of(text)
    if any(each["Sid"] == statement["Sid"] for each in statements):
        raise errors.conflict(
            f"The statement id ({statement['Sid']}) provided already exists. Please provide a new statement id, or "
            "remove the existing statement."
        )
    extended = _text([*statements, statement])
    if len(extended) > bytes_max:
        raise errors.policy_too_long(len(extended), int(bytes_max))
    return extended


def without_statement(text: str | None, statement_id: str) -> str | None:
    """Return a policy without a statement, None when nothing is left. Raises ResourceNotFoundException."""
    if text is None:
        raise errors.no_policy()
    statements = statements_of(text)
    left = [each for each in statements if each["Sid"] != statement_id]
    if len(left) == len(statements):
        raise errors.not_found(f"Statement {statement_id} is not found in resource policy.")
    return _text(left) if left else None


def as_json(statement: Statement) -> str:
    """Return a statement as an answer tells it."""
    return json.dumps(statement, separators=(",", ":"))
