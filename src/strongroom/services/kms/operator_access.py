"""What the operator can open, who has the root key: no policy is asked, no call is recorded.

It is there to check and to rescue what is stored. No operation uses it.
"""

from collections.abc import Mapping

from strongroom.base.arn import parse_arn
from strongroom.base.errors import AwsError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.house import House
from strongroom.services.kms import ciphertext
from strongroom.services.kms.key_directory import KeyDirectory
from strongroom.services.kms.material import SymmetricMaterial


async def decrypt_as_operator(house: House, key_arn: str, sent: bytes, context: Mapping[str, str]) -> bytes | None:
    """Return the plaintext of a ciphertext under a symmetric key, enabled or not; None when that key is gone.

    Raises SealBroken for a ciphertext that is damaged, or belongs to another context.
    """
    arn = parse_arn(key_arn)
    try:
        blob = ciphertext.parse(sent)
    except AwsError:
        raise SealBroken(key_arn, "it is no ciphertext of a KMS key") from None
    key = await house.part(KeyDirectory).find(arn.region, blob.key_id) if arn is not None else None
    material = key.materials.get(blob.key_material_id) if key is not None else None
    if not isinstance(material, SymmetricMaterial):
        return None
    try:
        return material.decrypt(blob, context)
    except (AuthenticationFailed, AwsError):
        raise SealBroken(key_arn, "its ciphertext does not open") from None
