"""Key policies: the default one, what is accepted as one, and the operations on them.

Source: AWS KMS Developer Guide, "Key policies in AWS KMS".
"""

import json
from collections.abc import Mapping
from typing import Any

from strongroom.base.arn import partition_of, root_arn
from strongroom.base.errors import AwsError
from strongroom.identities.pinned_principals import UnknownPrincipal, pin, show
from strongroom.operations.authorize import Requirement, access_request, policies_for
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import Document, PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy
from strongroom.services.kms import errors
from strongroom.services.kms.access import KeyConditions, control_of_key
from strongroom.services.kms.change import change_key
from strongroom.services.kms.keys import Key, key_arn
from strongroom.services.kms.material_rows import KeyRow
from strongroom.services.kms.paging import Page
from strongroom.services.kms.quotas import KEY_POLICY_BYTES_QUOTA
from strongroom.services.kms.service import KMS, own_quota

THE_ONLY_NAME = "default"
_NOT_FOR_ALL_VALUES = {"kms:encryptioncontext:": "encryption context", "aws:requesttag/": "tag"}


def default_key_policy(account_id: str, region: str) -> str:
    """Return the policy of a key that is created without one: it hands access over to the account's IAM policies."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root_arn(account_id, partition_of(region))},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)


def parsed_key_policy(text: str, bytes_max: int) -> Document:
    """Return a key policy, compiled. Raises MalformedPolicyDocumentException, LimitExceededException above the size."""
    if len(text.encode()) > bytes_max:
        raise errors.limit_exceeded(f"Policy size exceeds the limit of {bytes_max} bytes.")
    try:
        document = parse(text, PolicyKind.RESOURCE)
    except PolicySyntaxError as error:
        raise errors.malformed_policy(str(error)) from None
    _refuse_overly_permissive(document)
    return document


def _refuse_overly_permissive(document: Document) -> None:
    """Refuse a condition that looks as if it limited a request, and is met by one that has nothing to compare.

    Source: AWS KMS Developer Guide, "AWS KMS condition keys" ("Using set operators with condition keys").
    """
    for condition in (each for statement in document.statements for each in statement.conditions):
        if not condition.operator.startswith("ForAllValues:"):
            continue
        for prefix, what in _NOT_FOR_ALL_VALUES.items():
            if condition.key.lower().startswith(prefix):
                raise errors.malformed_policy(
                    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key "
                    f"matches requests without the specified {what} or with an unspecified {what}. "
                    "To fix, remove ForAllValues."
                )


async def accepted_policy(call: Call, text: str, key: Mapping[str, Any]) -> str:
    """Return what is stored when `text` becomes the policy of the key with the column values `key`.

    That is `text` with users and roles named by their unique ids. Raises MalformedPolicyDocumentException when it does
    not parse, names somebody of this server who does not exist, or would keep the caller from ever changing it again,
    unless the request bypasses that check. Source: AWS KMS API Reference, PutKeyPolicy.
    """
    parsed_key_policy(text, call.house.quotas.most(KEY_POLICY_BYTES_QUOTA, key["account_id"], key["region"]))
    try:
        stored = await pin(text, call.house.directory, call.house.store)
    except UnknownPrincipal:
        raise errors.malformed_policy("Policy contains a statement with one or more invalid principals.") from None
    document = parse(stored, PolicyKind.RESOURCE)
    if not call.params.get("BypassPolicyLockoutSafetyCheck"):
        arn = key_arn(key["account_id"], key["region"], key["key_id"])
        requirement = Requirement(
            action="kms:PutKeyPolicy",
            resource=arn,
            account_id=key["account_id"],
            policy=NamedPolicy(f"key policy of {arn}", document),
            policy_is_decisive=True,
            conditions=KeyConditions(call, call.target),
        )
        if not evaluate(access_request(call, requirement), policies_for(call, requirement)).allowed:
            raise errors.malformed_policy(
                "The new key policy will not allow you to update the key policy in the future."
            )
    return stored


def _must_be_the_only_name(params: Mapping[str, Any]) -> None:
    if params.get("PolicyName") not in (None, THE_ONLY_NAME):
        raise AwsError("NotFoundException", f"No such policy exists: {params['PolicyName']}")


@operation(
    KMS,
    "GetKeyPolicy",
    needs=control_of_key("kms:GetKeyPolicy"),
    quota=own_quota("GetKeyPolicy"),
    reads_only=True,
)
async def get_key_policy(call: Call) -> Answer:
    """Return a key's policy, as it was put, but with the ids of principals that were deleted since.

    Source: AWS KMS API Reference, GetKeyPolicy.
    """
    _must_be_the_only_name(call.params)
    text = await show(call.target.policy_text, call.house.directory)
    return {"Policy": text, "PolicyName": THE_ONLY_NAME}


@operation(KMS, "PutKeyPolicy", needs=control_of_key("kms:PutKeyPolicy"), quota=own_quota("PutKeyPolicy"))
async def put_key_policy(call: Call) -> Answer:
    """Put another policy in place of a key's. Source: AWS KMS API Reference, PutKeyPolicy."""
    key: Key = call.target
    params = call.params
    if params.get("PolicyName") == "AWS_RAM":
        raise errors.validation("The AWS_RAM policy can only be managed by the RAM service.")
    if params.get("PolicyName") not in (None, THE_ONLY_NAME):
        raise errors.validation('PolicyName must be "default".')
    key.must_be_customer_managed()
    names = {"account_id": key.account_id, "region": key.region, "key_id": key.key_id}
    text = await accepted_policy(call, params["Policy"], names)

    def change(row: KeyRow) -> dict[str, Any]:
        return {"policy": text}

    return await change_key(call, key, change)


@operation(
    KMS,
    "ListKeyPolicies",
    needs=control_of_key("kms:ListKeyPolicies"),
    quota=own_quota("ListKeyPolicies"),
    reads_only=True,
)
async def list_key_policies(call: Call) -> Answer:
    """List the names of a key's policies: there is one. Source: AWS KMS API Reference, ListKeyPolicies."""
    page = Page("ListKeyPolicies", call.params, default=100)
    names = [THE_ONLY_NAME] if page.after < THE_ONLY_NAME else []
    return page.answer("PolicyNames", [(name, name) for name in names])
