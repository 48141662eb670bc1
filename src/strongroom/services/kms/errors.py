"""KMS's refusals, each in AWS's words. Source: AWS KMS API Reference, the errors of each operation."""

from strongroom.base.errors import AwsError


def invalid_ciphertext() -> AwsError:
    """A damaged ciphertext or the wrong encryption context; AWS says no more than that, and gives no message."""
    return AwsError("InvalidCiphertextException")


def ciphertext_of_unknown_key() -> AwsError:
    """The key of a ciphertext is not here, or not for this caller; which of the two, AWS does not tell."""
    return AwsError(
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
        "or you are not allowed to access.",
    )


def incorrect_key() -> AwsError:
    """The key named in a request is not the one that the ciphertext was made with."""
    return AwsError(
        "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation."
    )


def key_not_found(arn: str) -> AwsError:
    """A well-formed key id or ARN that names no key."""
    return AwsError("NotFoundException", f"Key '{arn}' does not exist")


def denied_elsewhere(caller_arn: str, operation: str) -> AwsError:
    """A key or alias in another account that is missing, or that says nothing to this caller."""
    return AwsError(
        "AccessDeniedException",
        f"User: {caller_arn} is not authorized to perform: kms:{operation} on this resource because the resource does "
        "not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly "
        "denies access",
    )


def alias_not_found(arn: str) -> AwsError:
    """An alias that does not exist in the caller's account and Region."""
    return AwsError("NotFoundException", f"Alias {arn} is not found.")


def invalid_key_id(key_id: str) -> AwsError:
    """Text that can't be a key id."""
    return AwsError("NotFoundException", f"Invalid keyId '{key_id}'")


def invalid_arn(what: str) -> AwsError:
    """An ARN of nothing that this Region could hold; `what` is the ARN, or only its Region if that is the reason."""
    return AwsError("NotFoundException", f"Invalid arn {what}")


def disabled(arn: str) -> AwsError:
    """The key is disabled."""
    return AwsError("DisabledException", f"{arn} is disabled.")


def invalid_state(arn: str, what: str) -> AwsError:
    """The key is in a state that the operation does not allow; `what` is such as "pending deletion"."""
    return AwsError("KMSInvalidStateException", f"{arn} is {what}.")


def invalid_usage(arn: str, usage: str, operation: str) -> AwsError:
    """The key's usage does not fit the operation."""
    return AwsError("InvalidKeyUsageException", f"{arn} key usage is {usage} which is not valid for {operation}.")


def incompatible_algorithm(algorithm: str, spec: str) -> AwsError:
    """An algorithm of another kind of key."""
    return AwsError("InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {spec}.")


def invalid_spec(arn: str, spec: str, operation: str) -> AwsError:
    """The kind of the key does not fit the operation."""
    return AwsError("InvalidKeyUsageException", f"{arn} key spec is {spec} which is not valid for {operation}.")


def invalid_signature() -> AwsError:
    """A signature that the key did not make of this message; AWS gives no message."""
    return AwsError("KMSInvalidSignatureException")


def invalid_mac() -> AwsError:
    """An HMAC that the key did not make of this message; AWS gives no message."""
    return AwsError("KMSInvalidMacException")


def not_primary(arn: str) -> AwsError:
    """The operation is for the primary one of a key's multi-Region keys."""
    return unsupported(f"{arn} is not a multi-region primary key.")


def no_material_waits(key_id: str) -> AwsError:
    """There is no imported key material that a rotation could make current."""
    return AwsError("KMSInvalidStateException", f"No available key material pending rotation for the key: {key_id}.")


def invalid_origin(arn: str, origin: str) -> AwsError:
    """The operation is for keys whose key material comes from elsewhere."""
    return unsupported(f"{arn} origin is {origin} which is not valid for this operation.")


def invalid_import_token() -> AwsError:
    """An import token that this server did not give out, or not for this key."""
    return AwsError("InvalidImportTokenException", "The import token is not valid for this KMS key.")


def expired_import_token() -> AwsError:
    """An import token whose 24 hours are over."""
    return AwsError("ExpiredImportTokenException", "The import token has expired. Get a new one.")


def another_material_waits(new_id: str, key_id: str, waiting_id: str) -> AwsError:
    """New key material cannot be imported while other material waits for its rotation."""
    return AwsError(
        "KMSInvalidStateException",
        f"New key material (id: {new_id}) cannot be imported into KMS key {key_id}, because another key material "
        f"(id: {waiting_id}) is pending rotation.",
    )


def material_not_found(key_material_id: str) -> AwsError:
    """The key has no key material with that id."""
    return AwsError("NotFoundException", f"Key material '{key_material_id}' does not exist.")


def incorrect_material(message: str) -> AwsError:
    """Key material of another kind, or not the one that the key had before."""
    return AwsError("IncorrectKeyMaterialException", message)


def already_exists(message: str) -> AwsError:
    """What is to be made is there already."""
    return AwsError("AlreadyExistsException", message)


def unsupported(message: str = "") -> AwsError:
    """What KMS, or Strongroom, does not do with such a key."""
    return AwsError("UnsupportedOperationException", message)


def validation(message: str) -> AwsError:
    """A request whose members do not fit together."""
    return AwsError("ValidationException", message)


def invalid_marker() -> AwsError:
    """A pagination marker that this operation did not give out."""
    return AwsError("InvalidMarkerException", "Invalid marker.")


def limit_exceeded(message: str) -> AwsError:
    """A resource quota that is used up."""
    return AwsError("LimitExceededException", message)


def tag_error(message: str) -> AwsError:
    """Tags that break the rules."""
    return AwsError("TagException", message)


def malformed_policy(message: str) -> AwsError:
    """A key policy that does not parse, or that would lock everybody out."""
    return AwsError("MalformedPolicyDocumentException", message)


def invalid_grant_token() -> AwsError:
    """A grant token that this server did not give out."""
    return AwsError("InvalidGrantTokenException", "The grant token is not valid.")


def invalid_grant_id() -> AwsError:
    """Text that can't be a grant id."""
    return AwsError("InvalidGrantIdException", "The grant ID is not valid.")


def grant_not_found(grant_id: str) -> AwsError:
    """A grant that is not, or not any more."""
    return AwsError("NotFoundException", f"Grant ID {grant_id} not found")


def invalid_grant_principal(named: str) -> AwsError:
    """A principal of a grant that does not exist."""
    return AwsError("InvalidArnException", f"ARN does not refer to a valid principal: {named}")


def dry_run_succeeded() -> AwsError:
    """The answer to a dry run of what would have been allowed and valid."""
    return AwsError("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")


def changed_meanwhile() -> AwsError:
    """Something that the request was authorised for has changed since; clients try again by themselves."""
    return AwsError("DependencyTimeoutException", "The alias was changed at the same time. Try again.", 503)


def throttled() -> AwsError:
    """A request over its quota. Source: AWS KMS Developer Guide, "Throttling AWS KMS requests"."""
    return AwsError(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    )
