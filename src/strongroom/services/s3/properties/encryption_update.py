"""UpdateObjectEncryption: another key for an object that is there. Its bytes stay, their key is wrapped anew.

Source: Amazon S3 API Reference, UpdateObjectEncryption.
"""

from collections.abc import Sequence
from typing import Any

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.encryption_choice import DSSE_KMS, SSE_C, SSE_KMS, Choice
from strongroom.services.s3.get_object import found_version, of_version
from strongroom.services.s3.object_keys import keys_of, rewrapped
from strongroom.services.s3.properties.change import change_version
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import Version, object_place, wrapped_keys


async def _needs(call: Call) -> Sequence[Requirement]:
    needed: Sequence[Requirement] = await of_version("s3:UpdateObjectEncryption", "s3:UpdateObjectEncryption")(call)
    return needed


@operation(S3, "UpdateObjectEncryption", needs=_needs)
async def update_object_encryption(call: Call) -> Answer:
    """Put an object under a KMS key, from SSE-S3 or from another one. Source: UpdateObjectEncryption."""
    bucket, version = found_version(call, "PUT")
    wanted = call.params["ObjectEncryption"].get("SSEKMS")
    if wanted is None:
        raise errors.malformed_xml()
    if version.encryption.algorithm in (SSE_C, DSSE_KMS):
        raise errors.invalid_request("The encryption of this object cannot be changed in place.")
    if not call.origin.secure:
        raise errors.needs_secure_connection("AWS KMS managed")
    choice = Choice(SSE_KMS, wanted["KMSKeyArn"], {}, bool(wanted.get("BucketKeyEnabled")))
    content_id = version.content_id or ""
    kept = wrapped_keys(call.house, version)
    keys = await keys_of(call, bucket, version.key, content_id, version.encryption, kept, None)
    new = await rewrapped(call, bucket, version.key, content_id, choice, keys)
    place = object_place(version.bucket, version.key, version.version_id)
    sealed_key = call.house.sealer.seal(new.wrapped, place)

    def change(now: Version) -> dict[str, Any]:
        if now.sealed_key != version.sealed_key:
            raise errors.conditional_conflict("encryption", version.key)
        return {"encryption": new.encryption.stored(), "sealed_key": sealed_key}

    await change_version(call, version, change)
    return {}
