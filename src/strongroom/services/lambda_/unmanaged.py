"""What functions can be asked about and cannot have here: the answers of AWS for a function without it.

Clients that describe a function ask these things too. Source: AWS Lambda API Reference,
GetFunctionCodeSigningConfig, GetFunctionRecursionConfig, PutFunctionRecursionConfig, GetRuntimeManagementConfig.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.access import NamedFunction, about_function, existing, existing_version
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection


@operation(
    LAMBDA,
    "GetFunctionCodeSigningConfig",
    needs=about_function("lambda:GetFunctionCodeSigningConfig"),
    quota=own_quota("GetFunctionCodeSigningConfig"),
    reads_only=True,
)
async def get_function_code_signing_config(call: Call) -> Answer:
    """Return that code of the function need not be signed."""
    return {"FunctionName": existing(call).name, "CodeSigningConfigArn": ""}


@operation(
    LAMBDA,
    "GetFunctionRecursionConfig",
    needs=about_function("lambda:GetFunctionRecursionConfig"),
    quota=own_quota("GetFunctionRecursionConfig"),
    reads_only=True,
)
async def get_function_recursion_config(call: Call) -> Answer:
    """Return what is to become of loops of a function and a queue, a topic or a bucket. There are none of these."""
    return {"RecursiveLoop": existing(call).recursive_loop}


@operation(
    LAMBDA,
    "PutFunctionRecursionConfig",
    needs=about_function("lambda:PutFunctionRecursionConfig"),
    quota=own_quota("PutFunctionRecursionConfig"),
)
async def put_function_recursion_config(call: Call) -> Answer:
    """Keep what is to become of such loops."""
    wanted = call.params["RecursiveLoop"]

    def change(connection: Connection, current: Function) -> Answer:
        tables.update_function(connection, current.arn, {"recursive_loop": wanted})
        return {"RecursiveLoop": wanted}

    return await change_function(call, existing(call), change)


@operation(
    LAMBDA,
    "GetRuntimeManagementConfig",
    needs=about_function("lambda:GetRuntimeManagementConfig"),
    quota=own_quota("GetRuntimeManagementConfig"),
    reads_only=True,
)
async def get_runtime_management_config(call: Call) -> Answer:
    """Return that a function runs on the runtime that the machine has now."""
    target: NamedFunction = call.target
    await existing_version(call)
    return {"UpdateRuntimeOn": "Auto", "FunctionArn": target.named.qualified_arn}
