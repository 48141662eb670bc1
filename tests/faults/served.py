"""What is served, and with which error codes it may be refused."""

from functools import cache

from strongroom.model.service import OperationModel, service_model
from strongroom.server.house import SERVED

# Source: the pages "Common Errors" of the AWS KMS, AWS STS and Amazon RDS API References, with the codes that the
# services answer.
COMMON_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAction",
        "InvalidClientTokenId",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidSignatureException",
        "MalformedInput",
        "MalformedQueryString",
        "MissingAction",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorizedException",
        "RequestEntityTooLargeException",
        "SerializationException",
        "SignatureDoesNotMatch",
        "Throttling",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "ValidationError",
        "ValidationException",
    }
)


@cache
def served_operations(service: str = "kms") -> tuple[OperationModel, ...]:
    """Return the operations of a service that are served, by name."""
    from strongroom.operations.registry import OPERATIONS

    assert service in {entry.name for entry in SERVED}
    names = sorted(name for of_service, name in OPERATIONS if of_service == service)
    return tuple(service_model(service).operations[name] for name in names)


def may_answer(operation: OperationModel, code: str) -> bool:
    """Whether `code` is one that clients of an operation's service know: of its own errors, or of the common ones."""
    return code in operation.service.errors or code in COMMON_CODES
