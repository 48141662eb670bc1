"""Who uses a managed policy. Source: IAM API Reference, "ListEntitiesForPolicy"."""

from collections.abc import Mapping
from typing import Any

from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam.managed_policies import found, on_policy
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM

_FILTERS: Mapping[str, str] = {"User": USER, "Group": GROUP, "Role": ROLE}
_MEMBERS: Mapping[str, tuple[str, str, str]] = {
    GROUP: ("PolicyGroups", "GroupName", "GroupId"),
    USER: ("PolicyUsers", "UserName", "UserId"),
    ROLE: ("PolicyRoles", "RoleName", "RoleId"),
}


@operation(IAM, "ListEntitiesForPolicy", needs=on_policy("iam:ListEntitiesForPolicy"), reads_only=True)
async def list_entities_for_policy(call: Call) -> Answer:
    """List the users, groups and roles that a policy is attached to or limits.

    Source: IAM API Reference, ListEntitiesForPolicy.
    """
    policy, params, page = found(call), call.params, Page(call)
    usage, wanted = params.get("PolicyUsageFilter"), params.get("EntityFilter")
    kinds = tuple(_MEMBERS) if wanted is None else tuple(filter(None, (_FILTERS.get(wanted),)))
    kind, _, name = page.after.partition("/")
    rows = await call.read(
        lambda connection: tables.list_entities_with(
            connection,
            call.account_id,
            policy.arn,
            kinds=kinds,
            path_prefix=params.get("PathPrefix", "/"),
            attached=usage != "PermissionsBoundary",
            as_boundary=usage != "PermissionsPolicy",
            after=(kind, name),
            limit=page.limit + 1,
        )
    )
    return by_kind(page, rows)


def by_kind(page: Page, rows: Any) -> Answer:
    """Return a page of users, groups and roles, told apart by kind."""
    answer = page.answer("rows", [(f"{row.kind}/{row.name}", row) for row in rows])
    shown = answer.pop("rows")
    for kind, (member, name_member, id_member) in _MEMBERS.items():
        answer[member] = [{name_member: row.name, id_member: row.unique_id} for row in shown if row.kind == kind]
    return answer
