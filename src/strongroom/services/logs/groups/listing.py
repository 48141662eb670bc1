"""Listings of log groups. Source: Amazon CloudWatch Logs API Reference, DescribeLogGroups, ListLogGroups."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import account_wide
from strongroom.services.logs.filters.tables import count_metric_filters
from strongroom.services.logs.groups.directory import Group, as_group, place_of
from strongroom.services.logs.paging import Page
from strongroom.services.logs.service import LOGS
from strongroom.storage.connection import Connection

GROUPS_PER_READ = 500
_ALSO: Mapping[str, tuple[str, ...]] = {
    "INFREQUENT_ACCESS": ("INFREQUENT_ACCESS", "ESSENTIALS"),
    "ESSENTIALS": ("INFREQUENT_ACCESS", "ESSENTIALS"),
}
"""Asked for one of these classes, AWS shows both."""


def _shown(group: Group, sizes: Mapping[int, int], filters: Mapping[int, int]) -> dict[str, Any]:
    shown = {
        "logGroupName": group.place.name,
        "creationTime": group.created_at,
        "metricFilterCount": filters.get(group.number, 0),
        "arn": f"{group.arn}:*",
        "storedBytes": sizes.get(group.number, 0),
        "logGroupClass": group.group_class,
        "logGroupArn": group.arn,
        "deletionProtectionEnabled": group.is_protected,
    }
    if group.retention_days is not None:
        shown["retentionInDays"] = group.retention_days
    if group.key_arn is not None:
        shown["kmsKeyId"] = group.key_arn
    return shown


def _with_figures(connection: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    numbers = [row.number for row in rows]
    sizes, filters = tables.stored_bytes(connection, numbers), count_metric_filters(connection, numbers)
    return [_shown(as_group(row), sizes, filters) for row in rows]


def _refuse_linked_accounts(params: Mapping[str, Any]) -> None:
    if params.get("accountIdentifiers") and not params.get("includeLinkedAccounts"):
        raise errors.invalid_parameter("accountIdentifiers can only be specified when includeLinkedAccounts is true.")


@operation(LOGS, "DescribeLogGroups", needs=account_wide("logs:DescribeLogGroups"), reads_only=True)
async def describe_log_groups(call: Call) -> Answer:
    """List log groups by the beginning or a part of their names. Source: API Reference, DescribeLogGroups.

    No account is linked to another here: what is asked for of linked accounts shows the caller's own groups alone.
    """
    params, page = call.params, Page(call)
    prefix, part = params.get("logGroupNamePrefix"), params.get("logGroupNamePattern")
    _refuse_linked_accounts(params)
    if prefix is not None and part is not None:
        raise errors.invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        )
    identifiers = params.get("logGroupIdentifiers")
    if identifiers is not None:
        if prefix is not None or part is not None or params.get("logGroupClass") is not None:
            raise errors.invalid_parameter("logGroupIdentifiers cannot be specified together with other filters.")
        return await _named(call, identifiers)
    group_class = params.get("logGroupClass")

    def read(connection: Connection) -> list[dict[str, Any]]:
        rows = tables.list_groups(
            connection,
            call.account_id,
            call.region,
            page.text_after(),
            page.limit + 1,
            prefix=prefix or "",
            part=part or "",
            classes=_ALSO.get(group_class, (group_class,)) if group_class else (),
        )
        return _with_figures(connection, rows)

    return page.answer("logGroups", await call.read(read), lambda shown: shown, lambda shown: shown["logGroupName"])


async def _named(call: Call, identifiers: Sequence[str]) -> Answer:
    places = sorted({place_of(call.account_id, call.region, each) for each in identifiers}, key=lambda each: each.name)
    if any(place.account_id != call.account_id for place in places):
        raise errors.invalid_parameter("The specified log group identifier is of an account that is not linked.")

    def read(connection: Connection) -> list[dict[str, Any]]:
        rows = [tables.select_group(connection, *place) for place in places]
        return _with_figures(connection, [row for row in rows if row is not None])

    return {"logGroups": await call.read(read)}


@operation(LOGS, "ListLogGroups", needs=account_wide("logs:ListLogGroups"), reads_only=True)
async def list_log_groups(call: Call) -> Answer:
    """List log groups by patterns of their names, class and tags. Source: API Reference, ListLogGroups."""
    params, page = call.params, Page(call)
    _refuse_linked_accounts(params)
    for member in ("dataSources", "fieldIndexNames"):
        if params.get(member):
            raise errors.unsupported(f"Strongroom does not serve {member} of ListLogGroups yet.")
    wanted = _NamePattern(params.get("logGroupNamePattern"))
    filters = [_TagFilter(each) for each in params.get("logGroupTags") or ()]
    group_class = params.get("logGroupClass")

    def read(connection: Connection) -> list[Group]:
        found: list[Group] = []
        after = page.text_after()
        while True:
            rows = tables.list_groups(
                connection,
                call.account_id,
                call.region,
                after,
                GROUPS_PER_READ,
                classes=(group_class,) if group_class else (),
            )
            groups = map(as_group, rows)
            found += [
                each
                for each in groups
                if wanted.matches(each.place.name) and all(one.matches(each.tags) for one in filters)
            ]
            if len(rows) < GROUPS_PER_READ or len(found) > page.limit:
                return found[: page.limit + 1]
            after = rows[-1].name

    def show(group: Group) -> dict[str, Any]:
        return {"logGroupName": group.place.name, "logGroupArn": group.arn, "logGroupClass": group.group_class}

    return page.answer("logGroups", await call.read(read), show, lambda group: group.place.name)


class _NamePattern:
    """Alternatives, each a part of the name, or with `^` before it its beginning; None matches every name."""

    def __init__(self, text: str | None) -> None:
        alternatives = text.split("|") if text is not None else []
        self._prefixes = tuple(each[1:] for each in alternatives if each.startswith("^"))
        self._parts = tuple(each for each in alternatives if not each.startswith("^"))
        self._is_any = text is None

    def matches(self, name: str) -> bool:
        """Return whether a name is wanted."""
        return self._is_any or name.startswith(self._prefixes or ("\0",)) or any(part in name for part in self._parts)


class _TagFilter:
    """One tag with any of some values, none meaning every value: `!` before a value denies it, `*` is a wildcard."""

    def __init__(self, sent: Mapping[str, Any]) -> None:
        self._key: str = sent["key"]
        self._values = [
            (value.startswith("!"), re.compile(re.escape(value.removeprefix("!")).replace(r"\*", ".*"), re.DOTALL))
            for value in sent.get("values") or ()
        ]

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Return whether a group with these tags is wanted."""
        value = tags.get(self._key)
        if not self._values:
            return value is not None
        return any(
            is_denied != (value is not None and pattern.fullmatch(value) is not None)
            for is_denied, pattern in self._values
        )
