"""What RDS refuses, in AWS's words where AWS has them. Source: Amazon RDS API Reference, the errors of each action."""

from strongroom.base.errors import AwsError


def denied(message: str) -> AwsError:
    """The caller may not do this."""
    return AwsError("AccessDenied", message, 403)


def throttled() -> AwsError:
    """A request over its quota."""
    return AwsError("Throttling", "Rate exceeded", 400)


def no_such_instance(identifier: str) -> AwsError:
    """The account has no instance of that name in this Region."""
    return AwsError("DBInstanceNotFoundFault", f"DBInstance {identifier} not found.", 404)


def instance_exists() -> AwsError:
    """The name is taken."""
    return AwsError("DBInstanceAlreadyExistsFault", "DB instance already exists")


def invalid_value(message: str) -> AwsError:
    """A parameter has a value that it cannot have."""
    return AwsError("InvalidParameterValue", message)


def invalid_combination(message: str) -> AwsError:
    """Parameters that cannot be had together, or not with what is there."""
    return AwsError("InvalidParameterCombination", message)


def not_served(what: str) -> AwsError:
    """A parameter that asks for what only whoever runs the database could do."""
    return invalid_combination(
        f"Strongroom registers databases that exist, and does not run them: {what} is not served."
    )


def not_available(identifier: str) -> AwsError:
    """Somebody else changes the instance just now."""
    return AwsError("InvalidDBInstanceStateFault", f"Database instance {identifier} is not in available state.", 400)


def not_let_in(address: str, told: str) -> AwsError:
    """The database cannot be reached, or refuses the master user's password; `told` are its own words."""
    return invalid_value(f"The master user cannot log in to the database at {address}: {' '.join(told.split())}")


def change_refused(address: str, told: str) -> AwsError:
    """The database does not change the password; `told` are its own words."""
    return AwsError(
        "InvalidDBInstanceStateFault",
        f"The database at {address} did not change the master user's password: {' '.join(told.split())}",
        400,
    )


def invalid_arn(arn: str) -> AwsError:
    """A resource name that names nothing here."""
    return invalid_value(f"The specified resource name does not match an RDS resource in this region: {arn}")


def secret_not_made(error: AwsError) -> AwsError:
    """The secret of an instance cannot be made: the caller may not, or its KMS key does not let it."""
    if error.code == "AccessDeniedException":
        return denied(error.message)
    return AwsError("KMSKeyNotAccessibleFault", error.message)


def secret_not_read(error: AwsError) -> AwsError:
    """The secret with the present password cannot be read: the caller may not, or there is none."""
    if error.code == "AccessDeniedException":
        return denied(error.message)
    return invalid_value(f"The secret of the tag strongroom:master-secret cannot be read: {error.message}")


def instance_quota_exceeded() -> AwsError:
    """The account has as many instances as it may have."""
    return AwsError("InstanceQuotaExceededFault", "Maximum number of DB instances exceeded.")
