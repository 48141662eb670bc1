"""Changes to functions: made on the rows as they are now, recorded in the same transaction."""

from collections.abc import Callable

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import cache_name, load
from strongroom.storage.connection import Connection


async def change_function(call: Call, function: Function, change: Callable[[Connection, Function], Answer]) -> Answer:
    """Change a function, as `change` does from what the database has now, and return what that returns.

    Raises ResourceNotFoundException when the function is gone: the call's snapshot may be older than the row.
    """

    def write(connection: Connection) -> Answer:
        current = load(connection, function.account_id, function.region, function.name)
        if current is None:
            raise errors.no_such_function(function.arn)
        return change(connection, current)

    name = cache_name(function.account_id, function.region, function.name)
    return await call.write(write, invalidates=(name,))


def require_revision(wanted: str | None, current: str) -> None:
    """Raise PreconditionFailedException when a request wants another revision than there is."""
    if wanted is not None and wanted != current:
        raise errors.revision_changed("GetFunction/GetAlias")


def require_unchanged(before: Function, current: Function) -> None:
    """Raise ResourceConflictException when `$LATEST` changed since a call began to work out what it becomes."""
    if before.latest.revision_id != current.latest.revision_id:
        raise errors.conflict(
            f"The operation cannot be performed at this time. An update is in progress for resource: {current.arn}"
        )


def require_latest(qualifier: str) -> None:
    """Raise InvalidParameterValueException for a change to a version or an alias where there is only `$LATEST`."""
    if qualifier not in ("", "$LATEST"):
        raise errors.invalid_parameter(
            "Published versions do not change. Please specify a function without a qualifier."
        )
