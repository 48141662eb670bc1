"""Resource policies: which AWS services may put events into an account's log groups.

They speak for service principals alone, and of logs:PutLogEvents and logs:CreateLogStream alone. An account has up to
ten of them, and each of its log groups may have one of its own.

Source: Amazon CloudWatch Logs API Reference, PutResourcePolicy, DescribeResourcePolicies, DeleteResourcePolicy.
"""

import uuid
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import account_wide
from strongroom.services.logs.groups.directory import GroupDirectory, Place, as_group, place_of
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row

POLICIES_PER_ACCOUNT_MAX = 10
DOCUMENT_CHARACTERS_MAX = 5_120
"""How long the policy of an account may be; that of a log group may have ten times as many."""
NAME_CHARACTERS_MAX = 255


def _accepted(text: str) -> str:
    try:
        document = parse(text, PolicyKind.RESOURCE)
    except PolicySyntaxError as problem:
        raise errors.invalid_parameter(f"Invalid resource policy: {problem}") from None
    if any(not statement.resources for statement in document.statements):
        raise errors.invalid_parameter("Invalid resource policy: a statement has no Resource.")
    return text


def _cache_name(call: Call) -> str:
    # The place without a name is no log group: the policies of the account alone are read anew.
    return Place(call.account_id, call.region, "").cache_name


def _shown(name: str, document: str, at: int, arn: str | None = None, revision: str | None = None) -> dict[str, Any]:
    shown = {"policyName": name, "policyDocument": document, "lastUpdatedTime": at}
    if arn is None:
        return {**shown, "policyScope": "ACCOUNT"}
    return {**shown, "policyScope": "RESOURCE", "resourceArn": arn, "revisionId": revision}


def _of_group(row: Any) -> dict[str, Any]:
    policy = row.policy
    return _shown(policy["name"], policy["document"], policy["at"], as_group(row).arn, policy["revision"])


@operation(LOGS, "PutResourcePolicy", needs=account_wide("logs:PutResourcePolicy"))
async def put_resource_policy(call: Call) -> Answer:
    """Make or replace a resource policy. Source: API Reference, PutResourcePolicy."""
    params = call.params
    name, text, now = params.get("policyName"), params.get("policyDocument"), int(call.now * 1000)
    if text is None or (not name and params.get("resourceArn") is None):
        raise errors.invalid_parameter("policyName and policyDocument are required.")
    if name is not None and (len(name) > NAME_CHARACTERS_MAX or "\0" in name):
        raise errors.invalid_parameter(f"policyName has at most {NAME_CHARACTERS_MAX} characters.")
    _accepted(text)
    if params.get("resourceArn") is not None:
        return await _put_on_group(call, params["resourceArn"], name or "", text)
    if len(text) > DOCUMENT_CHARACTERS_MAX:
        raise errors.limit_exceeded(f"The policy document has more than {DOCUMENT_CHARACTERS_MAX} characters.")
    values = {
        "account_id": call.account_id,
        "region": call.region,
        "name": name,
        "document": text,
        "updated_at": now,
    }

    def write(connection: Connection) -> Answer:
        known = {row.name for row in tables.select_policies(connection, call.account_id, call.region)}
        if name not in known and len(known) >= POLICIES_PER_ACCOUNT_MAX:
            raise errors.limit_exceeded()
        replace_row(connection, tables.POLICIES, values)
        return {"resourcePolicy": _shown(str(name), text, now)}

    return await call.write(write, invalidates=(_cache_name(call),))


async def _put_on_group(call: Call, arn: str, name: str, text: str) -> Answer:
    place = _own_place(call, arn)
    expected, revision = call.params.get("expectedRevisionId"), uuid.uuid4().hex
    at = int(call.now * 1000)
    policy = {"name": name, "document": text, "at": at, "revision": revision}

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *place)
        if row is None:
            raise errors.no_such_group()
        if (row.policy or {}).get("revision") != expected:
            raise errors.revision_differs()
        tables.update_group(connection, row.number, {"policy": policy})
        return {"resourcePolicy": _shown(name, text, at, place.arn, revision), "revisionId": revision}

    return await call.write(write, invalidates=(place.cache_name,))


def _own_place(call: Call, arn: str) -> Place:
    if not arn.startswith("arn:"):
        raise errors.invalid_parameter("The specified resourceArn is not the ARN of a log group.")
    place = place_of(call.account_id, call.region, arn)
    if place.account_id != call.account_id:
        raise errors.no_such_group()
    return place


@operation(LOGS, "DescribeResourcePolicies", needs=account_wide("logs:DescribeResourcePolicies"), reads_only=True)
async def describe_resource_policies(call: Call) -> Answer:
    """List resource policies: of the account, of all log groups, or of one. Source: DescribeResourcePolicies."""
    params, page = call.params, Page(call)
    after, arn = page.text_after(), params.get("resourceArn")
    if arn is not None:
        group = await call.house.part(GroupDirectory).find(_own_place(call, arn))
        if group is None:
            raise errors.no_such_group()
        policy = group.policy
        if policy is None:
            return {"resourcePolicies": []}
        shown = _shown(policy["name"], policy["document"], policy["at"], group.arn, policy["revision"])
        return {"resourcePolicies": [shown]}

    def read(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        if params.get("policyScope") == "RESOURCE":
            rows = tables.groups_of_account_with_policy(connection, call.account_id, call.region)
            return [(row.name, _of_group(row)) for row in rows if row.name > after]
        rows = tables.select_policies(connection, call.account_id, call.region)
        return [(row.name, _shown(row.name, row.document, row.updated_at)) for row in rows if row.name > after]

    found = await call.read(read)
    return page.answer("resourcePolicies", found, lambda pair: pair[1], lambda pair: pair[0])


@operation(LOGS, "DeleteResourcePolicy", needs=account_wide("logs:DeleteResourcePolicy"))
async def delete_resource_policy(call: Call) -> Answer:
    """Delete a resource policy. Source: API Reference, DeleteResourcePolicy."""
    params = call.params
    name, arn = params.get("policyName"), params.get("resourceArn")
    if arn is not None:
        return await _delete_from_group(call, _own_place(call, arn))
    if not name:
        raise errors.invalid_parameter("policyName is required.")

    def write(connection: Connection) -> Answer:
        if "\0" in name or not tables.delete_policy(connection, call.account_id, call.region, name):
            raise errors.not_found(f"Policy with name [{name}] does not exist.")
        return {}

    return await call.write(write, invalidates=(_cache_name(call),))


async def _delete_from_group(call: Call, place: Place) -> Answer:
    expected = call.params.get("expectedRevisionId")

    def write(connection: Connection) -> Answer:
        row = tables.select_group(connection, *place)
        if row is None:
            raise errors.no_such_group()
        if row.policy is None:
            raise errors.not_found("The log group has no resource policy.")
        if expected is not None and row.policy["revision"] != expected:
            raise errors.revision_differs()
        tables.update_group(connection, row.number, {"policy": None})
        return {}

    return await call.write(write, invalidates=(place.cache_name,))
