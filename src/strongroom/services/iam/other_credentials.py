"""Credentials of kinds that nobody has here: passwords, SSH keys, certificates. Making one is not served.

Programs that clean up after themselves ask for all of them; the truthful answer is that there are none.
Source: IAM API Reference, the operations' own pages.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.iam import errors
from strongroom.services.iam.access import account_wide, on_user_or_caller
from strongroom.services.iam.service import IAM

_OF_A_USER = {
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListSigningCertificates": "Certificates",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
}
_OF_THE_ACCOUNT = {"ListServerCertificates": "ServerCertificateMetadataList", "ListSAMLProviders": "SAMLProviderList"}


def _must_exist(call: Call) -> None:
    if call.target is not None:
        call.target.found()


def _serve_none_of_user(name: str, member: str) -> None:
    @operation(IAM, name, needs=on_user_or_caller(f"iam:{name}"), reads_only=True)
    async def none_of_user(call: Call) -> Answer:
        _must_exist(call)
        return {member: [], "IsTruncated": False}


def _serve_none_of_account(name: str, member: str) -> None:
    @operation(IAM, name, needs=account_wide(f"iam:{name}"), reads_only=True)
    async def none_of_account(call: Call) -> Answer:
        return {member: []}


for _name, _member in _OF_A_USER.items():
    _serve_none_of_user(_name, _member)
for _name, _member in _OF_THE_ACCOUNT.items():
    _serve_none_of_account(_name, _member)


@operation(IAM, "GetLoginProfile", needs=on_user_or_caller("iam:GetLoginProfile"), reads_only=True)
async def get_login_profile(call: Call) -> Answer:
    """Tell that a user has no password."""
    _must_exist(call)
    name = call.params.get("UserName") or call.caller.identity.username
    raise errors.no_such_entity(f"Login Profile for User {name} cannot be found.")


@operation(IAM, "GetAccountPasswordPolicy", needs=account_wide("iam:GetAccountPasswordPolicy"), reads_only=True)
async def get_account_password_policy(call: Call) -> Answer:
    """Tell that the account has no password policy."""
    raise errors.no_such_entity(f"The Password Policy with domain name {call.account_id} cannot be found.")
