"""The account as a whole: its alias, and how much of IAM it uses.

Source: IAM User Guide, "Your AWS account ID and its alias", "IAM and AWS STS quotas"; IAM API Reference.
"""

import re

from strongroom.identities.identifiers import GROUP, ROLE, USER
from strongroom.identities.tables import select_access_keys_of, select_account
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors, tables
from strongroom.services.iam.access import account_wide
from strongroom.services.iam.access_keys import ACCESS_KEYS_PER_USER_MAX
from strongroom.services.iam.attachments import POLICIES_PER_IDENTITY_MAX
from strongroom.services.iam.change import change_account
from strongroom.services.iam.inline_policies import INLINE_POLICY_CHARACTERS_MAX
from strongroom.services.iam.instance_profiles import INSTANCE_PROFILES_PER_ACCOUNT_MAX
from strongroom.services.iam.lifecycle import PER_ACCOUNT_MAX
from strongroom.services.iam.memberships import GROUPS_PER_USER_MAX
from strongroom.services.iam.paging import Page
from strongroom.services.iam.policies import POLICIES_PER_ACCOUNT_MAX
from strongroom.services.iam.policy_documents import MANAGED_POLICY_CHARACTERS_MAX
from strongroom.services.iam.policy_store.tables import count_policies
from strongroom.services.iam.policy_versions import VERSIONS_PER_POLICY_MAX
from strongroom.services.iam.service import IAM
from strongroom.services.iam.trust import TRUST_POLICY_CHARACTERS_MAX
from strongroom.storage.connection import Connection

_ACCOUNT_ID = re.compile(r"[0-9]{12}")

_QUOTAS = {
    "UsersQuota": PER_ACCOUNT_MAX[USER],
    "GroupsQuota": PER_ACCOUNT_MAX[GROUP],
    "RolesQuota": PER_ACCOUNT_MAX[ROLE],
    "PoliciesQuota": POLICIES_PER_ACCOUNT_MAX,
    "InstanceProfilesQuota": INSTANCE_PROFILES_PER_ACCOUNT_MAX,
    "GroupsPerUserQuota": GROUPS_PER_USER_MAX,
    "AccessKeysPerUserQuota": ACCESS_KEYS_PER_USER_MAX,
    "VersionsPerPolicyQuota": VERSIONS_PER_POLICY_MAX,
    "PolicyVersionsInUseQuota": POLICIES_PER_ACCOUNT_MAX * VERSIONS_PER_POLICY_MAX,
    "PolicySizeQuota": MANAGED_POLICY_CHARACTERS_MAX,
    "UserPolicySizeQuota": INLINE_POLICY_CHARACTERS_MAX[USER],
    "GroupPolicySizeQuota": INLINE_POLICY_CHARACTERS_MAX[GROUP],
    "RolePolicySizeQuota": INLINE_POLICY_CHARACTERS_MAX[ROLE],
    "AssumeRolePolicySizeQuota": TRUST_POLICY_CHARACTERS_MAX,
    "AttachedPoliciesPerUserQuota": POLICIES_PER_IDENTITY_MAX,
    "AttachedPoliciesPerGroupQuota": POLICIES_PER_IDENTITY_MAX,
    "AttachedPoliciesPerRoleQuota": POLICIES_PER_IDENTITY_MAX,
}
"""The quotas that hold here."""

_NONE_HERE = {
    # Nobody has a password: there is no console to use it with.
    "AccountPasswordPresent": 0,
    "ServerCertificates": 0,
    "ServerCertificatesQuota": 0,
    "AccountSigningCertificatesPresent": 0,
    "SigningCertificatesPerUserQuota": 0,
}
"""What cannot be made here. Clients that count it are told that there is none, and room for none."""

SESSION_TOKEN_VERSION = 2
"""Session tokens are good in every Region, as those of AWS's global endpoint are from version 2 on."""


@operation(IAM, "CreateAccountAlias", needs=account_wide("iam:CreateAccountAlias"))
async def create_account_alias(call: Call) -> Answer:
    """Give the account an alias, in place of another one. Source: IAM API Reference, CreateAccountAlias."""
    alias: str = call.params["AccountAlias"]
    if _ACCOUNT_ID.fullmatch(alias):
        raise errors.validation("An account alias must not look like an account id: 12 digits.")

    def change(connection: Connection) -> Answer:
        holder = tables.select_account_by_alias(connection, alias)
        if holder is not None and holder.account_id != call.account_id:
            raise errors.entity_already_exists(f"The account alias {alias} already exists.")
        tables.update_alias(connection, call.account_id, alias)
        return {}

    return await change_account(call, change)


@operation(IAM, "DeleteAccountAlias", needs=account_wide("iam:DeleteAccountAlias"))
async def delete_account_alias(call: Call) -> Answer:
    """Take the account's alias away. Source: IAM API Reference, DeleteAccountAlias."""
    alias: str = call.params["AccountAlias"]

    def change(connection: Connection) -> Answer:
        holder = tables.select_account_by_alias(connection, alias)
        if holder is None or holder.account_id != call.account_id:
            raise errors.no_such_entity(f"The account alias {alias} cannot be found.")
        tables.update_alias(connection, call.account_id, None)
        return {}

    return await change_account(call, change)


@operation(IAM, "ListAccountAliases", needs=account_wide("iam:ListAccountAliases"), reads_only=True)
async def list_account_aliases(call: Call) -> Answer:
    """List the account's alias: there is one at most. Source: IAM API Reference, ListAccountAliases."""
    page = Page(call)
    row = await call.read(lambda connection: select_account(connection, call.account_id))
    return page.numbered("AccountAliases", [row.alias] if row is not None and row.alias else [])


@operation(IAM, "GetAccountSummary", needs=account_wide("iam:GetAccountSummary"), reads_only=True)
async def get_account_summary(call: Call) -> Answer:
    """Count what the account has, beside its quotas. Source: IAM API Reference, GetAccountSummary."""
    account_id = call.account_id

    def query(connection: Connection) -> dict[str, int]:
        return {
            "Users": tables.count_identities(connection, account_id, USER),
            "Groups": tables.count_identities(connection, account_id, GROUP),
            "Roles": tables.count_identities(connection, account_id, ROLE),
            "Policies": count_policies(connection, account_id),
            "PolicyVersionsInUse": tables.count_policy_versions(connection, account_id),
            "InstanceProfiles": tables.count_instance_profiles(connection, account_id),
            "Providers": tables.count_oidc_providers(connection, account_id),
            "MFADevices": tables.count_mfa_devices(connection, account_id),
            "MFADevicesInUse": tables.count_mfa_devices(connection, account_id, enabled_only=True),
            "AccountMFAEnabled": int(bool(tables.mfa_devices_of(connection, account_id))),
            "AccountAccessKeysPresent": int(bool(select_access_keys_of(connection, account_id))),
            "GlobalEndpointTokenVersion": SESSION_TOKEN_VERSION,
        }

    return {"SummaryMap": await call.read(query) | _QUOTAS | _NONE_HERE}
