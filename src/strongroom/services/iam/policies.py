"""Making, listing and deleting of managed policies. Source: IAM User Guide, "Manage IAM policies"."""

from collections.abc import Iterator
from typing import Any

from strongroom.identities import aws_managed
from strongroom.identities.identifiers import identity_arn, new_unique_id
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import account_wide, creation
from strongroom.services.iam.change import change_account
from strongroom.services.iam.managed_policies import (
    ManagedPolicy,
    current,
    found,
    of_aws,
    of_row,
    on_policy,
    shown_policy,
)
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policy_documents import accepted_managed_policy
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.services.iam.tags import checked_tags, shown_tags
from strongroom.storage.connection import Connection

POLICIES_PER_ACCOUNT_MAX = 1_500
FIRST_VERSION = 1


def _name(call: Call) -> str:
    name: str = call.params["PolicyName"]
    return name


@operation(IAM, "CreatePolicy", needs=creation("iam:CreatePolicy", "policy", "iam:TagPolicy", name_of=_name))
async def create_policy(call: Call) -> Answer:
    """Make a customer managed policy with its first version. Source: IAM API Reference, CreatePolicy."""
    params, account_id, now = call.params, call.account_id, call.now
    name, path = params["PolicyName"], params.get("Path") or "/"
    document = accepted_managed_policy(params["PolicyDocument"])
    description = params.get("Description")
    if description is not None and "\x00" in description:
        # Not every database can hold it, and no answer in XML could.
        raise errors.validation("The description must not contain the null character.")
    values = {
        "policy_id": new_unique_id("policy"),
        "arn": identity_arn(call.house.directory.partition, account_id, "policy", path, name),
        "account_id": account_id,
        "name": name,
        "folded_name": name.lower(),
        "path": path,
        "created_at": now,
        "updated_at": now,
        "description": description,
        "tags": checked_tags(params.get("Tags")),
        "default_version": FIRST_VERSION,
        "newest_version": FIRST_VERSION,
    }

    def write(connection: Connection) -> Answer:
        if tables.policy_name_is_taken(connection, account_id, name):
            raise errors.entity_already_exists(
                f"A policy called {name} already exists. Duplicate names are not allowed."
            )
        if tables.count_policies(connection, account_id) >= POLICIES_PER_ACCOUNT_MAX:
            raise errors.quota_exceeded("PoliciesPerAccount", POLICIES_PER_ACCOUNT_MAX)
        tables.insert_policy(connection, values)
        tables.insert_version(connection, values["policy_id"], FIRST_VERSION, document, now)
        made = tables.select_policy(connection, values["arn"])
        shown = shown_policy(of_row(made), 0, 0)
        if values["tags"]:
            shown["Tags"] = shown_tags(values["tags"])
        return {"Policy": shown}

    return await change_account(call, write)


@operation(IAM, "GetPolicy", needs=on_policy("iam:GetPolicy"), reads_only=True)
async def get_policy(call: Call) -> Answer:
    """Describe a managed policy, and how often it is in use. Source: IAM API Reference, GetPolicy."""
    policy = found(call)
    attachments, boundaries = await call.read(
        lambda connection: tables.usage_of(connection, call.account_id, policy.arn)
    )
    return {"Policy": shown_policy(policy, attachments, boundaries, with_description=True)}


@operation(IAM, "DeletePolicy", needs=on_policy("iam:DeletePolicy"))
async def delete_policy(call: Call) -> Answer:
    """Delete a policy that is nowhere in use and has one version. Source: IAM API Reference, DeletePolicy."""
    account_id = call.account_id

    def write(connection: Connection) -> Answer:
        policy = current(connection, call)
        if any(tables.usage_of(connection, account_id, policy.arn)):
            raise errors.delete_conflict("Cannot delete a policy attached to entities.")
        if len(tables.select_versions(connection, policy.policy_id)) > 1:
            raise errors.delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        tables.delete_policy(connection, policy.policy_id)
        return {}

    return await change_account(call, write)


@operation(IAM, "ListPolicies", needs=account_wide("iam:ListPolicies"), reads_only=True)
async def list_policies(call: Call) -> Answer:
    """List managed policies, the account's own before AWS's. Source: IAM API Reference, ListPolicies."""
    page = Page(call)

    def read(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        attachments = tables.attachment_counts(connection, call.account_id)
        boundaries = tables.boundary_counts(connection, call.account_id)
        listed: list[tuple[str, dict[str, Any]]] = []
        for position, policy in _positioned(connection, call, page):
            uses = attachments.get(policy.arn, 0), boundaries.get(policy.arn, 0)
            if _is_wanted(call, *uses):
                listed.append((position, shown_policy(policy, *uses)))
            if len(listed) > page.limit:
                break
        return listed

    return page.answer("Policies", await call.read(read))


def _asks_for_use(call: Call) -> bool:
    return bool(call.params.get("OnlyAttached") or call.params.get("PolicyUsageFilter"))


def _is_wanted(call: Call, attachments: int, boundaries: int) -> bool:
    """Whether a policy is used as the request asks: OnlyAttached is about either use, or that of the usage filter."""
    usage = call.params.get("PolicyUsageFilter")
    if usage == "PermissionsPolicy":
        return attachments > 0
    if usage == "PermissionsBoundary":
        return boundaries > 0
    return attachments + boundaries > 0 or not _asks_for_use(call)


_OWN, _AWS = "own/", "aws/"


def _positioned(connection: Connection, call: Call, page: Page) -> Iterator[tuple[str, ManagedPolicy]]:
    """Yield the policies of the wanted scope and path that come behind the last page, with their positions."""
    scope = call.params.get("Scope", "All")
    prefix = call.params.get("PathPrefix", "/")
    if scope in ("All", "Local") and not page.after.startswith(_AWS):
        after = page.after.removeprefix(_OWN)
        limit = None if _asks_for_use(call) else page.limit + 1
        for row in tables.list_policies(connection, call.account_id, after, prefix, limit):
            yield _OWN + row.folded_name, of_row(row)
    if scope in ("All", "AWS"):
        for policy in sorted(aws_managed.every(call.house.directory.partition), key=lambda each: each.name):
            position = _AWS + policy.name
            if policy.path.startswith(prefix) and (position > page.after or not page.after.startswith(_AWS)):
                yield position, of_aws(policy)
