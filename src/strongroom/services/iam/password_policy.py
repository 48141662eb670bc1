"""The account's password policy: kept and shown, for whoever manages or audits it.

It limits nothing, since nobody has a password here. Source: IAM User Guide, "Set an account password policy for IAM
users"; IAM API Reference, "PasswordPolicy".
"""

from typing import Any

from strongroom.identities.tables import select_account
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.change import change_account
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

_DEFAULTS: dict[str, Any] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
    "HardExpiry": False,
}


def _select_policy(connection: Connection, call: Call) -> dict[str, Any] | None:
    row = select_account(connection, call.account_id)
    return None if row is None else row.password_policy


@operation(IAM, "UpdateAccountPasswordPolicy", needs=account_wide("iam:UpdateAccountPasswordPolicy"))
async def update_account_password_policy(call: Call) -> Answer:
    """Put a password policy in place of another; what is not given gets its default.

    Source: IAM API Reference, UpdateAccountPasswordPolicy.
    """
    policy = _DEFAULTS | call.params

    def change(connection: Connection) -> Answer:
        tables.update_password_policy(connection, call.account_id, policy)
        return {}

    return await change_account(call, change)


@operation(IAM, "GetAccountPasswordPolicy", needs=account_wide("iam:GetAccountPasswordPolicy"), reads_only=True)
async def get_account_password_policy(call: Call) -> Answer:
    """Show the password policy. Source: IAM API Reference, GetAccountPasswordPolicy."""
    policy = await call.read(lambda connection: _select_policy(connection, call))
    if policy is None:
        raise errors.no_such_entity(f"The Password Policy with domain name {call.account_id} cannot be found.")
    return {"PasswordPolicy": {**policy, "ExpirePasswords": "MaxPasswordAge" in policy}}


@operation(IAM, "DeleteAccountPasswordPolicy", needs=account_wide("iam:DeleteAccountPasswordPolicy"))
async def delete_account_password_policy(call: Call) -> Answer:
    """Take the password policy away. Source: IAM API Reference, DeleteAccountPasswordPolicy."""

    def change(connection: Connection) -> Answer:
        if _select_policy(connection, call) is None:
            raise errors.no_such_entity("The account policy with name PasswordPolicy cannot be found.")
        tables.update_password_policy(connection, call.account_id, None)
        return {}

    return await change_account(call, change)
