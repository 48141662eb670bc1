"""What Parameter Store answers when KMS refuses it the key: KMS's words, and where they come from.

Source: answers of AWS; AWS KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS".
"""

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.data_keys import KMS_TROUBLE
from strongroom.services.ssm.errors import internal_server_error, invalid_key_id

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


def as_ssm_refuses(call: Call, error: AwsError) -> AwsError:
    """Return what Parameter Store answers when KMS raises: who may not, may not; a key that fails is InvalidKeyId.

    What is about neither (throttling, trouble of the server) stays as it is.
    """
    if error.code in KMS_TROUBLE and error.code not in _OF_THE_KEY:
        return internal_server_error()
    if error.code != "AccessDeniedException" and error.code not in _OF_THE_KEY:
        return error
    message = (
        f"{error.message} (Service: AWSKMS; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {call.origin.request_id}; Proxy: null)"
    )
    if error.code == "AccessDeniedException":
        return AwsError(error.code, message, error.status)
    return invalid_key_id(message)
