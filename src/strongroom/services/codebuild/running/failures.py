"""How a phase of a build that is not a command's fails."""

from strongroom.base.errors import AwsError

CLIENT_ERROR, YAML_FILE_ERROR, ACCESS_DENIED = "CLIENT_ERROR", "YAML_FILE_ERROR", "ACCESS_DENIED"
INTERNAL_SERVICE_ERROR = "INTERNAL_SERVICE_ERROR"


class PhaseFailed(Exception):  # noqa: N818 (it says what happened)
    """A phase cannot succeed. `code` and `message` become its context; `is_fault` tells that it is not the build's."""

    def __init__(self, code: str, message: str, *, is_fault: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_fault = is_fault


def told(error: AwsError) -> str:
    """Return a refusal of another service as phases tell it."""
    return f"{error.code}: {error.message}" if error.message else error.code
