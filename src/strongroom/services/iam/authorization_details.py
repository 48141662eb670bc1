"""All of an account's users, groups, roles and policies, with how they hang together.

Source: IAM API Reference, "GetAccountAuthorizationDetails".
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from strongroom.identities import aws_managed
from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.identities.tables import attached_policy_arns, groups_of, inline_policies
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import tables as iam_tables
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.attachments import shown_attachment
from strongroom.services.iam.documents import encoded
from strongroom.services.iam.entity import EntityRow
from strongroom.services.iam.instance_profiles import shown_profile
from strongroom.services.iam.lifecycle import shown, shown_details
from strongroom.services.iam.managed_policies import ManagedPolicy, of_aws, of_row, shown_policy
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.policy_versions import versions_of
from strongroom.services.iam.roles import shown_role_in_full
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

DETAILS_PER_PAGE_MAX = 100
"""A page of more would keep others waiting; IAM says itself that it may return fewer than asked for."""

INSTANCE_PROFILES_SHOWN_MAX = 1_000

_LISTS: Mapping[str, tuple[str, str]] = {
    GROUP: ("Group", "GroupDetailList"),
    ROLE: ("Role", "RoleDetailList"),
    USER: ("User", "UserDetailList"),
}
_POLICIES = "Policies"
_OWN, _AWS = "x-own", "y-aws"
"""Positions of policies come behind those of identities, which begin with their kind."""

Described = tuple[str, tuple[str, dict[str, Any]]]
"""A position, and in which list of the answer what stands."""


@operation(
    IAM,
    "GetAccountAuthorizationDetails",
    needs=account_wide("iam:GetAccountAuthorizationDetails"),
    reads_only=True,
)
async def get_account_authorization_details(call: Call) -> Answer:
    """Describe who there is and what allows them what; of AWS managed policies, those in use.

    Source: IAM API Reference, GetAccountAuthorizationDetails.
    """
    page = Page(call)
    page.limit = min(page.limit, DETAILS_PER_PAGE_MAX)

    def read(connection: Connection) -> list[Described]:
        return list(islice(_described(connection, call, page), page.limit + 1))

    answer = page.answer("described", await call.read(read))
    described = answer.pop("described")
    for member in (*(member for _, member in _LISTS.values()), _POLICIES):
        answer[member] = [detail for name, detail in described if name == member]
    return answer


def _described(connection: Connection, call: Call, page: Page) -> Iterator[Described]:
    section, _, name = page.after.partition("/")
    wanted = call.params.get("Filter") or ("Group", "Role", "User", "LocalManagedPolicy", "AWSManagedPolicy")
    kinds = [kind for kind, (word, _) in _LISTS.items() if word in wanted and kind >= section]
    for row in tables.list_identities(connection, call.account_id, kinds, (section, name), page.limit + 1):
        yield f"{row.kind}/{row.name}", (_LISTS[row.kind][1], _DETAILS[row.kind](connection, call, row))
    if "LocalManagedPolicy" in wanted and section <= _OWN:
        after = name if section == _OWN else ""
        for row in tables.list_policies(connection, call.account_id, after, "/", page.limit + 1):
            yield f"{_OWN}/{row.folded_name}", (_POLICIES, _policy_detail(connection, call, of_row(row)))
    if "AWSManagedPolicy" in wanted:
        used = {
            *tables.attachment_counts(connection, call.account_id),
            *tables.boundary_counts(connection, call.account_id),
        }
        in_use = [policy for policy in aws_managed.every(call.house.directory.partition) if policy.arn in used]
        for policy in sorted(in_use, key=lambda each: each.name):
            if section < _AWS or policy.name > name:
                yield f"{_AWS}/{policy.name}", (_POLICIES, _policy_detail(connection, call, of_aws(policy)))


def _policies(connection: Connection, row: EntityRow, inline_member: str) -> dict[str, Any]:
    return {
        inline_member: [
            {"PolicyName": each.name, "PolicyDocument": encoded(each.document)}
            for each in inline_policies(connection, row.unique_id)
        ],
        "AttachedManagedPolicies": [shown_attachment(arn) for arn in attached_policy_arns(connection, row.unique_id)],
    }


def _group_detail(connection: Connection, call: Call, row: EntityRow) -> dict[str, Any]:
    return shown(call, row) | _policies(connection, row, "GroupPolicyList")


def _user_detail(connection: Connection, call: Call, row: EntityRow) -> dict[str, Any]:
    groups = [group.name for group in groups_of(connection, row.unique_id)]
    detail = shown(call, row) | shown_details(row) | {"GroupList": groups}
    return detail | _policies(connection, row, "UserPolicyList")


def _role_detail(connection: Connection, call: Call, row: EntityRow) -> dict[str, Any]:
    role = shown_role_in_full(connection, call, row)
    profiles = iam_tables.list_instance_profiles(
        connection, call.account_id, "/", "", INSTANCE_PROFILES_SHOWN_MAX, row.unique_id
    )
    detail = {name: value for name, value in role.items() if name not in ("MaxSessionDuration", "Description")}
    detail["InstanceProfileList"] = [shown_profile(connection, call, profile) for profile in profiles]
    return detail | _policies(connection, row, "RolePolicyList")


_DETAILS: Mapping[str, Callable[[Connection, Call, EntityRow], dict[str, Any]]] = {
    GROUP: _group_detail,
    ROLE: _role_detail,
    USER: _user_detail,
}


def _policy_detail(connection: Connection, call: Call, policy: ManagedPolicy) -> dict[str, Any]:
    uses = tables.usage_of(connection, call.account_id, policy.arn)
    detail = shown_policy(policy, *uses)
    if policy.description:
        detail["Description"] = policy.description
    return detail | {"PolicyVersionList": versions_of(connection, policy, with_documents=True)}
