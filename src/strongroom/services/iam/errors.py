"""What IAM refuses, in AWS's words.

Sources: IAM API Reference, "Common Errors" and the "Errors" of each action; answers of AWS.
"""

from strongroom.base.errors import AwsError

_NOT_FOUND = {
    "user": "The user with name {name} cannot be found.",
    "group": "The group with name {name} cannot be found.",
    "role": "The role with name {name} cannot be found.",
    "instance-profile": "Instance Profile {name} cannot be found.",
}
_EXISTS = {
    "user": "User with name {name} already exists.",
    "group": "Group with name {name} already exists.",
    "role": "Role with name {name} already exists.",
    "instance-profile": "Instance Profile {name} already exists.",
}


def no_such_entity(message: str) -> AwsError:
    """What was named is not there."""
    return AwsError("NoSuchEntity", message, 404)


def not_found(kind: str, name: str) -> AwsError:
    """There is no `user`, `group`, `role` or `instance-profile` of that name."""
    return no_such_entity(_NOT_FOUND[kind].format(name=name))


def policy_not_found(arn: str) -> AwsError:
    """There is no managed policy with that ARN."""
    return no_such_entity(f"Policy {arn} was not found.")


def policy_not_attachable(arn: str) -> AwsError:
    """There is no managed policy with that ARN that could be attached."""
    return no_such_entity(f"Policy {arn} does not exist or is not attachable.")


def boundary_not_attachable(arn: str) -> AwsError:
    """There is no managed policy with that ARN that could be a permissions boundary."""
    return no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")


def entity_already_exists(message: str) -> AwsError:
    """The name is taken."""
    return AwsError("EntityAlreadyExists", message, 409)


def already_exists(kind: str, name: str) -> AwsError:
    """There is a `user`, `group`, `role` or `instance-profile` of that name already, in whatever case."""
    return entity_already_exists(_EXISTS[kind].format(name=name))


def delete_conflict(message: str) -> AwsError:
    """What hangs on it has to go first."""
    return AwsError("DeleteConflict", message, 409)


def limit_exceeded(message: str) -> AwsError:
    """A quota is used up."""
    return AwsError("LimitExceeded", message, 409)


def quota_exceeded(quota: str, most: int) -> AwsError:
    """A quota is used up; `quota` is its name in AWS's messages (`UsersPerAccount`)."""
    return limit_exceeded(f"Cannot exceed quota for {quota}: {most}")


def malformed_policy(message: str) -> AwsError:
    """The text is no policy document of the wanted kind."""
    return AwsError("MalformedPolicyDocument", message, 400)


def validation(message: str) -> AwsError:
    """A parameter has a value that the service model allows and IAM does not."""
    return AwsError("ValidationError", message, 400)


def invalid_input(message: str) -> AwsError:
    """A parameter is wrong in itself."""
    return AwsError("InvalidInput", message, 400)


def unmodifiable(message: str) -> AwsError:
    """What a service owns, only the service changes."""
    return AwsError("UnmodifiableEntity", message, 400)


def protected_role(name: str) -> AwsError:
    """The role is linked to a service."""
    return unmodifiable(
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    )


def changed_meanwhile(name: str) -> AwsError:
    """Between authorisation and change, what was authorised became something else."""
    return AwsError("ConcurrentModification", f"{name} is being modified by another request. Please try again.", 409)


def invalid_authentication_code(serial_number: str) -> AwsError:
    """A code of an MFA device is wrong, too old, or was used before."""
    return AwsError("InvalidAuthenticationCode", f"Authentication code for device {serial_number} is not valid.", 403)


def no_such_mfa_device(serial_number: str) -> AwsError:
    """There is no virtual MFA device with that serial number."""
    return no_such_entity(f"VirtualMFADevice with serial number {serial_number} doesn't exist.")


def credentials_not_accepted() -> AwsError:
    """Temporary credentials that IAM does not accept. Source: AWS STS API Reference, GetSessionToken."""
    return AwsError("InvalidClientTokenId", "The security token included in the request is invalid", 403)


def user_name_needed() -> AwsError:
    """Somebody who is no user left out the user's name."""
    return validation("Must specify userName when calling with non-User credentials")
