"""GetPublicKey: what encrypts and verifies outside of KMS, without a call to it."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.kms import errors
from strongroom.services.kms.key_specs import ALGORITHMS_MEMBERS
from strongroom.services.kms.keys import Key, require_enabled
from strongroom.services.kms.service import KMS, own_quota
from strongroom.services.kms.use import use_of_key


@operation(KMS, "GetPublicKey", needs=use_of_key("kms:GetPublicKey"), quota=own_quota("GetPublicKey"), reads_only=True)
async def get_public_key(call: Call) -> Answer:
    """Return the public key as a SubjectPublicKeyInfo (DER, RFC 5280). Source: AWS KMS API Reference, GetPublicKey."""
    key: Key = call.target
    if not key.kind.is_asymmetric:
        raise errors.unsupported()
    require_enabled(key.arn, key.state)
    answer: Answer = {
        "KeyId": key.arn,
        "PublicKey": key.private_key_material().private_key.public_key,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        ALGORITHMS_MEMBERS[key.usage]: list(key.kind.algorithms[key.usage]),
    }
    if key.kind.has_old_name:
        answer["CustomerMasterKeySpec"] = key.spec
    return answer
