"""What Parameter Store answers when KMS refuses it the key: KMS's words, and where they come from.

Source: answers of AWS; AWS KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS".
"""

from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.ssm.errors import invalid_key_id

_OF_THE_KEY = frozenset(
    {
        "NotFoundException",
        "DisabledException",
        "KMSInvalidStateException",
        "InvalidKeyUsageException",
        "IncorrectKeyException",
        "InvalidArnException",
        "InvalidCiphertextException",
        "KeyUnavailableException",
    }
)


@contextmanager
def kms_refusals_as_ssm(call: Call) -> Iterator[None]:
    """Turn what KMS raises into what Parameter Store answers: who may not, may not; a key that fails is InvalidKeyId.

    What is about neither (throttling, trouble of the server) is passed on.
    """
    try:
        yield
    except AwsError as error:
        if error.code != "AccessDeniedException" and error.code not in _OF_THE_KEY:
            raise
        message = (
            f"{error.message} (Service: AWSKMS; Status Code: {error.status}; Error Code: {error.code}; "
            f"Request ID: {call.origin.request_id}; Proxy: null)"
        )
        if error.code == "AccessDeniedException":
            raise AwsError(error.code, message, error.status) from None
        raise invalid_key_id(message) from None
