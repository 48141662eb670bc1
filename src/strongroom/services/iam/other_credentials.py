"""Credentials of kinds that nobody has here: passwords, SSH keys, certificates. Making one is not served.

Programs that clean up after themselves list all of them, and delete a password unasked; the truthful answer is that
there are none.
Source: IAM API Reference, the operations' own pages.
"""

from strongroom.base.errors import AwsError
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
        """Tell that a user has none."""
        _must_exist(call)
        return {member: [], "IsTruncated": False}


def _serve_none_of_account(name: str, member: str) -> None:
    @operation(IAM, name, needs=account_wide(f"iam:{name}"), reads_only=True)
    async def none_of_account(call: Call) -> Answer:
        """Tell that the account has none."""
        return {member: []}


for _name, _member in _OF_A_USER.items():
    _serve_none_of_user(_name, _member)
for _name, _member in _OF_THE_ACCOUNT.items():
    _serve_none_of_account(_name, _member)


async def _no_login_profile(call: Call) -> Answer:
    """Tell that the user has no password."""
    _must_exist(call)
    name = call.account_id if call.target is None else call.target.name
    raise errors.no_such_entity(f"Login Profile for User {name} cannot be found.")


for _name in ("GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"):
    _needs = on_user_or_caller(f"iam:{_name}")
    operation(IAM, _name, needs=_needs, reads_only=_name == "GetLoginProfile")(_no_login_profile)


@operation(IAM, "ChangePassword", needs=on_user_or_caller("iam:ChangePassword"))
async def change_password(call: Call) -> Answer:
    """Tell that the caller has no password to change. Source: IAM API Reference, ChangePassword."""
    if call.target is None:
        raise AwsError("InvalidUserType", "Only IAM Users can change their own password", 400)
    return await _no_login_profile(call)
