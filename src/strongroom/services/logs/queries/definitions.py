"""Queries that somebody saved. Source: Amazon CloudWatch Logs API Reference, PutQueryDefinition and its kin."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors
from strongroom.services.logs.access import account_wide
from strongroom.services.logs.groups.directory import NAME_CHARACTERS_MAX
from strongroom.services.logs.paging import Page
from strongroom.services.logs.queries import tables
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row

DEFINITIONS_MAX = 1_000
_KEPT = ("logGroupNames", "parameters")


def _missing() -> Exception:
    return errors.not_found("The specified query definition does not exist.")


@operation(LOGS, "PutQueryDefinition", needs=account_wide("logs:PutQueryDefinition"))
async def put_query_definition(call: Call) -> Answer:
    """Save a query, or change a saved one. Source: API Reference, PutQueryDefinition."""
    params = call.params
    given, token = params.get("queryDefinitionId"), params.get("clientToken")
    if "\0" in params["name"] + (given or "") + (token or ""):
        raise errors.invalid_parameter("The null character is not allowed.")
    if any(len(name) > NAME_CHARACTERS_MAX for name in params.get("logGroupNames") or ()):
        raise errors.name_too_long()
    language = params.get("queryLanguage") or "CWLI"

    def write(connection: Connection) -> Answer:
        if given is not None and tables.select_definition(connection, call.account_id, call.region, given) is None:
            raise _missing()
        made = None
        if given is None and token is not None:
            made = tables.definition_of_token(connection, call.account_id, call.region, token)
        if made is not None:
            return {"queryDefinitionId": made}
        if given is None and tables.count_definitions(connection, call.account_id, call.region) >= DEFINITIONS_MAX:
            raise errors.limit_exceeded()
        values: dict[str, Any] = {
            "account_id": call.account_id,
            "region": call.region,
            "definition_id": given or str(uuid.uuid4()),
            "name": params["name"],
            "modified_at": int(call.now * 1000),
            "client_token": token,
            "details": {"queryLanguage": language} | {name: params[name] for name in _KEPT if params.get(name)},
        }
        place = tables.DEFINITION_PLACE.format(**values)
        values["sealed_text"] = call.house.sealer.seal(params["queryString"].encode(), place)
        replace_row(connection, tables.DEFINITIONS, values)
        return {"queryDefinitionId": values["definition_id"]}

    return await call.write(write)


@operation(LOGS, "DescribeQueryDefinitions", needs=account_wide("logs:DescribeQueryDefinitions"), reads_only=True)
async def describe_query_definitions(call: Call) -> Answer:
    """List saved queries by the beginning of their names. Source: API Reference, DescribeQueryDefinitions."""
    params, page = call.params, Page(call, 1_000, "maxResults")
    prefix, language = params.get("queryDefinitionNamePrefix") or "", params.get("queryLanguage")
    if "\0" in prefix:
        return {"queryDefinitions": []}
    begin = _place_after(page)

    def read(connection: Connection) -> Sequence[Any]:
        found: list[Any] = []
        after = begin
        while True:
            rows = tables.list_definitions(connection, call.account_id, call.region, prefix, after, page.limit + 1)
            found += [row for row in rows if language in (None, row.details["queryLanguage"])]
            if len(rows) <= page.limit or len(found) > page.limit:
                return found[: page.limit + 1]
            after = rows[-1].name, rows[-1].definition_id

    def show(row: Any) -> Mapping[str, Any]:
        text = call.house.sealer.open(row.sealed_text, tables.DEFINITION_PLACE.format(**row._mapping)).decode()
        return {
            "queryDefinitionId": row.definition_id,
            "name": row.name,
            "queryString": text,
            "lastModified": row.modified_at,
            **row.details,
        }

    return page.answer("queryDefinitions", await call.read(read), show, lambda row: [row.name, row.definition_id])


def _place_after(page: Page) -> tuple[str, str] | None:
    if page.after is None:
        return None
    if not isinstance(page.after, list) or len(page.after) != 2:
        raise errors.invalid_token()
    name, definition_id = page.after
    if not isinstance(name, str) or not isinstance(definition_id, str) or "\0" in name + definition_id:
        raise errors.invalid_token()
    return name, definition_id


@operation(LOGS, "DeleteQueryDefinition", needs=account_wide("logs:DeleteQueryDefinition"))
async def delete_query_definition(call: Call) -> Answer:
    """Delete a saved query. Source: API Reference, DeleteQueryDefinition."""
    definition_id: str = call.params["queryDefinitionId"]

    def write(connection: Connection) -> Answer:
        if "\0" in definition_id or not tables.delete_definition(
            connection, call.account_id, call.region, definition_id
        ):
            raise _missing()
        return {"success": True}

    return await call.write(write)
