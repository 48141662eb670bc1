"""What the server itself refuses, in the codes and words of S3: it knows nothing of services where it does so."""

from collections.abc import Mapping

from strongroom.base.errors import AwsError

_TOLD: Mapping[str, tuple[str, str, int]] = {
    "InternalFailure": ("InternalError", "We encountered an internal error. Please try again.", 500),
    "MalformedQueryString": ("InvalidURI", "Couldn't parse the specified URI.", 400),
    "RequestTimeout": (
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        "connections will be closed.",
        400,
    ),
}


def as_s3_tells(error: AwsError) -> AwsError:
    """Return an error as S3 tells it. What is not served is a `NotImplemented` (501) here."""
    if error.code == "UnsupportedOperationException":
        return AwsError("NotImplemented", error.message, 501)
    told = _TOLD.get(error.code)
    return error if told is None else AwsError(*told)
