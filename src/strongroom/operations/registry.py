"""Operations as data: what each needs, which quota it counts against, and who carries it out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from strongroom.base.errors import AwsError, access_denied, throttling
from strongroom.model.service import OperationModel, service_model
from strongroom.operations.quotas.quota import Charging, RequestQuota

if TYPE_CHECKING:
    from strongroom.operations.authorize import Requirement
    from strongroom.operations.call import Call

Answer = dict[str, Any]
Handler = Callable[["Call"], Awaitable[Answer]]
Needs = Callable[["Call"], Awaitable[Sequence["Requirement"]]]

BODY_BYTES_MAX = 1024 * 1024
"""The largest body of a JSON or query request, unless the operation says otherwise. The largest that KMS needs is a key
policy or a ciphertext: 128 KiB."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is the same for all operations of a service. `name` is that of its service model (`kms`, `service-quotas`).

    `event_source` is its name in the audit trail. `denied` makes its way of saying no (the JSON services answer
    `AccessDeniedException`, the XML ones `AccessDenied`), `throttled` its way of saying not so fast. `home_region` is
    the one Region of a service that has no others, whatever Region a request was signed for.
    """

    name: str
    event_source: str
    denied: Callable[[str], AwsError] = access_denied
    throttled: Callable[[], AwsError] = throttling
    home_region: str = ""


@dataclass(frozen=True)
class Operation:
    """One operation that Strongroom serves.

    `needs` names the actions, resources and condition values that the call must be allowed; it also resolves
    `call.target`. `quota` is the request quota that it counts against, or a function that works out from the call what
    it costs, or None. `reads_only` says that it changes nothing, as the audit trail's `readOnly` member tells.
    `body_bytes_max` is how long the body of a request may be; S3 has limits of its own. `is_inner` tells that no client
    can ask for it: no service model has it, so that nothing leads to it from outside.
    """

    service: Service
    name: str
    needs: Needs
    handler: Handler
    quota: RequestQuota | Charging | None
    reads_only: bool
    body_bytes_max: int = BODY_BYTES_MAX
    is_inner: bool = False

    @cached_property
    def model(self) -> OperationModel:
        """The operation as the service model describes it, read at first use."""
        model = service_model(self.service.name)
        return model.undescribed(self.name) if self.is_inner else model.operations[self.name]


SERVICES: dict[str, Service] = {}
OPERATIONS: dict[tuple[str, str], Operation] = {}
INNER_OPERATIONS: dict[tuple[str, str], Operation] = {}
"""What services carry out for a caller and no client can ask for. IAM policies name them as they name others."""


def serve(service: Service) -> Service:
    """Register a service. Raises ValueError for a second one of the same name."""
    if service.name in SERVICES:
        raise ValueError(f"the service {service.name} is registered twice")
    SERVICES[service.name] = service
    return service


async def no_permission(call: "Call") -> Sequence["Requirement"]:
    """Declare that an authenticated caller needs no permission at all (STS GetCallerIdentity)."""
    return ()


def operation(
    service: Service,
    name: str,
    *,
    needs: Needs,
    quota: RequestQuota | Charging | None = None,
    reads_only: bool = False,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> Callable[[Handler], Handler]:
    """Register the decorated coroutine as the handler of an operation.

    What declares no needs does not register: `needs` has no default. Raises ValueError for a second registration.
    """

    def register(handler: Handler) -> Handler:
        key = (service.name, name)
        if key in OPERATIONS:
            raise ValueError(f"{service.name}:{name} is registered twice")
        OPERATIONS[key] = Operation(service, name, needs, handler, quota, reads_only, body_bytes_max)
        return handler

    return register


def inner_operation(service: Service, name: str, *, needs: Needs) -> Callable[[Handler], Handler]:
    """Register the decorated coroutine as an operation that only services ask for, as somebody who must be allowed it.

    The audit trail tells of it without params and answer: no service model says what of them is harmless. Raises
    ValueError for a second registration, and for the name of an operation that clients can ask for.
    """

    def register(handler: Handler) -> Handler:
        key = (service.name, name)
        if key in INNER_OPERATIONS or key in OPERATIONS:
            raise ValueError(f"{service.name}:{name} is registered twice")
        INNER_OPERATIONS[key] = Operation(service, name, needs, handler, None, reads_only=False, is_inner=True)
        return handler

    return register


def find_operation(service: str, name: str) -> Operation | None:
    """Return the operation of that name, or None when it is not served."""
    return OPERATIONS.get((service, name)) or INNER_OPERATIONS.get((service, name))


def unserved(service: str, name: str) -> Operation:
    """Return an operation that the service model has and Strongroom does not serve: it refuses, and is recorded."""

    async def refuse(call: "Call") -> Answer:
        raise AwsError("UnsupportedOperationException", f"Strongroom does not serve {service}:{name} yet.")

    return Operation(SERVICES[service], name, no_permission, refuse, None, reads_only=False)
