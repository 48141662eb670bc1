"""What EC2 refuses, in AWS's words. Source: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"."""

from strongroom.base.errors import AwsError


def denied(message: str) -> AwsError:
    """The caller may not do this."""
    return AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)


def throttled() -> AwsError:
    """A request over its quota."""
    return AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)


def dry_run() -> AwsError:
    """The request was a trial, and the caller would have been allowed."""
    return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


def invalid_value(value: object, parameter: str, why: str = "") -> AwsError:
    """A parameter has a value that it cannot have."""
    text = f"Value ({str(value)[:255]}) for parameter {parameter} is invalid."
    return AwsError("InvalidParameterValue", f"{text} {why}".rstrip())


def invalid(message: str) -> AwsError:
    """A parameter's value does not fit what is there."""
    return AwsError("InvalidParameterValue", message)


def combination(message: str) -> AwsError:
    """Parameters that do not go together."""
    return AwsError("InvalidParameterCombination", message)


def missing(parameter: str) -> AwsError:
    """A parameter that must be there is not."""
    return AwsError("MissingParameter", f"The request must contain the parameter {parameter}")


def not_served(what: str) -> AwsError:
    """A parameter asks for something that is not served here."""
    return AwsError("UnsupportedOperation", f"Strongroom does not serve {what} yet.")


def dependency(message: str) -> AwsError:
    """Something else needs what is to be removed."""
    return AwsError("DependencyViolation", message)


def has_dependencies(noun: str, resource_id: str) -> AwsError:
    """Something else needs what is to be removed."""
    return dependency(f"The {noun} '{resource_id}' has dependencies and cannot be deleted.")


def limit_exceeded(code: str, what: str) -> AwsError:
    """A quota of resources is used up."""
    return AwsError(code, f"The maximum number of {what} has been reached.")


def already_associated(message: str) -> AwsError:
    """What is to be tied together is tied already."""
    return AwsError("Resource.AlreadyAssociated", message)


def no_default_vpc() -> AwsError:
    """The default VPC is meant, and there is none."""
    return AwsError("VPCIdNotSpecified", "No default VPC for this user")
