"""Reserved concurrency: how many invocations of a function may run at the same time, taken from the account's.

Source: AWS Lambda API Reference, PutFunctionConcurrency; Developer Guide, "Configuring reserved concurrency for a
function"; recorded answers.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.quotas import CONCURRENCY_QUOTA, own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection

UNRESERVED_MIN = 100
"""What has to be left for functions that reserve nothing."""


def _function_without_qualifier(call: Call) -> Function:
    target: NamedFunction = call.target
    if target.named.qualifier:
        raise errors.invalid_parameter(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    return target.existing()


@operation(
    LAMBDA,
    "PutFunctionConcurrency",
    needs=about_function("lambda:PutFunctionConcurrency"),
    quota=own_quota("PutFunctionConcurrency"),
)
async def put_function_concurrency(call: Call) -> Answer:
    """Reserve concurrency for a function: nobody else gets it, and the function gets no more. Zero stops it."""
    function = _function_without_qualifier(call)
    wanted: int = call.params["ReservedConcurrentExecutions"]
    most = int(call.house.quotas.most(CONCURRENCY_QUOTA, function.account_id, function.region))

    def change(connection: Connection, current: Function) -> Answer:
        others = tables.reserved_concurrency(connection, current.account_id, current.region, besides=current.arn)
        if wanted and most - others - wanted < UNRESERVED_MIN:
            raise errors.invalid_parameter(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                f"below its minimum value of [{UNRESERVED_MIN}]."
            )
        tables.update_function(connection, current.arn, {"reserved_concurrency": wanted})
        return {"ReservedConcurrentExecutions": wanted}

    return await change_function(call, function, change)


@operation(
    LAMBDA,
    "GetFunctionConcurrency",
    needs=about_function("lambda:GetFunctionConcurrency"),
    quota=own_quota("GetFunctionConcurrency"),
    reads_only=True,
)
async def get_function_concurrency(call: Call) -> Answer:
    """Return the concurrency that a function has reserved, nothing if it has not."""
    reserved = _function_without_qualifier(call).reserved_concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


@operation(
    LAMBDA,
    "DeleteFunctionConcurrency",
    needs=about_function("lambda:DeleteFunctionConcurrency"),
    quota=own_quota("DeleteFunctionConcurrency"),
)
async def delete_function_concurrency(call: Call) -> Answer:
    """Give the concurrency back that a function had reserved."""
    function = _function_without_qualifier(call)

    def change(connection: Connection, current: Function) -> Answer:
        tables.update_function(connection, current.arn, {"reserved_concurrency": None})
        return {}

    return await change_function(call, function, change)
