"""`strongroom explain`: why a request was allowed or refused."""

from typing import Annotated, Literal

from cyclopts import Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions


def explain(
    request_id: Annotated[str, ON_COMMAND_LINE_ONLY],
    /,
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    *,
    format: Annotated[Literal["text", "json"], ON_COMMAND_LINE_ONLY] = "text",
) -> None:
    """Tell who asked for what in a request, which policies were looked at, and which statement decided.

    A refusal comes with the least change that would have allowed it. Clients show a request's id with every answer
    (the aws CLI with --debug); it is in the audit trail too.

    Parameters
    ----------
    request_id
        Id of the request, or the encoded authorization failure message of a refusal.
    format
        text, or json: a list with one object for each call that the request made.
    """
    import asyncio
    import json

    from strongroom.cli.known_server import known_server
    from strongroom.operations.explanations import as_explanation
    from strongroom.policy_check.listing import printable
    from strongroom.server.request_records import find_records

    configuration = known_server(store or StoreOptions()).configuration
    found = asyncio.run(find_records(configuration, request_id))
    if not found.records:
        raise OperatorError(
            f"the audit trail has no request {request_id}; what was not signed by anybody known here leaves no record"
        )
    if format == "json":
        explained = [as_explanation(record) for record in found.records]
        print(json.dumps(explained, indent=2, ensure_ascii=False, default=str))
    else:
        print("\n\n".join("\n".join(map(printable, found.lines(record))) for record in found.records))
