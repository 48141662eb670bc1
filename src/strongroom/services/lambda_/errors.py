"""What Lambda refuses, in AWS's words. Source: Lambda API Reference, the errors of each action; recorded answers."""

from strongroom.base.errors import AwsError

CODE_NOT_UNZIPPED = "Could not unzip uploaded file. Please check your file, then try to upload again."


def denied(message: str) -> AwsError:
    """The caller may not do this."""
    return AwsError("AccessDeniedException", message, 403)


def denied_elsewhere(caller_arn: str, action: str, resource: str) -> AwsError:
    """The refusal about a resource of another account, the same whether it exists or not."""
    return denied(
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} because no resource-based "
        f"policy allows the {action} action"
    )


def throttled() -> AwsError:
    """A request over its quota."""
    return AwsError(
        "TooManyRequestsException", "Rate exceeded", members={"Type": "User", "Reason": "CallerRateLimitExceeded"}
    )


def invalid_parameter(message: str) -> AwsError:
    """A parameter has a value that the service model allows and Lambda does not."""
    return AwsError("InvalidParameterValueException", message)


def not_validated(message: str) -> AwsError:
    """A value is outside its constraints."""
    return AwsError("ValidationException", f"1 validation error detected: {message}")


def not_found(message: str) -> AwsError:
    """What was named is not there."""
    return AwsError("ResourceNotFoundException", message, 404)


def no_such_function(arn: str) -> AwsError:
    """No function has that ARN, or none has that version or alias."""
    return not_found(f"Function not found: {arn}")


def other_region(wanted: str, region: str) -> AwsError:
    """The ARN is of another Region than the one that was asked."""
    return not_found(f"Functions from '{wanted}' are not reachable in this region ('{region}')")


def qualifiers_differ() -> AwsError:
    """A function's name has one qualifier, and the request another."""
    return invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.")


def conflict(message: str) -> AwsError:
    """The resource exists already, or another request changes it."""
    return AwsError("ResourceConflictException", message)


def function_exists(name: str) -> AwsError:
    """The account has a function of that name in the Region."""
    return conflict(f"Function already exist: {name}")


def revision_changed(operation: str) -> AwsError:
    """The RevisionId of a request is not that of what is there; `operation` is where to get it."""
    return AwsError(
        "PreconditionFailedException",
        f"The Revision Id provided does not match the latest Revision Id. Call the {operation} API to retrieve the "
        "latest Revision Id",
    )


def too_large(message: str) -> AwsError:
    """What was sent is more than Lambda takes."""
    return AwsError("RequestEntityTooLargeException", message, 413)


def code_storage_exceeded() -> AwsError:
    """The account's functions and layers take all the room that they may."""
    return AwsError("CodeStorageExceededException", "Code storage limit exceeded.")


def unsupported(what: str) -> AwsError:
    """Something of AWS's that Strongroom does not have."""
    return invalid_parameter(f"Strongroom does not serve {what} yet.")


def no_policy() -> AwsError:
    """The resource has no policy to take something from."""
    return not_found("No policy is associated with the given resource.")


def policy_too_long(length: int, most: int) -> AwsError:
    """A resource policy would be longer than it may be."""
    return AwsError(
        "PolicyLengthExceededException", f"The final policy size ({length}) is bigger than the limit ({most})."
    )
