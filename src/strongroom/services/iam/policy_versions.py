"""The versions of managed policies, of which one is in force.

Source: IAM User Guide, "Versioning IAM policies".
"""

import re
from typing import Any

from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.change import change_account
from strongroom.services.iam.documents import encoded
from strongroom.services.iam.managed_policies import ManagedPolicy, current, found, on_policy
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policies import FIRST_VERSION
from strongroom.services.iam.policy_documents import accepted_managed_policy
from strongroom.services.iam.policy_store import tables
from strongroom.services.iam.service import IAM
from strongroom.storage.connection import Connection

VERSIONS_PER_POLICY_MAX = 5
_VERSION_ID = re.compile(r"v([1-9][0-9]{0,8})")


def shown_version(number: int, created_at: float, *, is_default: bool, document: str | None = None) -> dict[str, Any]:
    """Return a version of a policy as answers show it, with its document when it is given."""
    shown: dict[str, Any] = {} if document is None else {"Document": encoded(document)}
    return shown | {
        "VersionId": f"v{number}",
        "IsDefaultVersion": is_default,
        "CreateDate": as_datetime(created_at),
    }


def versions_of(connection: Connection, policy: ManagedPolicy, *, with_documents: bool) -> list[dict[str, Any]]:
    """Return all versions of a policy as answers show them, the newest first."""
    if policy.document is not None:
        document = policy.document if with_documents else None
        return [shown_version(FIRST_VERSION, policy.updated_at, is_default=True, document=document)]
    return [
        shown_version(
            row.version,
            row.created_at,
            is_default=row.version == policy.default_version,
            document=row.document if with_documents else None,
        )
        for row in tables.select_versions(connection, policy.policy_id)
    ]


def _no_such_version(call: Call) -> Exception:
    return errors.no_such_entity(
        f"Policy {call.params['PolicyArn']} version {call.params['VersionId']} does not exist or is not attachable."
    )


def _named_version(call: Call) -> int:
    named = _VERSION_ID.fullmatch(call.params["VersionId"])
    if named is None:
        raise _no_such_version(call)
    return int(named.group(1))


@operation(IAM, "CreatePolicyVersion", needs=on_policy("iam:CreatePolicyVersion"))
async def create_policy_version(call: Call) -> Answer:
    """Add a version to a policy, in force at once if wanted. Source: IAM API Reference, CreatePolicyVersion."""
    document = accepted_managed_policy(call.params["PolicyDocument"])
    is_default, now = bool(call.params.get("SetAsDefault")), call.now

    def write(connection: Connection) -> Answer:
        policy = current(connection, call)
        if len(tables.select_versions(connection, policy.policy_id)) >= VERSIONS_PER_POLICY_MAX:
            raise errors.limit_exceeded(
                f"A managed policy can have up to {VERSIONS_PER_POLICY_MAX} versions. Before you create a new version, "
                "you must delete an existing version."
            )
        number = policy.newest_version + 1
        tables.insert_version(connection, policy.policy_id, number, document, now)
        columns = {"newest_version": number, "updated_at": now}
        if is_default:
            columns["default_version"] = number
        tables.update_policy(connection, policy.policy_id, columns)
        return {"PolicyVersion": shown_version(number, now, is_default=is_default)}

    return await change_account(call, write)


@operation(IAM, "GetPolicyVersion", needs=on_policy("iam:GetPolicyVersion"), reads_only=True)
async def get_policy_version(call: Call) -> Answer:
    """Return a version of a policy with its document. Source: IAM API Reference, GetPolicyVersion."""
    policy, wanted = found(call), call.params["VersionId"]
    versions = await call.read(lambda connection: versions_of(connection, policy, with_documents=True))
    for version in versions:
        if version["VersionId"] == wanted:
            return {"PolicyVersion": version}
    raise _no_such_version(call)


@operation(IAM, "ListPolicyVersions", needs=on_policy("iam:ListPolicyVersions"), reads_only=True)
async def list_policy_versions(call: Call) -> Answer:
    """List the versions of a policy, the newest first. Source: IAM API Reference, ListPolicyVersions."""
    policy = found(call)
    versions = await call.read(lambda connection: versions_of(connection, policy, with_documents=False))
    return Page(call).numbered("Versions", versions)


@operation(IAM, "SetDefaultPolicyVersion", needs=on_policy("iam:SetDefaultPolicyVersion"))
async def set_default_policy_version(call: Call) -> Answer:
    """Put another version of a policy in force. Source: IAM API Reference, SetDefaultPolicyVersion."""

    def write(connection: Connection) -> Answer:
        policy, number = current(connection, call), _named_version(call)
        if tables.select_version(connection, policy.policy_id, number) is None:
            raise _no_such_version(call)
        tables.update_policy(connection, policy.policy_id, {"default_version": number})
        return {}

    return await change_account(call, write)


@operation(IAM, "DeletePolicyVersion", needs=on_policy("iam:DeletePolicyVersion"))
async def delete_policy_version(call: Call) -> Answer:
    """Delete a version that is not in force. Source: IAM API Reference, DeletePolicyVersion."""

    def write(connection: Connection) -> Answer:
        policy, number = current(connection, call), _named_version(call)
        if tables.select_version(connection, policy.policy_id, number) is None:
            raise _no_such_version(call)
        if number == policy.default_version:
            raise errors.delete_conflict("Cannot delete the default version of a policy.")
        tables.delete_version(connection, policy.policy_id, number)
        return {}

    return await change_account(call, write)
