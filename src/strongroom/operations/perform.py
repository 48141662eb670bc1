"""The steps of every call, in order: take from the quota, authorise, carry out, record."""

from typing import Any

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.operations.authorize import authorize
from strongroom.operations.call import Call, SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.organizations import Organizations
from strongroom.operations.registry import Answer, find_operation, unserved


def record_refusal(
    house: House, service: str, name: str, error: AwsError, *, caller: Caller, origin: Origin, region: str
) -> None:
    """Record a call whose parameters were refused, by the code of the refusal alone.

    The parameters may be anything, a secret in the wrong place too, and the message may quote them.
    """
    house.audit.must_be_writable()
    call = Call(house, find_operation(service, name) or unserved(service, name), {}, caller, origin, region)
    house.audit.record(call, AwsError(error.code, status=error.status))


async def perform(
    house: House,
    service: str,
    name: str,
    params: dict[str, Any],
    *,
    caller: Caller,
    origin: Origin,
    region: str,
    called_via: tuple[str, ...] = (),
    source: SourceResource | None = None,
) -> Answer:
    """Carry out one operation for `caller` and return its answer, a plain dict.

    `called_via` and `source` are those of `Call`, for what a service does on somebody's behalf, or for itself.

    Raises AwsError for every refusal: not served, not allowed, throttled, or what the operation itself refuses. Success
    and refusal alike leave an audit record; nothing is answered once the audit trail can no longer be written.
    """
    operation = find_operation(service, name) or unserved(service, name)
    house.audit.must_be_writable()
    call = Call(house, operation, params, caller, origin, region, called_via, source)
    house.last_used.note(call)
    try:
        call.requirements = tuple(await operation.needs(call))
        if house.quotas.are_stale:
            await house.quotas.refresh()
        # Every request counts, the one that is then refused too. Source: AWS KMS Developer Guide, "Request quotas".
        if operation.quota is not None and not house.quotas.take(call, operation.quota):
            raise operation.service.throttled()
        if house.faults is not None:
            house.faults.throttle(call)
        for requirement in call.requirements:
            if requirement.account_id != call.caller.principal.account_id:
                await house.part(Organizations).learn(requirement.account_id)
        authorize(call)
        if house.faults is not None:
            house.faults.cut_off_keys(call)
        answer = await operation.handler(call)
    except AwsError as error:
        house.audit.record(call, error)
        raise
    except BaseException:
        house.audit.record(call, AwsError("InternalFailure", status=500))
        raise
    if not call.recorded:
        house.audit.record(call, None)
    return answer
