"""What CloudWatch Logs refuses, in AWS's words.

Source: Amazon CloudWatch Logs API Reference, the errors of each action; answers of AWS.
"""

from strongroom.base.errors import AwsError


def invalid_parameter(message: str) -> AwsError:
    """A parameter has a value that the service model allows and CloudWatch Logs does not."""
    return AwsError("InvalidParameterException", message)


def validation(message: str) -> AwsError:
    """Parameters that exclude each other, or a resource that may not be changed so."""
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    """What was named is not there."""
    return AwsError("ResourceNotFoundException", message)


def already_exists(message: str) -> AwsError:
    """Something of that name is there already."""
    return AwsError("ResourceAlreadyExistsException", message)


def limit_exceeded(message: str = "Resource limit exceeded.") -> AwsError:
    """A quota of CloudWatch Logs is used up."""
    return AwsError("LimitExceededException", message)


def invalid_operation(message: str) -> AwsError:
    """What was asked for does not go with the state of the thing."""
    return AwsError("InvalidOperationException", message)


def unsupported(message: str) -> AwsError:
    """Something that CloudWatch Logs has and that is not served here."""
    return AwsError("UnsupportedOperationException", message)


def no_such_group() -> AwsError:
    """The account has no log group of that name in this Region."""
    return not_found("The specified log group does not exist.")


def no_such_stream() -> AwsError:
    """The log group has no log stream of that name."""
    return not_found("The specified log stream does not exist.")


def group_exists() -> AwsError:
    """A log group of that name is there already."""
    return already_exists("The specified log group already exists")


def stream_exists() -> AwsError:
    """A log stream of that name is there already."""
    return already_exists("The specified log stream already exists")


def name_too_long() -> AwsError:
    """The name of a log group or stream is too long."""
    return invalid_parameter("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")


def name_and_identifier() -> AwsError:
    """A log group was named twice."""
    return validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.")


def no_group_named() -> AwsError:
    """A log group was not named at all."""
    return validation("Either LogGroup name or LogGroup ARN must be specified.")


def invalid_token() -> AwsError:
    """A pagination token that this operation did not give out."""
    return invalid_parameter("The specified nextToken is invalid.")


def key_not_usable(arn: str) -> AwsError:
    """The KMS key that was named cannot be associated with `arn`: the ARN of a log group, or of query results."""
    return invalid_parameter(_of_the_key(arn))


def key_withdrawn(arn: str) -> AwsError:
    """The KMS key that data of `arn` is encrypted under cannot be used now: disabled, gone, or not allowed any more."""
    return AwsError("AccessDeniedException", _of_the_key(arn))


def _of_the_key(arn: str) -> str:
    return f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"


def revision_differs() -> AwsError:
    """A resource policy was changed by somebody else meanwhile."""
    return AwsError("OperationAbortedException", "The expected revision id is not the current one.")
