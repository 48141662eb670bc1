"""How asynchronous invocations are retried, and where their outcome is sent.

Source: AWS Lambda API Reference, PutFunctionEventInvokeConfig and its siblings; recorded answers.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.base.arn import parse_arn
from strongroom.base.clock import as_datetime
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, about_function, existing
from strongroom.services.lambda_.change import change_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_name import LATEST, qualified
from strongroom.services.lambda_.paging import page_size, paged, position
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.storage.connection import Connection

_SERVICES = frozenset({"lambda", "sqs", "sns", "events", "s3"})
_NUMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")


async def _named(call: Call) -> tuple[Function, str]:
    """Return the function and the qualifier of a configuration, `$LATEST` for none.

    Raises ResourceNotFoundException when the version or alias is not there.
    """
    target: NamedFunction = call.target
    function, qualifier = target.function, target.named.qualifier or LATEST
    if function is None:
        raise errors.not_found(f"The function {qualified(target.named.arn, qualifier)} doesn't exist.")
    if await call.house.part(FunctionDirectory).behind(function, qualifier) is None:
        raise errors.not_found(f"The function {qualified(function.arn, qualifier)} doesn't exist.")
    return function, qualifier


def _shown(function: Function, qualifier: str, settings: Mapping[str, Any]) -> Answer:
    return {
        **settings,
        "FunctionArn": qualified(function.arn, qualifier),
        "LastModified": as_datetime(settings["LastModified"]),
    }


def _no_config(function_arn: str, qualifier: str) -> Exception:
    return errors.not_found(f"The function {qualified(function_arn, qualifier)} doesn't have an EventInvokeConfig")


def _destinations(call: Call, function: Function, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a DestinationConfig with both sides. Raises InvalidParameterValueException for what is no destination."""
    config: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}
    for side in config:
        text = ((given or {}).get(side) or {}).get("Destination")
        if not text:
            continue
        arn = parse_arn(text)
        if arn is None or arn.service not in _SERVICES:
            raise errors.invalid_parameter(f"The provided destination config {side} is not a valid destination ARN.")
        if text.partition(f":function:{function.name}")[1] and arn.service == "lambda" and _is_itself(function, text):
            raise errors.invalid_parameter("You can't specify the function as a destination for itself.")
        config[side] = {"Destination": text}
    return config


def _is_itself(function: Function, text: str) -> bool:
    return text == function.arn or text.startswith(f"{function.arn}:")


async def _write(call: Call, function: Function, qualifier: str, kept: bool) -> Answer:
    params = call.params

    def change(connection: Connection, current: Function) -> Answer:
        before = dict(current.event_invoke_configs.get(qualifier) or {}) if kept else {}
        if kept and not before:
            raise _no_config(current.arn, qualifier)
        settings = {name: before[name] for name in _NUMBERS if name in before}
        settings |= {name: params[name] for name in _NUMBERS if params.get(name) is not None}
        given = params.get("DestinationConfig")
        settings["DestinationConfig"] = (
            before["DestinationConfig"] if given is None and before else _destinations(call, current, given)
        )
        values = {"arn": current.arn, "qualifier": qualifier, "modified_at": call.now, "settings": settings}
        tables.put_event_invoke_config(connection, values)
        return _shown(current, qualifier, {**settings, "LastModified": call.now})

    return await change_function(call, function, change)


@operation(
    LAMBDA,
    "PutFunctionEventInvokeConfig",
    needs=about_function("lambda:PutFunctionEventInvokeConfig"),
    quota=own_quota("PutFunctionEventInvokeConfig"),
)
async def put_function_event_invoke_config(call: Call) -> Answer:
    """Configure asynchronous invocation, in place of what was configured."""
    function, qualifier = await _named(call)
    _require_something(call.params)
    return await _write(call, function, qualifier, kept=False)


def _require_something(params: Mapping[str, Any]) -> None:
    if all(params.get(name) is None for name in (*_NUMBERS, "DestinationConfig")):
        raise errors.invalid_parameter("You must specify at least one of error handling or destination setting.")


@operation(
    LAMBDA,
    "UpdateFunctionEventInvokeConfig",
    needs=about_function("lambda:UpdateFunctionEventInvokeConfig"),
    quota=own_quota("UpdateFunctionEventInvokeConfig"),
)
async def update_function_event_invoke_config(call: Call) -> Answer:
    """Change what is configured for asynchronous invocation; what a request says nothing of stays."""
    function, qualifier = await _named(call)
    _require_something(call.params)
    return await _write(call, function, qualifier, kept=True)


@operation(
    LAMBDA,
    "GetFunctionEventInvokeConfig",
    needs=about_function("lambda:GetFunctionEventInvokeConfig"),
    quota=own_quota("GetFunctionEventInvokeConfig"),
    reads_only=True,
)
async def get_function_event_invoke_config(call: Call) -> Answer:
    """Return what is configured for asynchronous invocation of a function, a version or an alias."""
    target: NamedFunction = call.target
    function, qualifier = target.function, target.named.qualifier or LATEST
    found = function.event_invoke_configs.get(qualifier) if function is not None else None
    if function is None or found is None:
        raise _no_config(target.named.arn, qualifier)
    return _shown(function, qualifier, found)


@operation(
    LAMBDA,
    "DeleteFunctionEventInvokeConfig",
    needs=about_function("lambda:DeleteFunctionEventInvokeConfig"),
    quota=own_quota("DeleteFunctionEventInvokeConfig"),
)
async def delete_function_event_invoke_config(call: Call) -> Answer:
    """Take away what is configured for asynchronous invocation: the defaults hold again."""
    target: NamedFunction = call.target
    function, qualifier = target.function, target.named.qualifier or LATEST
    if function is None:
        raise _no_config(target.named.arn, qualifier)

    def change(connection: Connection, current: Function) -> Answer:
        if qualifier not in current.event_invoke_configs:
            raise _no_config(current.arn, qualifier)
        tables.delete_event_invoke_config(connection, current.arn, qualifier)
        return {}

    return await change_function(call, function, change)


@operation(
    LAMBDA,
    "ListFunctionEventInvokeConfigs",
    needs=about_function("lambda:ListFunctionEventInvokeConfigs"),
    quota=own_quota("ListFunctionEventInvokeConfigs"),
    reads_only=True,
)
async def list_function_event_invoke_configs(call: Call) -> Answer:
    """List what is configured for asynchronous invocation of a function, its versions and its aliases."""
    function, begin = existing(call), position(call) or ""
    found = [item for item in sorted(function.event_invoke_configs.items()) if item[0] > begin]
    configs, next_page = paged(call, found[: page_size(call) + 1], lambda item: item[0])
    shown = [_shown(function, qualifier, settings) for qualifier, settings in configs]
    return {"FunctionEventInvokeConfigs": shown, **next_page}
