"""Archives as requests bring them: in the request itself, or in S3, read there as the caller.

Source: AWS Lambda API Reference, FunctionCode, LayerVersionContentInput; recorded answers.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.zip_archives import UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX

REQUEST_BYTES_MAX = 70_167_211
"""How long the body of a request with an archive may be: 50 MB in base64, and some."""


async def uploaded(call: Call, given: Mapping[str, Any]) -> bytes:
    """Return the archive that a request brings or names.

    Raises RequestEntityTooLargeException for one that is too long, InvalidParameterValueException for none, for two and
    for an object that is not there, and AccessDeniedException for one that S3 does not give to the caller.
    """
    data: bytes | None = given.get("ZipFile")
    bucket, key = given.get("S3Bucket"), given.get("S3Key")
    if given.get("S3ObjectStorageMode") not in (None, "COPY"):
        raise errors.unsupported("code that stays in S3 (S3ObjectStorageMode)")
    if data is not None:
        if bucket or key or given.get("S3ObjectVersion"):
            raise errors.invalid_parameter(
                "Please do not provide other FunctionCode parameters when providing a ZipFile."
            )
        if len(data) > ZIPPED_BYTES_MAX:
            raise errors.too_large(f"Zipped size must be smaller than {ZIPPED_BYTES_MAX} bytes")
        return data
    if not bucket or not key:
        raise errors.invalid_parameter("Please provide a source for function code.")
    return await _object(call, bucket, key, given.get("S3ObjectVersion"))


async def _object(call: Call, bucket: str, key: str, version_id: str | None) -> bytes:
    params = {"Bucket": bucket, "Key": key}
    if version_id is not None:
        params["VersionId"] = version_id
    try:
        answer = await call.invoke("s3", "GetObject", params)
    except AwsError as error:
        if error.code == "AccessDenied":
            raise errors.denied(
                "Your access has been denied by S3, please make sure your request credentials have permission to "
                f"GetObject for {bucket}/{key}. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from None
        raise errors.invalid_parameter(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        ) from None
    chunks, size = [], 0
    body = answer["Body"]
    try:
        async for chunk in body:
            size += len(chunk)
            if size > UNZIPPED_BYTES_MAX:
                raise errors.invalid_parameter(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
            chunks.append(chunk)
    finally:
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
    return b"".join(chunks)
