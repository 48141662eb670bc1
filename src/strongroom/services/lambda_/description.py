"""GetFunction and GetFunctionConfiguration. Source: AWS Lambda API Reference, of the same names."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_.access import NamedFunction, about_function, existing_version
from strongroom.services.lambda_.code_location import code_location
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import shown_environment
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
    code = {"RepositoryType": "S3", **code_location(call, version.code.code_id)}
    answer: Answer = {"Configuration": await _configuration(call), "Code": code}
    if function.tags:
        answer["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return answer
