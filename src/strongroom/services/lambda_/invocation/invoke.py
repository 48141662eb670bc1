"""Invoke. Source: AWS Lambda API Reference, Invoke; Developer Guide, "Understanding Lambda function invocation"."""

import base64
from typing import Any

from strongroom.base.context import new_request_id
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.runners.runtime_api import Invocation
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import FunctionDirectory
from strongroom.services.lambda_.function_name import qualified
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.invocation.concurrency import Concurrency
from strongroom.services.lambda_.invocation.environments import Environments
from strongroom.services.lambda_.invocation.event_queue import EventQueue
from strongroom.services.lambda_.invocation.requests import (
    BODY_BYTES_MAX,
    checked_client_context,
    checked_payload,
    new_trace_id,
)
from strongroom.services.lambda_.service import LAMBDA

REQUEST_RESPONSE, EVENT, DRY_RUN = "RequestResponse", "Event", "DryRun"


@operation(LAMBDA, "Invoke", needs=about_function("lambda:InvokeFunction"), body_bytes_max=BODY_BYTES_MAX)
async def invoke(call: Call) -> Answer:
    """Have a function answer, or queue an event for it, or only see whether that is allowed.

    Raises ResourceNotFoundException, InvalidRequestContentException, RequestEntityTooLargeException,
    TooManyRequestsException, InvalidRuntimeException, ServiceException, AccessDeniedException when the role cannot be
    assumed, and what KMS and EC2 refuse.
    """
    target: NamedFunction = call.target
    function, qualifier = target.existing(), target.named.qualifier
    version = await call.house.part(FunctionDirectory).behind(function, qualifier)
    if version is None:
        raise errors.no_such_function(target.named.qualified_arn)
    params = call.params
    kind = params.get("InvocationType") or REQUEST_RESPONSE
    payload = checked_payload(_bytes(params.get("Payload")), is_event=kind == EVENT)
    if kind == DRY_RUN:
        return {"StatusCode": 204}
    # What a client asked for has the id of its request; a service may call several times for one.
    is_direct = not call.called_via and call.source is None
    request_id = call.origin.request_id if is_direct else new_request_id(call.now)
    if kind == EVENT:
        return await call.house.part(EventQueue).put(call, request_id, function, qualifier, payload)
    arn = qualified(function.arn, qualifier) if qualifier else function.arn
    client_context = checked_client_context(params.get("ClientContext"))
    trace_id = new_trace_id(call.house.clock.wall())
    invocation = Invocation(request_id, payload, arn, trace_id=trace_id, client_context=client_context)
    return await _answer(call, function, version, invocation)


async def _answer(call: Call, function: Function, version: FunctionVersion, invocation: Invocation) -> Answer:
    keeps_log = call.params.get("LogType") == "Tail"
    when_over = call.house.part(Concurrency).take(function)
    result = await call.house.part(Environments).invoke(version, invocation, when_over, keeps_log=keeps_log)
    answer: dict[str, Any] = {"StatusCode": 200, "Payload": result.payload, "ExecutedVersion": version.version}
    if result.error is not None:
        answer["FunctionError"] = result.error
    if result.log is not None:
        answer["LogResult"] = base64.b64encode(result.log).decode("ascii")
    return answer


def _bytes(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()
