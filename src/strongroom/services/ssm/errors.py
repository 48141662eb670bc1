"""What Parameter Store refuses, in AWS's words as far as they are known.

Sources: AWS Systems Manager API Reference, the errors of each action; answers of AWS. No message holds a value.
"""

from strongroom.base.errors import AwsError

_PATH_RULES = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of "
    "letters, numbers and the following 3 symbols .-_"
)
_TIERS_PAGE = (
    "For more information, see "
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
)


def validation(message: str) -> AwsError:
    """A request whose members break a rule."""
    return AwsError("ValidationException", message)


def invalid_name() -> AwsError:
    """Text that can't be a parameter's name."""
    return validation(f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_PATH_RULES}')


def reserved_prefix() -> AwsError:
    """A name outside a hierarchy that begins like those of AWS."""
    return validation('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')


def reserved_name(name: str) -> AwsError:
    """A name within a hierarchy that is AWS's own."""
    return AwsError("AccessDeniedException", f"No access to reserved parameter name: {name.lstrip('/')}.")


def invalid_path() -> AwsError:
    """Text that can't be a path of a hierarchy."""
    return validation(
        "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
        'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, '
        "or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All "
        'sub-paths, if specified, must use the forward slash symbol "/". Valid example: '
        "/get/parameters2-/by1./path0_."
    )


def invalid_selector() -> AwsError:
    """A name with more than a version or a label behind it. AWS writes the two spaces."""
    return validation(
        "Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>"
    )


def too_many_levels() -> AwsError:
    """A hierarchy that is too deep."""
    return AwsError(
        "HierarchyLevelLimitExceededException",
        "A hierarchy can have a maximum of 15 levels. For more information, see Requirements and constraints for "
        "parameter names in the AWS Systems Manager User Guide.",
    )


def not_found() -> AwsError:
    """No such parameter; AWS gives no message."""
    return AwsError("ParameterNotFound")


def version_not_found(name: str, version: str) -> AwsError:
    """The parameter has no version of that number."""
    return AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {version} of {name}. Verify the version and try again.",
    )


def label_not_found(name: str, label: str) -> AwsError:
    """The parameter has no version with that label."""
    return AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find label {label} of {name}. Verify the label and try again.",
    )


def already_exists() -> AwsError:
    """A parameter of that name is there, and Overwrite was not asked for."""
    return AwsError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )


def type_mismatch() -> AwsError:
    """A parameter keeps its type."""
    return AwsError(
        "HierarchyTypeMismatchException",
        "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a "
        "parameter from a String type to a SecureString type. You must create a new, unique parameter.",
    )


def too_many_parameters(tier: str, most: int) -> AwsError:
    """The account has as many parameters of a tier in this Region as it may have."""
    if tier == "Standard":
        way_out = "either delete existing parameters or upgrade to the advanced-parameter tier (charges apply)."
    else:
        way_out = "delete existing parameters."
    return AwsError(
        "ParameterLimitExceeded",
        f"You have reached the maximum number of {tier.lower()} parameters for this AWS account and Region ({most}). "
        f"To add more parameters, {way_out}",
    )


def value_too_long(tier: str, most: int) -> AwsError:
    """A value above the limit of its tier."""
    message = f"{tier} tier parameters support a maximum parameter value of {most} characters."
    if tier == "Standard":
        message += (
            " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. "
            + _TIERS_PAGE
        )
    return validation(message)


def no_downgrade() -> AwsError:
    """An advanced parameter stays one."""
    return validation(
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter "
        "tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a "
        f"standard parameter. {_TIERS_PAGE}"
    )


def needs_advanced(what: str) -> AwsError:
    """Something that standard parameters can't have."""
    return validation(
        f"Standard tier parameters don't support {what}. Upgrade the parameter to use the advanced-parameter tier. "
        f"{_TIERS_PAGE}"
    )


def oldest_is_labelled(name: str, version: int) -> AwsError:
    """A hundred versions are there, and the oldest one has a label."""
    return AwsError(
        "ParameterMaxVersionLimitExceeded",
        f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. "
        f"Version {version}, the oldest version, can't be deleted because it has a label associated with it. Move the "
        "label to another version of the parameter, and try again.",
    )


def too_many_labels() -> AwsError:
    """A version would have more than ten labels."""
    return AwsError(
        "ParameterVersionLabelLimitExceeded",
        "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again.",
    )


def too_many_updates() -> AwsError:
    """Others change the same thing all the time."""
    return AwsError("TooManyUpdates", "There are concurrent updates for a resource that supports one update at a time.")


def invalid_pattern(why: str) -> AwsError:
    """A regular expression that can't be used."""
    return AwsError("InvalidAllowedPatternException", f"The allowed pattern is not valid: {why}")


def pattern_mismatch(pattern: str) -> AwsError:
    """A value that its allowed pattern does not allow."""
    return AwsError(
        "ParameterPatternMismatchException",
        f"Parameter value, cannot be validated against allowedPattern: {pattern}",
    )


def internal_server_error() -> AwsError:
    """Something went wrong that may go right the next time."""
    return AwsError("InternalServerError", "An error occurred on the server side.", 500)


def invalid_key_id(message: str) -> AwsError:
    """A KMS key that is not there, or not usable."""
    return AwsError("InvalidKeyId", message)


def policy_error(code: str, message: str) -> AwsError:
    """Parameter policies that break a rule; `code` is such as `InvalidPolicyTypeException`."""
    return AwsError(code, message)


def invalid_filter_key(message: str) -> AwsError:
    """A filter by something that can't be filtered by."""
    return AwsError("InvalidFilterKey", message)


def invalid_filter_option(option: str, valid: tuple[str, ...]) -> AwsError:
    """A way of comparing that the filter does not have."""
    return AwsError(
        "InvalidFilterOption",
        f"The following filter option is not valid: {option}. Valid options include: [{', '.join(valid)}].",
    )


def invalid_filter_option_value(value: str, valid: tuple[str, ...]) -> AwsError:
    """A value that is none of those that there are; AWS answers with the code of an option."""
    return AwsError(
        "InvalidFilterOption",
        f"The following filter value is not valid: {value}. Valid values include: [{', '.join(valid)}].",
    )


def invalid_filter_value(message: str) -> AwsError:
    """A value that a filter can't have."""
    return AwsError("InvalidFilterValue", message)


def invalid_next_token() -> AwsError:
    """A token that this operation did not give out."""
    return AwsError("InvalidNextToken", "The specified token is not valid.")


def invalid_resource_id() -> AwsError:
    """No such resource to tag; the error has no message."""
    return AwsError("InvalidResourceId")


def too_many_tags() -> AwsError:
    """More than 50 tags; the error has no message."""
    return AwsError("TooManyTagsError")


def unserved(what: str) -> AwsError:
    """Something that AWS Systems Manager has, and this server does not."""
    return AwsError("UnsupportedOperationException", f"Strongroom does not serve {what} yet.")


def setting_not_found(setting_id: str) -> AwsError:
    """No such service setting."""
    return AwsError("ServiceSettingNotFound", f"Setting {setting_id} is not found.")


def invalid_policy_parameter(name: str, message: str) -> AwsError:
    """A member of a request about resource policies that can't be; `name` is the member's."""
    return AwsError("ResourcePolicyInvalidParameterException", message, members={"ParameterNames": [name]})


def malformed_resource_policy(why: str) -> AwsError:
    """A document that can't be a parameter's resource policy."""
    return AwsError("MalformedResourcePolicyDocumentException", f"The resource policy is not valid: {why}")


def resource_policy_limit(limit: int, limit_type: str, message: str) -> AwsError:
    """A resource policy too many, or too large."""
    return AwsError("ResourcePolicyLimitExceededException", message, members={"Limit": limit, "LimitType": limit_type})


def resource_policy_conflict() -> AwsError:
    """The policy has changed since the hash was given out."""
    return AwsError("ResourcePolicyConflictException", "The hash provided in the call doesn't match the stored hash.")


def resource_policy_not_found() -> AwsError:
    """The parameter has no policy of that id."""
    return AwsError(
        "ResourcePolicyNotFoundException", "No policies with the specified policy ID and hash could be found."
    )


def shared_resource_not_found() -> AwsError:
    """The parameter that a policy is about is not there."""
    return AwsError("ResourceNotFoundException", "The specified parameter to be shared could not be found.")
