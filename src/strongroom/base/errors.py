"""The one error that a client sees, and the ones that an operator sees."""

from collections.abc import Mapping
from typing import Any


class AwsError(Exception):
    """An answer that says no, in AWS's words.

    Handlers, the guard and the wire raise it; only `wire` turns it into bytes, in the shape of the protocol that the
    client speaks. `code` is the error code as the service's API reference names it (`NotFoundException`), `message` the
    text for people, `status` the HTTP status. `members` are further members of the error's shape (S3 `BucketName`),
    `answer` those members of the operation's answer that are told all the same (S3 `DeleteMarker`, a header).
    A message never carries plaintext, secrets or key material.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int = 400,
        *,
        members: Mapping[str, Any] | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}
        self.answer: Mapping[str, Any] = answer or {}

    @property
    def is_senders_fault(self) -> bool:
        """Whether the query protocol calls it `Sender` (status below 500) rather than `Receiver`."""
        return self.status < 500


def access_denied(message: str) -> AwsError:
    """Return the refusal that the JSON services use: `AccessDeniedException`, HTTP 400."""
    return AwsError("AccessDeniedException", message, 400)


def throttling() -> AwsError:
    """Return the refusal of a request over its quota: `ThrottlingException`, HTTP 400."""
    return AwsError("ThrottlingException", "Rate exceeded", 400)


class OperatorError(Exception):
    """Something the operator must mend (a wrong passphrase, a port in use): one clear line, exit status 2."""
