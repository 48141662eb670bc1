"""What cryptographic operations under a symmetric or asymmetric key need."""

from collections.abc import Sequence

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Needs
from strongroom.services.kms.access import on_grantable_key, on_key
from strongroom.services.kms.key_directory import KeyDirectory
from strongroom.services.kms.keys import Key
from strongroom.services.kms.managed_keys import identify_or_make, is_managed_by


async def _key_to_use(call: Call, identifier: str) -> Key:
    """Return the key that is to be used; the AWS managed key of a service is made when the service first needs it."""
    directory = call.house.part(KeyDirectory)
    if call.via is not None and call.account_id and is_managed_by(call.via, identifier):
        return await identify_or_make(call, identifier)
    return await directory.identify(call, identifier)


def use_of_key(action: str) -> Needs:
    """Declare a cryptographic operation under the key that `KeyId` names, with the request's encryption context."""

    async def needs(call: Call) -> Sequence[Requirement]:
        params = call.params
        key = call.target = await _key_to_use(call, params["KeyId"])
        context = params.get("EncryptionContext")
        if key.grant_count:
            return (await on_grantable_key(call, key, action, context),)
        return (on_key(call, key, action, context),)

    return needs
