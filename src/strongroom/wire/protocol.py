"""What every wire protocol does: params out of a request, an answer or an error into bytes."""

from typing import Any, Protocol

from strongroom.base.errors import AwsError
from strongroom.model.service import OperationModel, ServiceModel
from strongroom.model.shapes import Shape
from strongroom.wire.http import HttpRequest, HttpResponse
from strongroom.wire.refusals import Refusals

# How deep lists, maps and structures may nest where the model itself sets no end: in shapes that hold themselves.
nesting_levels_max = 64


class WireProtocol(Protocol):
    """One protocol. Params and answers are plain dicts; blobs are bytes, timestamps aware datetimes.

    `name` is the protocol's own (`json-1.1`, `query`), `refusals` how the services that speak it refuse a signature.
    """

    name: str
    refusals: Refusals

    def parse(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the operation's params, of the right types but not validated.

        Unknown members are ignored and null members are absent, as AWS does. Raises AwsError (`SerializationException`,
        `MalformedInput`, 400) for anything that is not what the model says.
        """

    def accept(self, operation: OperationModel, request: HttpRequest, body: bytes) -> dict[str, Any]:
        """Return the operation's params, validated: what `parse` finds and `operation.validate` lets pass.

        Raises AwsError as these two do. A member that is ignored may be skipped unread.
        """

    def answer(self, operation: OperationModel, result: dict[str, Any], request_id: str) -> HttpResponse:
        """Return an operation's answer as bytes. Members that are None are left out.

        Raises LookupError, TypeError or ValueError for an answer that the model does not know: a fault of ours.
        """

    def error(self, error: AwsError, service: ServiceModel | None, request_id: str) -> HttpResponse:
        """Return an error as bytes. `service` is None when the request could not be routed."""


def internal_failure() -> AwsError:
    """Return what a client is told when something broke inside: that it did, and nothing else."""
    return AwsError(
        "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.", 500
    )


def told_as(error: AwsError, service: ServiceModel | None) -> tuple[Shape | None, str, int]:
    """Return the shape of an error if the service's model has one, its code in the query protocol, and its status.

    The model's HTTP status stands where the error itself has none but the default.
    """
    shape = None if service is None else service.errors.get(error.code)
    if shape is None or shape.error is None:
        return shape, error.code, error.status
    status = error.status
    if status == 400 and shape.error.http_status_code:
        status = shape.error.http_status_code
    return shape, shape.error.code or error.code, status


def holds_itself(shape: Shape) -> bool:
    """Return whether values of `shape` can nest without end: a shape within itself, or a free-form document."""
    return _holds_itself(shape, set(), set())


def _holds_itself(shape: Shape, above: set[str], done: set[str]) -> bool:
    if shape.document or shape.name in above:
        return True
    if shape.name in done:
        return False
    above.add(shape.name)
    found = any(_holds_itself(reference.target, above, done) for reference in shape.references())
    above.discard(shape.name)
    done.add(shape.name)
    return found
