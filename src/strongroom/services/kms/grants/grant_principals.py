"""The principals of grants: whom a request names, by an id that no other identity will ever have, and how to show them.

| named                                  | id                                     |
| -------------------------------------- | -------------------------------------- |
| root of an account                     | the account id                         |
| user or role                           | its unique id                          |
| session of a role                      | the role's unique id, `:`, its name    |
| federated user                         | the account id, `:`, its name          |
| service                                | the service's name                     |

Source: AWS KMS Developer Guide, "Grants in AWS KMS"; IAM User Guide, "IAM identifiers".
"""

import re
from typing import NamedTuple

from strongroom.base.arn import Arn, parse_arn, root_arn
from strongroom.identities.directory import Directory
from strongroom.identities.identifiers import ROLE
from strongroom.operations.callers import Caller
from strongroom.policy.principal import PrincipalKind
from strongroom.services.kms import errors

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


class GrantPrincipal(NamedTuple):
    """Who is named in a grant: the request's own words, and the id."""

    named: str
    id: str


async def named_principal(directory: Directory, named: str) -> GrantPrincipal:
    """Return the principal that an ARN names. Raises InvalidArnException when it names nobody who exists here."""
    arn = parse_arn(named)
    found = None
    is_here = arn is not None and arn.partition == directory.partition and not arn.region
    if arn is not None and is_here and _ACCOUNT_ID.fullmatch(arn.account_id):
        found = await _id_of(directory, named, arn)
    if found is None:
        raise errors.invalid_grant_principal(named)
    return GrantPrincipal(named, found)


async def _id_of(directory: Directory, named: str, arn: Arn) -> str | None:
    kind, _, rest = arn.resource.partition("/")
    if arn.service == "iam":
        if arn.resource == "root":
            return arn.account_id
        known = await directory.find_by_arn(named)
        return known.unique_id if known is not None else None
    if arn.service != "sts":
        return None
    if kind == "federated-user" and _SESSION_NAME.fullmatch(rest):
        return f"{arn.account_id}:{rest}"
    role_name, _, session_name = rest.partition("/")
    if kind != "assumed-role" or not _SESSION_NAME.fullmatch(session_name):
        return None
    role = await directory.find_named(arn.account_id, ROLE, role_name)
    return f"{role.unique_id}:{session_name}" if role is not None else None


async def shown_principal(directory: Directory, principal: GrantPrincipal) -> str:
    """Return how a principal is listed: by its ARN as it is now, or by its id when it does not exist any more."""
    unique_id, _, session_name = principal.id.partition(":")
    if not principal.named.startswith("arn:") or unique_id.isdigit():
        return principal.named
    known = await directory.find(unique_id)
    if known is None:
        return principal.id
    return principal.named if session_name else known.arn


def ids_of_caller(caller: Caller) -> tuple[str, ...]:
    """Return every id by which a grant may mean this caller: its own, its role's or user's, its account's."""
    principal = caller.principal
    if principal.kind is PrincipalKind.SERVICE:
        return (principal.name,)
    ids = (principal.unique_id, caller.user_id, principal.issuer_id, principal.account_id)
    return tuple(dict.fromkeys(each for each in ids if each))


def account_principal(account_id: str, partition: str) -> GrantPrincipal:
    """Return an account as a principal of grants."""
    return GrantPrincipal(root_arn(account_id, partition), account_id)
