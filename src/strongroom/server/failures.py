"""What a client is told when something went wrong: an AwsError, whatever was raised."""

from strongroom.base.errors import AwsError
from strongroom.server.logs import logger
from strongroom.storage.errors import StorageUnavailable
from strongroom.wire.protocol import internal_failure


def refusal_of(problem: Exception, request_id: str) -> AwsError:
    """Return what is answered to a request that raised `problem`. The cause of what was not foreseen stays in the log.

    Nothing that was not foreseen may reach the client in words.
    """
    if isinstance(problem, AwsError):
        return problem
    if isinstance(problem, StorageUnavailable):
        logger.error("storage unavailable", request_id=request_id, reason=str(problem))
        return AwsError(
            "ServiceUnavailable", "The service is temporarily unable to store or read its data. Try again.", 503
        )
    logger.error("request failed", request_id=request_id, exc_info=problem)
    return internal_failure()
