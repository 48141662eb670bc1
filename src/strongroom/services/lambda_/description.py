"""GetFunction and GetFunctionConfiguration. Source: AWS Lambda API Reference, of the same names."""

from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_.access import NamedFunction, about_function, existing_version
from strongroom.services.lambda_.code_keys import require_readable
from strongroom.services.lambda_.code_location import code_location
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import shown_environment
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA


async def _configuration(call: Call) -> Answer:
    target: NamedFunction = call.target
    version = await existing_version(call)
    return shown_configuration(version, await shown_environment(call, version), target.named.qualified_arn)


@operation(
    LAMBDA,
    "GetFunctionConfiguration",
    needs=about_function("lambda:GetFunctionConfiguration"),
    quota=own_quota("GetFunctionConfiguration"),
    reads_only=True,
)
async def get_function_configuration(call: Call) -> Answer:
    """Return the settings of a version of a function; of what an alias leads to, the first version's."""
    return await _configuration(call)


@operation(
    LAMBDA,
    "GetFunction",
    needs=about_function("lambda:GetFunction"),
    quota=own_quota("GetFunction"),
    reads_only=True,
)
async def get_function(call: Call) -> Answer:
    """Return the settings of a version of a function, where its code can be fetched, its tags and its concurrency."""
    target: NamedFunction = call.target
    function = target.existing()
    version = await existing_version(call)
    answer: Answer = {"Configuration": await _configuration(call), "Code": await _code(call, version)}
    if function.tags:
        answer["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return answer


async def _code(call: Call, version: FunctionVersion) -> dict[str, Any]:
    """Return where code can be fetched; under a customer's key, only for who may decrypt it, or why it cannot."""
    shown: dict[str, Any] = {"RepositoryType": "S3"}
    if version.code.kms_key_arn is not None:
        shown["SourceKMSKeyArn"] = version.code.kms_key_arn
        try:
            await require_readable(call, version.code.code_id)
        except AwsError as error:
            why = f"KMS access is denied. Check your KMS permissions. KMS Exception: {error.code} "
            return {**shown, "Error": {"ErrorCode": error.code, "Message": f"{why}KMS Message: {error.message}"}}
    return {**shown, **code_location(call, version.code.code_id)}
