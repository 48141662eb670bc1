"""Resource policies of secrets: one each, by the name `default`.

Source: AWS Secrets Manager User Guide, "Resource-based policies"; API Reference, PutResourcePolicy,
ValidateResourcePolicy.
"""

from typing import Any

from strongroom.identities.pinned_principals import UnknownPrincipal, pin, show
from strongroom.operations.authorize import access_request, policies_for
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.policy.document import PolicyKind, parse
from strongroom.policy.errors import PolicySyntaxError
from strongroom.policy.evaluate import evaluate
from strongroom.policy.policies import NamedPolicy
from strongroom.policy_check.check import check
from strongroom.policy_check.finding import Finding, Level
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, account_wide, existing, on_secret
from strongroom.services.secretsmanager.change import change_secret
from strongroom.services.secretsmanager.quotas import POLICY_LENGTH_QUOTA, own_quota
from strongroom.services.secretsmanager.secret import Secret
from strongroom.services.secretsmanager.service import SECRETS_MANAGER
from strongroom.storage.connection import Connection

THE_ONLY_NAME = "default"
_PUBLIC_RULES = frozenset({"public", "public-over-tls"})


async def _accepted(call: Call, text: str, account_id: str) -> str:
    """Return what is stored of a policy: its users and roles named by their unique ids.

    Raises MalformedPolicyDocumentException for what is no resource policy, is too long, or names somebody of this
    server who does not exist.
    """
    if len(text) > call.house.quotas.most(POLICY_LENGTH_QUOTA, account_id, call.region):
        raise errors.malformed_policy("The resource policy is too long.")
    if "\0" in text:
        raise errors.malformed_policy("This resource policy contains invalid Json")
    try:
        parse(text, PolicyKind.RESOURCE)
    except PolicySyntaxError as error:
        raise errors.malformed_policy(f"This resource policy contains a syntax error: {error}") from None
    try:
        return await pin(text, call.house.directory, call.house.store)
    except UnknownPrincipal:
        raise errors.malformed_policy("This resource policy contains an unsupported principal.") from None


def _findings(text: str, account_id: str) -> tuple[Finding, ...]:
    found = check(text, PolicyKind.RESOURCE, service="secretsmanager", account_id=account_id)
    return tuple(finding for finding in found if finding.level is Level.ERROR)


@operation(
    SECRETS_MANAGER,
    "PutResourcePolicy",
    needs=about_secret("secretsmanager:PutResourcePolicy"),
    quota=own_quota("PutResourcePolicy"),
)
async def put_resource_policy(call: Call) -> Answer:
    """Attach a policy to a secret, in place of the one it has. Source: API Reference, PutResourcePolicy."""
    secret, text = existing(call), call.params["ResourcePolicy"]
    secret.must_be_changeable()
    _must_be_the_only_name(call)
    stored = await _accepted(call, text, secret.account_id)
    if call.params.get("BlockPublicPolicy") and any(
        finding.rule in _PUBLIC_RULES for finding in _findings(text, secret.account_id)
    ):
        raise errors.public_policy()
    return await _write(call, secret, stored)


@operation(
    SECRETS_MANAGER,
    "DeleteResourcePolicy",
    needs=about_secret("secretsmanager:DeleteResourcePolicy"),
    quota=own_quota("DeleteResourcePolicy"),
)
async def delete_resource_policy(call: Call) -> Answer:
    """Take a secret's policy away; no change when it has none. Source: API Reference, DeleteResourcePolicy."""
    secret = existing(call)
    secret.must_be_changeable()
    _must_be_the_only_name(call)
    return await _write(call, secret, None)


def _must_be_the_only_name(call: Call) -> None:
    if call.params.get("PolicyName", THE_ONLY_NAME) != THE_ONLY_NAME:
        raise errors.invalid_parameter(f"You can only modify the {THE_ONLY_NAME} policy.")


async def _write(call: Call, secret: Secret, stored: str | None) -> Answer:
    def change(connection: Connection, row: Any) -> Answer:
        tables.update_secret(connection, secret.arn, {"policy": stored, "changed_at": call.now})
        return {"ARN": secret.arn, "Name": secret.name, "PolicyName": THE_ONLY_NAME}

    return await change_secret(call, secret, change)


@operation(
    SECRETS_MANAGER,
    "GetResourcePolicy",
    needs=about_secret("secretsmanager:GetResourcePolicy"),
    quota=own_quota("GetResourcePolicy"),
    reads_only=True,
)
async def get_resource_policy(call: Call) -> Answer:
    """Return a secret's policy as it was put, but with the ids of principals that were deleted since.

    Source: API Reference, GetResourcePolicy.
    """
    secret = existing(call)
    secret.must_not_wait_for_deletion()
    name = call.params.get("PolicyName", THE_ONLY_NAME)
    if name != THE_ONLY_NAME:
        raise errors.no_such_policy(name)
    answer: Answer = {"ARN": secret.arn, "Name": secret.name, "PolicyName": THE_ONLY_NAME}
    if secret.policy_text is not None:
        answer["ResourcePolicy"] = await show(secret.policy_text, call.house.directory)
    return answer


@operation(
    SECRETS_MANAGER,
    "ListResourcePolicies",
    needs=about_secret("secretsmanager:ListResourcePolicies"),
    quota=own_quota("ListResourcePolicies"),
    reads_only=True,
)
async def list_resource_policies(call: Call) -> Answer:
    """List the names of a secret's policies: one, or none. Source: API Reference, ListResourcePolicies."""
    secret = existing(call)
    secret.must_not_wait_for_deletion()
    if call.params.get("NextToken") is not None:
        raise errors.invalid_token()
    return {"ResourcePolicies": [{"PolicyName": THE_ONLY_NAME}] if secret.policy_text is not None else []}


async def _needs_of_validate(call: Call) -> Any:
    actions = ("secretsmanager:ValidateResourcePolicy", "secretsmanager:PutResourcePolicy")
    needs = about_secret(*actions) if call.params.get("SecretId") is not None else account_wide(*actions)
    return await needs(call)


@operation(
    SECRETS_MANAGER,
    "ValidateResourcePolicy",
    needs=_needs_of_validate,
    quota=own_quota("ValidateResourcePolicy"),
    reads_only=True,
)
async def validate_resource_policy(call: Call) -> Answer:
    """Tell what is wrong with a policy: what is invalid, who gets in, and whether it locks the caller out.

    Source: API Reference, ValidateResourcePolicy.
    """
    secret = existing(call) if call.params.get("SecretId") is not None else None
    account_id = secret.account_id if secret is not None else call.account_id
    text = call.params["ResourcePolicy"]
    stored = await _accepted(call, text, account_id)
    found = [{"CheckName": each.rule, "ErrorMessage": each.message} for each in _findings(text, account_id)]
    if secret is not None and _locks_out(call, secret, stored):
        found.append({"CheckName": "lockout", "ErrorMessage": "The policy denies you to change it in the future."})
    return {"PolicyValidationPassed": not found, "ValidationErrors": found}


def _locks_out(call: Call, secret: Secret, stored: str) -> bool:
    requirement = on_secret(call, None, secret, "secretsmanager:PutResourcePolicy")
    requirement.policy = NamedPolicy(f"resource policy of {secret.arn}", parse(stored, PolicyKind.RESOURCE))
    return not evaluate(access_request(call, requirement), policies_for(call, requirement)).allowed
