"""Environment variables: encrypted through KMS as the caller, decrypted as the function's role when it starts.

They are encrypted under a data key, which the customer's KMS key or the AWS managed key `alias/aws/lambda` encrypts;
the encryption context is the function. For a customer's key Lambda makes a grant, with the caller's permission, by
which the function's role decrypts: the role itself needs no permission.

Source: AWS Lambda Developer Guide, "Securing Lambda environment variables"; API Reference, EnvironmentError, Invoke.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.random import random_bytes
from strongroom.operations.call import Call
from strongroom.operations.data_keys import DATA_KEY_BYTES, decrypt_data_key, encrypt_data_key
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.encrypted_variables import decrypted, encoded, encrypted
from strongroom.services.lambda_.execution_role import running_as
from strongroom.services.lambda_.function_version import FunctionVersion, SealedVariables
from strongroom.services.lambda_.service import LAMBDA

DEFAULT_KEY = "alias/aws/lambda"
VARIABLES_BYTES_MAX = 4 * 1024
CONTEXT_KEY = "aws:lambda:FunctionArn"
INTERNAL = "AWS Internal"

_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
"""Source: Developer Guide, "Defined runtime environment variables"."""

_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)


def checked_variables(params: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the variables that a request brings, None for a request that says nothing of them.

    Raises InvalidParameterValueException for names that are Lambda's own, for what a process cannot have, and for more
    than 4 KB.
    """
    environment = params.get("Environment")
    if environment is None:
        return None
    variables: dict[str, str] = dict(environment.get("Variables") or {})
    reserved = sorted(_RESERVED.intersection(variables))
    if reserved:
        raise errors.invalid_parameter(
            f"{_UNABLE}contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    if any("\0" in value for value in variables.values()):
        raise errors.invalid_parameter(f"{_UNABLE}contains a null character.")
    try:
        length = len(encoded(variables))
    except UnicodeEncodeError:
        raise errors.invalid_parameter(f"{_UNABLE}contains text that is not valid Unicode.") from None
    if length > VARIABLES_BYTES_MAX:
        raise errors.invalid_parameter(f"{_UNABLE}exceeded the 4KB limit.")
    return variables


def encryption_context(function_arn: str) -> dict[str, str]:
    """Return the encryption context of a function's variables."""
    return {CONTEXT_KEY: function_arn}


async def seal_variables(
    call: Call, function_arn: str, variables: Mapping[str, str], kms_key_arn: str | None
) -> SealedVariables | None:
    """Return variables encrypted for a function, under a KMS key or the AWS managed one; None when there are none.

    KMS is asked to encrypt, as the caller. Raises AwsError as Lambda does when KMS refuses.
    """
    if not variables:
        return None
    key = random_bytes(DATA_KEY_BYTES)
    try:
        made = await encrypt_data_key(call, key, kms_key_arn or DEFAULT_KEY, encryption_context(function_arn))
    except AwsError as error:
        raise configuring(error, "Encrypt") from None
    return SealedVariables(encrypted(key, variables, function_arn), made.ciphertext, made.key_arn)


async def open_as_caller(call: Call, version: FunctionVersion) -> dict[str, str]:
    """Return the variables of a version, decrypted as the caller. Raises AwsError as KMS does."""
    sealed = version.variables
    if sealed is None:
        return {}
    key = await decrypt_data_key(call, sealed.data_key, sealed.key_arn, encryption_context(version.function_arn))
    try:
        return decrypted(key, sealed.ciphertext, version.function_arn)
    except AuthenticationFailed:
        # Somebody changed the row behind Strongroom's back.
        raise AwsError("InvalidCiphertextException", "The environment variables are damaged.") from None


async def shown_environment(call: Call, version: FunctionVersion) -> dict[str, Any] | None:
    """Return the Environment member of an answer: the variables, or why the caller does not get to see them.

    None for a function that has none.
    """
    if version.variables is None:
        return {"Variables": {}} if version.settings.get("HasEnvironment") else None
    try:
        return {"Variables": await open_as_caller(call, version)}
    except AwsError as error:
        return {"Error": {"ErrorCode": error.code, "Message": _undecrypted(error, "your environment variables")}}


async def open_variables(house: House, version: FunctionVersion) -> dict[str, str]:
    """Return the variables of a version, decrypted as its role, for a function that starts.

    Raises AwsError as Invoke does when KMS refuses: KMSAccessDeniedException, KMSDisabledException,
    KMSInvalidStateException, KMSNotFoundException.
    """
    sealed = version.variables
    if sealed is None:
        return {}
    params = {
        "CiphertextBlob": sealed.data_key,
        "KeyId": sealed.key_arn,
        "EncryptionContext": encryption_context(version.function_arn),
    }
    try:
        answer = await kms_as_role(house, version, "Decrypt", params)
        return decrypted(answer["Plaintext"], sealed.ciphertext, version.function_arn)
    except AwsError as error:
        raise refused_start(error) from None
    except AuthenticationFailed:
        raise refused_start(AwsError("InvalidCiphertextException", "The environment variables are damaged.")) from None


async def kms_as_role(house: House, version: FunctionVersion, operation: str, params: dict[str, Any]) -> Answer:
    """Perform an operation of KMS as a function does while it runs, through Lambda. Raises AwsError as KMS does."""
    caller = await running_as(house, version.role_arn, version.name)
    if caller is None:
        raise AwsError("AccessDeniedException", "The function's execution role does not exist.")
    now = house.clock.now()
    return await perform(
        house,
        "kms",
        operation,
        params,
        caller=caller,
        origin=Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL),
        region=version.region,
        called_via=(LAMBDA.name,),
    )


_WHY: Mapping[str, tuple[str, str]] = {
    "AccessDeniedException": ("KMSAccessDeniedException", "KMS access was denied"),
    "DisabledException": ("KMSDisabledException", "the KMS key used is disabled"),
    "KMSInvalidStateException": ("KMSInvalidStateException", "the state of the KMS key used is not valid for Decrypt"),
    "NotFoundException": ("KMSNotFoundException", "the KMS key was not found"),
}


def _undecrypted(error: AwsError, what: str) -> str:
    why = _WHY.get(error.code, ("", "KMS refused"))[1]
    return (
        f"Lambda was unable to decrypt {what} because {why}. Please check your KMS key "
        f"settings. KMS Exception: {error.code} KMS Message: {error.message}"
    )


def refused_start(error: AwsError, what: str = "the environment variables") -> AwsError:
    """Return what Invoke answers when KMS does not decrypt something that a function needs to start."""
    if error.code == "ThrottlingException" or error.status >= 500:
        return error
    code = _WHY.get(error.code, ("KMSAccessDeniedException", ""))[0]
    return AwsError(code, _undecrypted(error, what), 502)


def configuring(error: AwsError, what: str) -> AwsError:
    """Return what is answered to who configures a function with a key that KMS refuses."""
    if error.status >= 500 or error.code == "ThrottlingException":
        return error
    unable = "Lambda was unable to configure access to your environment variables because"
    told = f"KMS Exception: {error.code} KMS Message: {error.message}"
    if error.code == "AccessDeniedException":
        return errors.denied(f"{unable} KMS access was denied. Please check your KMS permissions. {told}")
    return errors.invalid_parameter(
        f"{unable} the KMS key is invalid for {what}. Please check your KMS key settings. {told}"
    )
