"""Beginning, filling and giving up of multipart uploads. Source: Amazon S3 API Reference."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3 import tables as s3_tables
from strongroom.services.s3.access import named_bucket, on_object
from strongroom.services.s3.buckets import Bucket
from strongroom.services.s3.content import Content
from strongroom.services.s3.customer_keys import customer_key_of
from strongroom.services.s3.encryption_choice import SSE_C, SSE_S3, choose
from strongroom.services.s3.multipart import tables
from strongroom.services.s3.object_details import details_of, require_part_number, require_valid_key
from strongroom.services.s3.object_keys import ContentKeys, Encryption, keys_of, new_keys
from strongroom.services.s3.put_object import writing_requirements
from strongroom.services.s3.received import CHECKSUM_MEMBERS, DEFAULT_CHECKSUM, Destination, Expected, Received, receive
from strongroom.services.s3.service import S3
from strongroom.services.s3.versions import new_content_id
from strongroom.storage.connection import Connection

COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"
_FULL_OBJECT_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME")
"""The algorithms whose value for the whole can be found from those of its parts."""


class Upload(NamedTuple):
    """An upload under way."""

    bucket: Bucket
    key: str
    upload_id: str
    content_id: str
    encryption: Encryption
    sealed_key: bytes
    checksum_algorithm: str
    checksum_type: str
    checksum_was_asked: bool
    details: Mapping[str, Any]
    initiated_at: float

    @property
    def place(self) -> str:
        """The place that its keys are sealed for."""
        return tables.UPLOAD_PLACE.format(upload_id=self.upload_id)


def upload_of(bucket: Bucket, row: Any) -> Upload:
    """Return the upload of a row."""
    return Upload(
        bucket,
        row.key,
        row.upload_id,
        row.content_id,
        Encryption(**row.encryption),
        row.sealed_key,
        row.checksum.get("algorithm", ""),
        row.checksum.get("type", ""),
        bool(row.checksum.get("asked")),
        row.details,
        row.initiated_at,
    )


async def find_upload(call: Call, bucket: Bucket) -> Upload:
    """Return the upload that a request names. Raises NoSuchUpload."""
    key, upload_id = call.params["Key"], call.params["UploadId"]
    if "\x00" not in key + upload_id:
        row = await call.read(lambda connection: tables.select_upload(connection, bucket.name, key, upload_id))
        if row is not None:
            return upload_of(bucket, row)
    raise errors.no_such_upload(upload_id)


async def keys_of_upload(call: Call, upload: Upload) -> ContentKeys:
    """Return the keys that an upload's parts are sealed under, as `keys_of` does. Raises InvalidRequest."""
    wrapped = call.house.sealer.open(upload.sealed_key, upload.place)
    customer_key = customer_key_of(call)
    if upload.encryption.algorithm == SSE_C:
        if customer_key is None:
            raise errors.invalid_request(
                "The multipart upload initiate requested encryption. Subsequent part requests must include the "
                "appropriate encryption parameters."
            )
        if customer_key.md5 != upload.encryption.customer_key_md5:
            raise errors.invalid_request("The provided encryption parameters did not match the ones used originally.")
    elif customer_key is not None:
        raise errors.invalid_request(
            "The multipart upload initiate did not request encryption. Please resend the request without sending "
            "encryption parameters."
        )
    return await keys_of(call, upload.bucket, upload.key, upload.content_id, upload.encryption, wrapped, customer_key)


def on_upload(action: str) -> Any:
    """Declare an operation on the object that an upload is to become."""

    async def needs(call: Call) -> Sequence[Requirement]:
        bucket = call.target = await named_bucket(call)
        return (on_object(call, bucket, call.params["Key"], action),)

    return needs


async def _needs_of_create(call: Call) -> Sequence[Requirement]:
    bucket = call.target = await named_bucket(call)
    return writing_requirements(call, bucket, call.params["Key"])


def _checksum_of(params: Mapping[str, Any]) -> dict[str, str]:
    algorithm, kind = params.get("ChecksumAlgorithm"), params.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise errors.invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return {"algorithm": DEFAULT_CHECKSUM, "type": FULL_OBJECT, "asked": ""}
    kind = kind or (FULL_OBJECT if algorithm == DEFAULT_CHECKSUM else COMPOSITE)
    if kind == FULL_OBJECT and algorithm not in _FULL_OBJECT_ALGORITHMS:
        raise errors.invalid_request(
            f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    if kind == COMPOSITE and algorithm == DEFAULT_CHECKSUM:
        raise errors.invalid_request(
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
        )
    return {"algorithm": algorithm, "type": kind, "asked": "yes"}


@operation(S3, "CreateMultipartUpload", needs=_needs_of_create)
async def create_multipart_upload(call: Call) -> Answer:
    """Begin a multipart upload. Source: Amazon S3 API Reference, CreateMultipartUpload."""
    bucket: Bucket = call.target
    params = call.params
    key: str = params["Key"]
    require_valid_key(key)
    choice, details, checksum = choose(call, bucket), details_of(call, bucket), _checksum_of(params)
    upload_id, content_id = uuid.uuid4().hex + uuid.uuid4().hex, new_content_id()
    new = await new_keys(call, bucket, key, content_id, choice)
    values = {
        "upload_id": upload_id,
        "bucket": bucket.name,
        "key": key,
        "initiated_at": call.now,
        "initiator": call.caller.arn or call.caller.user_id,
        "content_id": content_id,
        "encryption": new.encryption.stored(),
        "sealed_key": call.house.sealer.seal(new.wrapped, tables.UPLOAD_PLACE.format(upload_id=upload_id)),
        "checksum": checksum,
        "details": details,
    }
    answer: Answer = {"Bucket": bucket.name, "Key": key, "UploadId": upload_id, **new.encryption.shown()}
    if params.get("ChecksumAlgorithm") is not None:
        answer |= {"ChecksumAlgorithm": checksum["algorithm"], "ChecksumType": checksum["type"]}

    def write(connection: Connection) -> Answer:
        if s3_tables.select_bucket(connection, bucket.name) is None:
            raise errors.no_such_bucket(bucket.name)
        tables.insert_upload(connection, values)
        return answer

    return await call.write(write)


async def store_part(call: Call, upload: Upload, number: int, received: Received) -> tuple[str, dict[str, str]]:
    """Make a received body a part of an upload; return its ETag and its checksum."""
    content = call.house.part(Content)
    is_plain = upload.encryption.algorithm == SSE_S3 and received.md5 is not None
    etag = received.md5.hex() if is_plain and received.md5 is not None else random_bytes(16).hex()
    checksum = {CHECKSUM_MEMBERS[received.algorithm]: received.checksum}
    of_whole = {CHECKSUM_MEMBERS[upload.checksum_algorithm]: received.other} if received.other else {}
    piece = received.piece
    values = piece.values(upload.content_id) | {
        "number": number,
        "details": {"etag": etag, "checksums": checksum | of_whole, "last_modified": call.now},
    }
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        if tables.select_upload(connection, upload.bucket.name, upload.key, upload.upload_id) is None:
            raise errors.no_such_upload(upload.upload_id)
        stale[:] = tables.replace_part(connection, values)
        return {"ETag": f'"{etag}"'}

    async with content.unless_committed([piece.blob] if piece.blob is not None else []):
        await call.write(write)
    await content.delete(stale)
    return etag, checksum


@operation(S3, "UploadPart", needs=on_upload("s3:PutObject"))
async def upload_part(call: Call) -> Answer:
    """Store one part. Source: Amazon S3 API Reference, UploadPart."""
    params = call.params
    number: int = params["PartNumber"]
    require_part_number(number)
    upload = await find_upload(call, call.target)
    expected = Expected.of(params, upload.checksum_algorithm)
    if upload.checksum_was_asked and expected.algorithm != upload.checksum_algorithm:
        raise AwsError(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.checksum_algorithm.lower()}, "
            f"actual checksum Type: {expected.algorithm.lower()}",
        )
    keys = await keys_of_upload(call, upload)
    destination = Destination(call.house.part(Content), upload.content_id, number, keys)
    needs_md5 = upload.encryption.algorithm == SSE_S3
    # Whatever the client checks its part by, the checksum of the whole is found from those of the upload's algorithm.
    also = upload.checksum_algorithm
    received = await receive(params["Body"], expected, destination, needs_md5=needs_md5, also=also)
    call.additional = {"bytesTransferredIn": received.piece.size}
    etag, checksum = await store_part(call, upload, number, received)
    return {"ETag": f'"{etag}"', **checksum, **upload.encryption.shown()}


@operation(S3, "AbortMultipartUpload", needs=on_upload("s3:AbortMultipartUpload"))
async def abort_multipart_upload(call: Call) -> Answer:
    """Give an upload up, with all its parts. Source: Amazon S3 API Reference, AbortMultipartUpload."""
    upload = await find_upload(call, call.target)
    stale: list[str] = []

    def write(connection: Connection) -> Answer:
        tables.delete_upload(connection, upload.upload_id)
        stale[:] = s3_tables.delete_pieces(connection, upload.content_id)
        return {}

    answer = await call.write(write)
    await call.house.part(Content).delete(stale)
    return answer
