"""ListGrants and ListRetirableGrants. Source: AWS KMS API Reference."""

from collections.abc import Sequence
from typing import Any

from strongroom.base.arn import parse_arn, root_arn
from strongroom.base.clock import as_datetime
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.access import KeyConditions, control_of_key, for_aws_resource
from strongroom.services.kms.grants import tables
from strongroom.services.kms.grants.grant_principals import GrantPrincipal, named_principal, shown_principal
from strongroom.services.kms.keys import Key, key_arn
from strongroom.services.kms.paging import Page
from strongroom.services.kms.service import KMS, own_quota

_DEFAULT, _MOST = 50, 100


@operation(
    KMS,
    "ListGrants",
    needs=control_of_key("kms:ListGrants", other_accounts_allowed=True, own=for_aws_resource),
    quota=own_quota("ListGrants"),
    reads_only=True,
)
async def list_grants(call: Call) -> Answer:
    """List a key's grants, all or those of one grantee, or one of them. Source: API Reference, ListGrants."""
    key: Key = call.target
    params = call.params
    page = Page("ListGrants", params, default=_DEFAULT, most=_MOST)
    grant_id, grantee_id = params.get("GrantId"), None
    if grant_id is not None:
        require_grant_id(grant_id)
    if params.get("GranteePrincipal") is not None and params.get("GranteeServicePrincipal") is not None:
        raise errors.validation("GranteePrincipal and GranteeServicePrincipal must not be specified together.")
    if params.get("GranteePrincipal") is not None:
        grantee_id = (await named_principal(call.house.directory, params["GranteePrincipal"])).id
    elif params.get("GranteeServicePrincipal") is not None:
        grantee_id = _service_of(call, "GranteeServicePrincipal")
    rows = await call.read(
        lambda connection: tables.list_grants(
            connection, key.region, key.key_id, page.after, page.limit + 1, grantee_id=grantee_id, grant_id=grant_id
        )
    )
    return page.answer("Grants", [(row.grant_id, await _entry(call, row, key.account_id)) for row in rows])


async def _needs_of_list_retirable_grants(call: Call) -> Sequence[Requirement]:
    params = call.params
    named = params.get("RetiringPrincipal")
    if (named is None) == (params.get("RetiringServicePrincipal") is None):
        raise errors.validation("Either RetiringPrincipal or RetiringServicePrincipal must be specified.")
    if named is None:
        call.target = _service_of(call, "RetiringServicePrincipal")
        return (_on_principal(call, "*", call.account_id),)
    arn = parse_arn(named)
    if arn is None:
        raise errors.invalid_grant_principal(named)
    return (_on_principal(call, named, arn.account_id),)


def _on_principal(call: Call, resource: str, account_id: str) -> Requirement:
    # What is authorised is the listed principal: one of another account is nobody's to look at but that account's.
    return Requirement(
        action="kms:ListRetirableGrants",
        resource=resource,
        account_id=account_id,
        conditions=KeyConditions(call, None),
    )


@operation(
    KMS,
    "ListRetirableGrants",
    needs=_needs_of_list_retirable_grants,
    quota=own_quota("ListRetirableGrants"),
    reads_only=True,
)
async def list_retirable_grants(call: Call) -> Answer:
    """List the grants that a principal of the account may retire, whosever keys they are for."""
    page = Page("ListRetirableGrants", call.params, default=_DEFAULT, most=_MOST)
    retiring_id = call.target
    if retiring_id is None:
        retiring_id = (await named_principal(call.house.directory, call.params["RetiringPrincipal"])).id
    key_id, _, grant_id = page.after.partition("/")
    rows = await call.read(
        lambda connection: tables.list_retirable_grants(
            connection, call.region, retiring_id, (key_id, grant_id), page.limit + 1, call.now
        )
    )
    items = [(f"{row.key_id}/{row.grant_id}", await _entry(call, row, row.account_id)) for row in rows]
    return page.answer("Grants", items)


def _service_of(call: Call, member: str) -> str:
    """Return the service that a listing is about. Raises ValidationException for anybody who is not a service."""
    if call.caller.identity.type != "AWSService":
        raise errors.validation(f"{member} can be specified by AWS services only.")
    service: str = call.params[member]
    return service


async def _entry(call: Call, row: Any, account_id: str) -> dict[str, Any]:
    directory = call.house.directory
    entry: dict[str, Any] = {
        "KeyId": key_arn(account_id, row.region, row.key_id),
        "GrantId": row.grant_id,
        "Name": row.name or "",
        "CreationDate": as_datetime(row.created_at),
        "IssuingAccount": root_arn(row.issuing_account, directory.partition),
        "Operations": row.operations,
    }
    for member, named, unique in (
        ("Grantee", row.grantee, row.grantee_id),
        ("Retiring", row.retiring, row.retiring_id),
    ):
        if named is not None:
            kind = "Principal" if named.startswith("arn:") else "ServicePrincipal"
            entry[member + kind] = await shown_principal(directory, GrantPrincipal(named, unique))
    if row.constraints:
        entry["Constraints"] = row.constraints
    return entry


def require_grant_id(text: str) -> None:
    """Raise InvalidGrantIdException unless `text` has the form of a grant id: 64 hexadecimal digits."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise errors.invalid_grant_id()
