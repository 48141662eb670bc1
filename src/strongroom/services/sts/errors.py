"""STS's refusals, in AWS's words where AWS has them.

Source: AWS STS API Reference, the errors of each operation.
"""

from strongroom.base.errors import AwsError


def denied(message: str) -> AwsError:
    """The caller may not."""
    return AwsError("AccessDenied", message, 403)


def invalid(message: str) -> AwsError:
    """A parameter does not hold what it has to."""
    return AwsError("ValidationError", message)


def conflicting(message: str) -> AwsError:
    """A parameter has a value that cannot be had together with something else."""
    return AwsError("InvalidParameterValue", message)


def not_with_session_credentials(operation: str) -> AwsError:
    """An operation that takes other credentials than these temporary ones."""
    return denied(f"Cannot call {operation} with session credentials")


def mfa_incomplete() -> AwsError:
    """Only one of an MFA device and its code was sent."""
    return denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")


def mfa_failed() -> AwsError:
    """The code is not the device's, the device not the caller's, or too many wrong codes came: nobody is told which."""
    return denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")


def malformed_policy(message: str) -> AwsError:
    """A session policy is not a policy."""
    return AwsError("MalformedPolicyDocument", message)


def packed_policy_too_large(message: str) -> AwsError:
    """Session policies and tags are more than a session can hold."""
    return AwsError("PackedPolicyTooLarge", message)


def invalid_identity_token(message: str) -> AwsError:
    """A web identity token that cannot be believed."""
    return AwsError("InvalidIdentityToken", message)


def identity_token_expired(message: str) -> AwsError:
    """A web identity token whose time is over."""
    return AwsError("ExpiredTokenException", message)


def provider_unreachable(message: str) -> AwsError:
    """The identity provider's keys could not be had."""
    return AwsError("IDPCommunicationError", message)


def invalid_authorization_message() -> AwsError:
    """An encoded authorization message that was not given out here, or is not this caller's to read."""
    return AwsError(
        "InvalidAuthorizationMessageException",
        "The authorization message is not valid, or is about a request of another account.",
    )
