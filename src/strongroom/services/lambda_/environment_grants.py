"""The KMS grants by which a function's role decrypts its environment variables under a customer's key.

Lambda makes them with the caller's permission, and retires them, as the role, when they are of no use any more.
Source: AWS Lambda Developer Guide, "Securing Lambda environment variables"; AWS KMS Developer Guide, "Grants in AWS
KMS".
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.identities.directory import KnownIdentity
from strongroom.identities.identifiers import session_arn
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.environment import configuring, encryption_context, kms_as_role
from strongroom.services.lambda_.function_version import FunctionVersion, SealedVariables


async def grant_to_role(
    call: Call, function_arn: str, function_name: str, sealed: SealedVariables, role: KnownIdentity
) -> dict[str, Any] | None:
    """Let a function's role decrypt its variables, with the caller's permission to make grants; None if it may already.

    Returns the row to insert. The AWS managed key serves everybody in the account. Raises AwsError as Lambda does.
    """
    rows = await call.read(lambda connection: tables.grants_of(connection, function_arn))
    if any(row.key_arn == sealed.key_arn and row.role_id == role.unique_id for row in rows):
        return None
    grantee = session_arn(call.house.directory.partition, role.account_id, role.name, function_name)
    params = {
        "KeyId": sealed.key_arn,
        "GranteePrincipal": grantee,
        "Operations": ["Decrypt", "RetireGrant"],
        "Constraints": {"EncryptionContextEquals": encryption_context(function_arn)},
    }
    try:
        answer = await call.invoke("kms", "CreateGrant", params)
    except AwsError as error:
        raise configuring(error, "CreateGrant") from None
    return {
        "arn": function_arn,
        "key_arn": sealed.key_arn,
        "role_id": role.unique_id,
        "grant_id": answer["GrantId"],
    }


async def retire_grants(house: House, version: FunctionVersion, grants: Sequence[Any]) -> None:
    """Retire grants that nothing needs any more, as a function's role; `grants` are rows.

    One that cannot be retired (its key is disabled, the role is another by now) stays, and decrypts nothing: there is
    no ciphertext left for it.
    """
    for grant in grants:
        with contextlib.suppress(AwsError):
            await kms_as_role(house, version, "RetireGrant", {"KeyId": grant.key_arn, "GrantId": grant.grant_id})
