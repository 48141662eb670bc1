"""Keys that the client keeps (SSE-C): sent with each request, used, and forgotten.

Source: Amazon S3 User Guide, "Using server-side encryption with customer-provided keys (SSE-C)"; answers of AWS.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.s3 import errors

ALGORITHM = "AES256"
KEY_BYTES = 32
_HEADER = "x-amz-server-side-encryption"
"""What AWS names as the argument that is wrong, whichever of the headers it is."""


class CustomerKey(NamedTuple):
    """A key that came with a request, and its MD5 (base64), which answers name it by."""

    secret: bytes
    md5: str

    def __repr__(self) -> str:
        return "CustomerKey(hidden)"


def customer_key_of(call: Call, prefix: str = "SSECustomer") -> CustomerKey | None:
    """Return the key that a request brings, None when it brings none.

    `prefix` begins its members' names: CopyObject has another one for its source. Raises InvalidArgument,
    InvalidRequest or InvalidEncryptionAlgorithmError, and nothing that comes over plain HTTP is used.
    """
    params = call.params
    algorithm, key, md5 = (params.get(f"{prefix}{name}") for name in ("Algorithm", "Key", "KeyMD5"))
    if algorithm is None and key is None and md5 is None:
        return None
    _must_be_complete(algorithm, key, md5)
    if not call.origin.secure:
        raise errors.needs_secure_connection("Customer provided")
    if algorithm != ALGORITHM:
        raise AwsError(
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
            members={"ArgumentName": _HEADER, "ArgumentValue": algorithm},
        )
    return _checked(str(key), str(md5))


def _must_be_complete(algorithm: Any, key: Any, md5: Any) -> None:
    what = "Requests specifying Server Side Encryption with Customer provided keys must provide"
    if algorithm is None:
        raise errors.invalid_argument(f"{what} a valid encryption algorithm.", _HEADER)
    if key is None:
        raise errors.invalid_argument(f"{what} an appropriate secret key.", _HEADER)
    if md5 is None:
        raise errors.invalid_argument(f"{what} the client calculated MD5 of the secret key.", _HEADER)


def _checked(key: str, md5: str) -> CustomerKey:
    try:
        secret = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise errors.invalid_argument("The secret key was invalid for the specified algorithm.", _HEADER)
    right = base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if md5 != right:
        raise errors.invalid_argument(
            "The calculated MD5 hash of the key did not match the hash that was provided.", _HEADER
        )
    return CustomerKey(secret, right)


def shown_customer_key(key_md5: str) -> Mapping[str, str]:
    """Return the members of an answer that speak of a customer's key."""
    return {"SSECustomerAlgorithm": ALGORITHM, "SSECustomerKeyMD5": key_md5}
