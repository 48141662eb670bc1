"""Members of requests that the service model lets through and a database, or AWS, does not."""

from collections.abc import Sequence

from strongroom.operations.call import Call
from strongroom.services.secretsmanager import errors


def checked_description(text: str | None) -> str | None:
    """Return a description, None for an empty one. Raises InvalidParameterException for U+0000."""
    if text is not None and "\0" in text:
        raise errors.invalid_parameter("Description must not contain the null character.")
    return text or None


def checked_token(call: Call) -> str:
    """Return the request's ClientRequestToken, which becomes the id of a new version.

    Raises InvalidParameterException when there is none, or it holds what an identifier cannot.
    """
    token: str | None = call.params.get("ClientRequestToken")
    if token is None:
        raise errors.token_missing()
    if not token.isascii() or not token.isprintable():
        raise errors.invalid_parameter("ClientRequestToken must consist of printable ASCII characters.")
    return token


def checked_labels(labels: Sequence[str] | None) -> Sequence[str] | None:
    """Return staging labels. Raises InvalidParameterException for U+0000."""
    if any("\0" in label for label in labels or ()):
        raise errors.invalid_parameter("A staging label must not contain the null character.")
    return labels
