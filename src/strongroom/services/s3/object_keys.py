"""The data keys that an object's bytes are sealed under: made for each object, kept wrapped as its encryption says.

What is kept is sealed once more for the place of the object's own row, so that it opens nowhere else.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.crypto.aead import AuthenticationFailed, DerivedKeyAead
from strongroom.crypto.random import random_bytes
from strongroom.operations.call import Call
from strongroom.operations.data_keys import DATA_KEY_BYTES, decrypt_data_key, encrypt_data_key, generate_data_key
from strongroom.services.s3 import errors
from strongroom.services.s3.bucket_keys.bucket_keys import BucketKeys
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.customer_keys import CustomerKey, shown_customer_key
from strongroom.services.s3.encryption_choice import CONTEXT_ARN, DSSE_KMS, SSE_C, SSE_KMS, SSE_S3, Choice
from strongroom.services.s3.kms_refusals import kms_refusals_as_s3


class ContentKeys(NamedTuple):
    """The key of the layer next to the bytes, and of the second, outer layer (DSSE-KMS alone has one)."""

    inner: bytes
    outer: bytes | None = None

    def __repr__(self) -> str:
        return "ContentKeys(hidden)"


class Encryption(NamedTuple):
    """How an object is encrypted, as its row tells and answers show; no secret is in it.

    `context` is what the caller added to the encryption context.
    """

    algorithm: str
    key_arn: str = ""
    context: Mapping[str, str] = {}
    bucket_key_id: str = ""
    customer_key_md5: str = ""

    def stored(self) -> dict[str, Any]:
        """Return it as the database keeps it, without what it does not have."""
        return {name: value for name, value in self._asdict().items() if value}

    def shown(self) -> dict[str, Any]:
        """Return the members of an answer that tell of it."""
        if self.algorithm == SSE_C:
            return dict(shown_customer_key(self.customer_key_md5))
        shown: dict[str, Any] = {"ServerSideEncryption": self.algorithm}
        if self.key_arn:
            shown["SSEKMSKeyId"] = self.key_arn
        if self.bucket_key_id:
            shown["BucketKeyEnabled"] = True
        return shown


class NewKeys(NamedTuple):
    """Fresh keys for an object's bytes, what is kept of them, and how the object is encrypted."""

    keys: ContentKeys
    wrapped: bytes
    encryption: Encryption

    def __repr__(self) -> str:
        return f"NewKeys({self.encryption!r}, hidden)"


def content_place(content_id: str) -> str:
    """Return the place that the data key of a content is wrapped for."""
    return f"s3 content {content_id}"


def _context_of(choice_context: Mapping[str, str], arn: str) -> dict[str, str]:
    """Return the encryption context: the caller's pairs, and the ARN of the object or of its bucket."""
    if choice_context.get(CONTEXT_ARN, arn) != arn:
        raise errors.invalid_argument(
            f"The encryption context must not name another {CONTEXT_ARN}.", "x-amz-server-side-encryption-context"
        )
    return {**choice_context, CONTEXT_ARN: arn}


async def new_keys(call: Call, bucket: Bucket, key: str, content_id: str, choice: Choice) -> NewKeys:
    """Return fresh keys for an object. Raises AwsError as S3 does when KMS refuses."""
    data_key, place = random_bytes(DATA_KEY_BYTES), content_place(content_id)
    if choice.algorithm == SSE_S3:
        return NewKeys(ContentKeys(data_key), data_key, Encryption(SSE_S3))
    if choice.customer_key is not None:
        wrapped = DerivedKeyAead(choice.customer_key.secret).encrypt(data_key, place.encode())
        return NewKeys(ContentKeys(data_key), wrapped, Encryption(SSE_C, customer_key_md5=choice.customer_key.md5))
    if choice.bucket_key:
        context = _context_of(choice.context, bucket.arn)
        bucket_key = await call.house.part(BucketKeys).for_writing(call, bucket, choice.key_id, context)
        encryption = Encryption(SSE_KMS, bucket_key.key_arn, choice.context, bucket_key.id)
        return NewKeys(ContentKeys(data_key), bucket_key.wrap(data_key, place), encryption)
    context = _context_of(choice.context, bucket.object_arn(key))
    with kms_refusals_as_s3():
        made = await generate_data_key(call, choice.key_id, context)
    encryption = Encryption(choice.algorithm, made.key_arn, choice.context)
    if choice.algorithm == DSSE_KMS:
        # The layers are independent: the inner key never leaves S3, the outer one comes from KMS.
        return NewKeys(ContentKeys(data_key, made.plaintext), data_key + made.ciphertext, encryption)
    return NewKeys(ContentKeys(made.plaintext), made.ciphertext, encryption)


async def rewrapped(
    call: Call, bucket: Bucket, key: str, content_id: str, choice: Choice, keys: ContentKeys
) -> NewKeys:
    """Return the keys of an object that is there, wrapped under another KMS key. Raises AwsError when KMS refuses."""
    if choice.bucket_key:
        context = _context_of(choice.context, bucket.arn)
        bucket_key = await call.house.part(BucketKeys).for_writing(call, bucket, choice.key_id, context)
        encryption = Encryption(SSE_KMS, bucket_key.key_arn, choice.context, bucket_key.id)
        return NewKeys(keys, bucket_key.wrap(keys.inner, content_place(content_id)), encryption)
    context = _context_of(choice.context, bucket.object_arn(key))
    with kms_refusals_as_s3():
        made = await encrypt_data_key(call, keys.inner, choice.key_id, context)
    return NewKeys(keys, made.ciphertext, Encryption(SSE_KMS, made.key_arn, choice.context))


async def keys_of(
    call: Call,
    bucket: Bucket,
    key: str,
    content_id: str,
    encryption: Encryption,
    wrapped: bytes,
    customer_key: CustomerKey | None,
) -> ContentKeys:
    """Return the keys of an object that is there.

    Raises AwsError as S3 does: for a customer's key that is missing, unwanted or wrong, and when KMS refuses.
    """
    place = content_place(content_id)
    if encryption.algorithm == SSE_C:
        if customer_key is None:
            raise errors.invalid_request(
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided "
                "to retrieve the object."
            )
        try:
            return ContentKeys(DerivedKeyAead(customer_key.secret).decrypt(wrapped, place.encode()))
        except AuthenticationFailed:
            raise errors.wrong_customer_key() from None
    if customer_key is not None:
        raise errors.invalid_request("The encryption parameters are not applicable to this object.")
    if encryption.algorithm == SSE_S3:
        return ContentKeys(wrapped)
    _must_be_secure(call)
    if encryption.bucket_key_id:
        context = _context_of(encryption.context, bucket.arn)
        found = await call.house.part(BucketKeys).for_reading(call, bucket, encryption.bucket_key_id, context)
        if found is None:
            raise AwsError("InternalError", "The bucket key of the object is missing.", 500)
        return ContentKeys(found.unwrap(wrapped, place))
    inner, ciphertext = None, wrapped
    if encryption.algorithm == DSSE_KMS:
        inner, ciphertext = wrapped[:DATA_KEY_BYTES], wrapped[DATA_KEY_BYTES:]
    context = _context_of(encryption.context, bucket.object_arn(key))
    with kms_refusals_as_s3():
        data_key = await decrypt_data_key(call, ciphertext, encryption.key_arn, context)
    return ContentKeys(data_key) if inner is None else ContentKeys(inner, data_key)


def _must_be_secure(call: Call) -> None:
    if not call.origin.secure:
        raise errors.needs_secure_connection("AWS KMS managed")
