"""What Service Quotas refuses, in AWS's words. Source: Service Quotas API Reference, the errors of each action."""

from strongroom.base.errors import AwsError


def denied(message: str) -> AwsError:
    """The caller may not do this."""
    return AwsError("AccessDeniedException", message)


def throttled() -> AwsError:
    """A request over its quota."""
    return AwsError(
        "TooManyRequestsException",
        "Due to throttling, the request was denied. Slow down the rate of request calls, or request an increase for "
        "this quota.",
    )


def illegal_argument(message: str) -> AwsError:
    """A parameter has a value that the service model allows and Service Quotas does not."""
    return AwsError("IllegalArgumentException", message)


def no_such_service() -> AwsError:
    """No service with quotas has that code."""
    return AwsError("NoSuchResourceException", "The request failed because the specified service does not exist.")


def no_such_quota() -> AwsError:
    """The service has no quota with that code."""
    return AwsError("NoSuchResourceException", "The request failed because the specified quota does not exist.")


def no_such_request() -> AwsError:
    """The account has no quota increase request with that id in this Region."""
    return AwsError("NoSuchResourceException", "The request failed because the specified request does not exist.")


def no_such_resource(message: str) -> AwsError:
    """What was named is not there."""
    return AwsError("NoSuchResourceException", message)


def not_adjustable() -> AwsError:
    """Service Quotas cannot increase this quota."""
    return illegal_argument("The request failed because the specified quota is not adjustable.")


def value_too_low(what: str) -> AwsError:
    """The desired value is no increase; `what` is the value that it should be above."""
    return illegal_argument(f"You must provide a quota value greater than the {what}")


def already_requested() -> AwsError:
    """An increase of the same quota waits for its decision."""
    return AwsError(
        "ResourceAlreadyExistsException", "Only one open service quota increase request is allowed per quota."
    )


def already_has_case() -> AwsError:
    """The request has a Support case."""
    return AwsError("ResourceAlreadyExistsException", "A support case already exists for this quota increase request.")


def not_pending(status: str) -> AwsError:
    """A Support case can be opened for a pending request only."""
    return AwsError(
        "InvalidResourceStateException",
        f"A support case can be created for a pending quota increase request only. This request is {status}.",
    )


def quota_exceeded() -> AwsError:
    """A quota of Service Quotas itself is used up."""
    return AwsError(
        "QuotaExceededException",
        "You have exceeded your service quota. To perform the requested action, remove some of the relevant resources, "
        "or use Service Quotas to request a service quota increase.",
    )


def invalid_token() -> AwsError:
    """A pagination token that this operation did not give out."""
    return AwsError("InvalidPaginationTokenException", "Invalid input was provided.")


def no_organization() -> AwsError:
    """Templates belong to organizations."""
    return AwsError(
        "NoAvailableOrganizationException",
        "The Amazon Web Services account making this call is not a member of an organization.",
    )


def not_in_this_region() -> AwsError:
    """Templates are managed in one Region."""
    return AwsError(
        "TemplatesNotAvailableInRegionException",
        "The Service Quotas template is not available in this Amazon Web Services Region.",
    )


def template_not_in_use() -> AwsError:
    """The organization's template is not associated."""
    return AwsError(
        "ServiceQuotaTemplateNotInUseException",
        "The quota request template is not associated with your organization.",
    )


def too_many_tags() -> AwsError:
    """More than 50 tags."""
    return AwsError(
        "TooManyTagsException",
        "You've exceeded the number of tags allowed for a resource. The maximum number of tags for this resource is "
        "50.",
    )
