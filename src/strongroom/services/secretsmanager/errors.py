"""What Secrets Manager refuses, in AWS's words. Source: AWS Secrets Manager API Reference; recorded answers."""

from strongroom.base.errors import AwsError

NAME_CHARACTERS = "-/_+=.@!"


def invalid_name() -> AwsError:
    """A secret's name, or what should identify a secret, with a character that names do not have."""
    return AwsError(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
        f"{NAME_CHARACTERS}",
    )


def no_such_secret() -> AwsError:
    """No secret has that name or ARN in this Region."""
    return AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def no_value_for_stage(label: str) -> AwsError:
    """No version of the secret has that staging label."""
    return AwsError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for staging label: {label}",
    )


def no_value_for_version(version_id: str) -> AwsError:
    """The secret has no version with that id."""
    return AwsError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {version_id}",
    )


def no_such_policy(name: str) -> AwsError:
    """The secret has no resource policy of that name."""
    return AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified resource policy: {name}")


def stage_elsewhere() -> AwsError:
    """Version id and staging label of a request do not belong together."""
    return invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")


def marked_for_deletion() -> AwsError:
    """The secret waits for its deletion."""
    return invalid_request("You can't perform this operation on the secret because it was marked for deletion.")


def scheduled_for_deletion() -> AwsError:
    """A secret of the name that a new one wants waits for its deletion."""
    return invalid_request(
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    )


def already_exists(name: str) -> AwsError:
    """A secret of that name exists."""
    return AwsError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")


def token_in_use(token: str, arn: str) -> AwsError:
    """The ClientRequestToken is the id of a version with another value."""
    return AwsError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
    )


def token_of_another_version(token: str, arn: str) -> AwsError:
    """The ClientRequestToken of a rotation is the id of a version that it did not make."""
    return invalid_request(
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    )


def token_missing() -> AwsError:
    """A new version would have no id."""
    return invalid_parameter("You must provide a ClientRequestToken value. We recommend a UUID-type value.")


def not_on_replica() -> AwsError:
    """What can be changed in the primary secret's Region only."""
    return invalid_parameter(
        "Operation not permitted on a replica secret. Call must be made in primary secret's region."
    )


def has_replicas(name: str, regions: list[str]) -> AwsError:
    """A primary secret is not deleted before its replicas."""
    return invalid_parameter(f"You can't delete secret {name} that still has replica regions [{', '.join(regions)}]")


def invalid_parameter(message: str) -> AwsError:
    """A parameter has a value that the service model allows and Secrets Manager does not."""
    return AwsError("InvalidParameterException", message)


def invalid_request(message: str) -> AwsError:
    """A parameter does not fit the state of the secret."""
    return AwsError("InvalidRequestException", message)


def limit_exceeded(message: str) -> AwsError:
    """A quota would be exceeded."""
    return AwsError("LimitExceededException", message)


def invalid_token() -> AwsError:
    """A NextToken that this operation did not give out."""
    return AwsError("InvalidNextTokenException", "The NextToken value is invalid.")


def malformed_policy(message: str) -> AwsError:
    """A resource policy that cannot be attached."""
    return AwsError("MalformedPolicyDocumentException", message)


def public_policy() -> AwsError:
    """A resource policy that lets in everybody, where the request wanted that blocked."""
    return AwsError(
        "PublicPolicyException",
        "The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the "
        "secret.",
    )


def kms_not_allowed() -> AwsError:
    """KMS denies the caller the use of the key."""
    return AwsError("AccessDeniedException", "Access to KMS is not allowed")


def default_key_elsewhere() -> AwsError:
    """The AWS managed key serves callers of its own account only."""
    return invalid_request(
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service "
        "key."
    )


def internal_service_error() -> AwsError:
    """Something went wrong that may go right the next time."""
    return AwsError("InternalServiceError", "An error occurred on the server side.", 500)


def decryption_failure() -> AwsError:
    """The key does not decrypt: it is disabled, waits for its deletion, or is gone."""
    return AwsError(
        "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
    )


def encryption_failure() -> AwsError:
    """The key does not encrypt: it is disabled, waits for its deletion, is of another kind, or is not there."""
    return AwsError(
        "EncryptionFailure",
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is "
        "available, enabled, and not in an invalid state.",
    )


def unsupported(what: str) -> AwsError:
    """Something of AWS's that Strongroom does not have."""
    return AwsError("UnsupportedOperationException", f"Strongroom does not serve {what} yet.")


def rotation_unfinished() -> AwsError:
    """A version has AWSPENDING that does not have AWSCURRENT."""
    return invalid_request("A previous rotation isn't complete. That rotation will be reattempted.")


def function_not_invocable() -> AwsError:
    """The function's policy does not let Secrets Manager in, or there is no such function."""
    return AwsError(
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com.",
    )


def managed_by_service() -> AwsError:
    """Somebody else than the service that keeps a secret wants to change it."""
    return invalid_request("The secret is managed by another service, and you must use that service to update it.")


def reserved_name(prefix: str) -> AwsError:
    """A name that begins like those of secrets that a service keeps."""
    return invalid_parameter(f"Secret names that begin with {prefix} are reserved for the service of that name.")


def denied_elsewhere(caller_arn: str, action: str, resource: str) -> AwsError:
    """The refusal about a secret of another account, the same whether it exists or not."""
    return AwsError(
        "AccessDeniedException",
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} because no resource-based "
        f"policy allows the {action} action",
    )
