"""PublishVersion and ListVersionsByFunction. Source: AWS Lambda API Reference, of the same names; recorded answers."""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.access import NamedFunction, about_function
from strongroom.services.lambda_.change import change_function, require_latest, require_revision
from strongroom.services.lambda_.configuration import shown_configuration
from strongroom.services.lambda_.environment import shown_environment
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.function_directory import version_of
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.paging import page_size, paged, position
from strongroom.services.lambda_.quotas import own_quota
from strongroom.services.lambda_.service import LAMBDA
from strongroom.services.lambda_.settings import refuse_unserved
from strongroom.services.lambda_.version_rows import publish
from strongroom.storage.connection import Connection


@operation(LAMBDA, "PublishVersion", needs=about_function("lambda:PublishVersion"), quota=own_quota("PublishVersion"))
async def publish_version(call: Call) -> Answer:
    """Freeze a function's code and settings under the next number; the last one again, when nothing changed since."""
    target: NamedFunction = call.target
    function, params = target.existing(), call.params
    require_latest(target.named.qualifier)
    refuse_unserved(params)
    environment = await shown_environment(call, function.latest)

    def change(connection: Connection, current: Function) -> Answer:
        wanted, sha256 = params.get("CodeSha256"), current.latest.code.sha256
        if wanted and wanted != sha256:
            raise errors.invalid_parameter(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({sha256}). Please try again "
                "with the CodeSHA256 in $LATEST."
            )
        require_revision(params.get("RevisionId"), current.latest.revision_id)
        published = publish(connection, current, params.get("Description"))
        return shown_configuration(published, environment, published.qualified_arn)

    return await change_function(call, function, change)


@operation(
    LAMBDA,
    "ListVersionsByFunction",
    needs=about_function("lambda:ListVersionsByFunction"),
    quota=own_quota("ListVersionsByFunction"),
    reads_only=True,
)
async def list_versions_by_function(call: Call) -> Answer:
    """List the versions of a function, `$LATEST` first, then the published ones in the order of their numbers."""
    target: NamedFunction = call.target
    function = target.existing()
    begin = position(call)
    after = int(begin) if begin is not None and begin.isdecimal() else -1

    def read(connection: Connection) -> list[FunctionVersion]:
        rows = tables.list_versions(connection, function.arn, after, page_size(call) + 1)
        return [version_of(connection, function, row) for row in rows]

    versions, next_page = paged(call, await call.read(read), lambda version: str(version.number))
    return {"Versions": [await listed(call, version, version.qualified_arn) for version in versions], **next_page}


async def listed(call: Call, version: FunctionVersion, arn: str) -> Answer:
    """Return how a listing shows a version."""
    return shown_configuration(version, await shown_environment(call, version), arn, with_state=False)
