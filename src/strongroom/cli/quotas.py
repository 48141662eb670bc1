"""`strongroom quotas`: use against quota, live; quotas set and reset; requested increases approved and denied."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

if TYPE_CHECKING:
    from rich.table import Table

    from strongroom.server.quota_usage import QuotaUse

quotas = App(
    name="quotas",
    help="Show the use of quotas; set them; decide on requested increases.",
)

Format = Annotated[Literal["text", "json"], ON_COMMAND_LINE_ONLY]
Text = Annotated[str | None, ON_COMMAND_LINE_ONLY]
Options = Annotated[StoreOptions | None, Parameter(name="*")]

LOOK_SECONDS = 1.0
EVERY = "*"


@quotas.default
def show(
    store: Options = None,
    *,
    account_id: Text = None,
    region: Text = None,
    watch: Annotated[bool, ON_COMMAND_LINE_ONLY] = False,
    format: Format = "text",
) -> None:
    """Show the use of every quota that is used or was set, beside its value: the rate of the last second, or a number.

    Requests are those of all servers of this machine since they started; throttled ones were refused.

    Parameters
    ----------
    account_id
        Show one account only.
    region
        Show one Region only.
    watch
        Look again every second, until Ctrl-C.
    format
        text: a table; json: one list, with --watch a line for each look.
    """
    import asyncio

    from strongroom.cli.known_server import known_server

    configuration = known_server(store or StoreOptions()).configuration
    asyncio.run(_show(configuration, account_id, region, watch=watch, format=format))


@quotas.command(name="set")
def set_value(
    code: str,
    value: float,
    /,
    store: Options = None,
    *,
    account_id: Text = None,
    region: Text = None,
) -> None:
    """Set the value of a quota, at once, lower or higher than before: requests a second, or a number of resources.

    Without an account it holds for every account, without a Region in every Region, whatever was set there before.

    Parameters
    ----------
    code
        Code of the quota (L-6E3AF000), or its name.
    value
        The value; 0 refuses everything.
    account_id
        The account that it is for.
    region
        The Region that it is for.
    """
    import asyncio

    from strongroom.cli.known_server import known_server
    from strongroom.server.quotas import QuotaPlace, quota_named, set_quota

    configuration = known_server(store or StoreOptions()).configuration
    quota, place = quota_named(code), QuotaPlace(account_id or "", region or "")
    replaced = asyncio.run(set_quota(configuration, quota, value, place))
    instead = f" (in place of {replaced} set before)" if replaced else ""
    print(f"{quota.id}, {quota.name}: {value:,.10g} for {_described(account_id, region)}{instead}")


@quotas.command
def reset(
    code: str | None = None,
    /,
    store: Options = None,
    *,
    account_id: Text = None,
    region: Text = None,
) -> None:
    """Take back what was set or approved, at once: the default holds again, or what was set for more than this place.

    Parameters
    ----------
    code
        Code of the quota (L-6E3AF000), or its name; every quota unless given.
    account_id
        The account whose values are taken back.
    region
        The Region whose values are taken back.
    """
    import asyncio

    from strongroom.cli.known_server import known_server
    from strongroom.server.quotas import QuotaPlace, quota_named, reset_quota

    configuration = known_server(store or StoreOptions()).configuration
    quota, place = quota_named(code) if code is not None else None, QuotaPlace(account_id or "", region or "")
    count = asyncio.run(reset_quota(configuration, quota, place))
    what = f"{quota.id}, {quota.name}" if quota is not None else "every quota"
    print(f"{what}: {count} values taken back for {_described(account_id, region)}")


@quotas.command
def requests(store: Options = None, *, format: Format = "text") -> None:
    """List the requested increases that wait for a decision, the oldest first.

    Parameters
    ----------
    format
        text: a line for each; json: one list.
    """
    import asyncio
    import json

    from strongroom.cli.known_server import known_server
    from strongroom.server.quotas import read_open_requests

    rows = asyncio.run(read_open_requests(known_server(store or StoreOptions()).configuration))
    if format == "json":
        print(json.dumps([_members(row) for row in rows], indent=2))
        return
    for row in rows:
        print(_line(row))


@quotas.command
def approve(request_id: str, /, store: Options = None) -> None:
    """Approve a requested increase: it is the quota's value at once.

    Parameters
    ----------
    request_id
        Id of the request, as RequestServiceQuotaIncrease answered it.
    """
    _decide(request_id, store, is_approved=True)


@quotas.command
def deny(request_id: str, /, store: Options = None) -> None:
    """Deny a requested increase: the quota stays as it is.

    Parameters
    ----------
    request_id
        Id of the request, as RequestServiceQuotaIncrease answered it.
    """
    _decide(request_id, store, is_approved=False)


def _decide(request_id: str, store: StoreOptions | None, *, is_approved: bool) -> None:
    import asyncio

    from strongroom.cli.known_server import known_server
    from strongroom.server.quotas import decide_on_request

    configuration = known_server(store or StoreOptions()).configuration
    print(_line(asyncio.run(decide_on_request(configuration, request_id, is_approved=is_approved))))


def _described(account_id: str | None, region: str | None) -> str:
    return f"{account_id or 'every account'} in {region or 'every Region'}"


def _members(row: Any) -> dict[str, Any]:
    from strongroom.base.clock import as_datetime

    return {
        "Id": row.request_id,
        "AccountId": row.account_id,
        "Region": row.region,
        "Quota": row.quota_id,
        "DesiredValue": row.desired_value,
        "Status": row.status,
        "CaseId": row.case_id,
        "Created": as_datetime(row.created_at).isoformat(timespec="seconds"),
    }


def _line(row: Any) -> str:
    members = _members(row)
    case = f"  case {row.case_id}" if row.case_id else ""
    return (
        f"{members['Id']}  {members['Status']}  {members['AccountId']}  {members['Region']}  {members['Quota']}  "
        f"to {members['DesiredValue']:,.10g}  since {members['Created']}{case}"
    )


async def _show(configuration: Any, account_id: str | None, region: str | None, *, watch: bool, format: Format) -> None:
    import asyncio
    import json

    from rich.console import Console
    from rich.live import Live

    from strongroom.server.quota_usage import quota_usage

    def chosen(uses: Sequence["QuotaUse"]) -> list["QuotaUse"]:
        return [use for use in uses if account_id in (None, use.account_id) and region in (None, use.region)]

    async with quota_usage(configuration) as usage:
        await usage.look()
        if not watch:
            await asyncio.sleep(LOOK_SECONDS)
            uses = chosen(await usage.look())
            if format == "json":
                print(json.dumps([_as_json(use) for use in uses], indent=2))
            else:
                Console().print(_table(uses))
            return
        if format == "json":
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                print(json.dumps([_as_json(use) for use in chosen(await usage.look())]), flush=True)
        with Live(_table(chosen(await usage.look())), auto_refresh=False) as live:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                live.update(_table(chosen(await usage.look())), refresh=True)


def _as_json(use: "QuotaUse") -> dict[str, Any]:
    return {
        "ServiceCode": use.quota.service_code,
        "QuotaCode": use.quota.code,
        "QuotaName": use.quota.name,
        "AccountId": use.account_id or EVERY,
        "Region": use.region or EVERY,
        "Scope": use.scope or None,
        "Value": use.value,
        "DefaultValue": use.quota.default_in(use.region),
        "Used": round(use.used, 3),
        "PerSecond": use.is_rate,
        "Taken": use.taken,
        "Throttled": use.throttled,
    }


def _table(uses: Sequence["QuotaUse"]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title, justify in (("Quota", "left"), ("Code", "left"), ("Account", "left"), ("Region", "left")):
        table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for title in ("Used", "Quota", "%", "Taken", "Throttled"):
        table.add_column(title, justify="right", no_wrap=True)
    for use in uses:
        unit = "/s" if use.is_rate else ""
        percent = 100 * use.used / use.value if use.value else 100.0 if use.used else 0.0
        style = "red" if percent >= 100 else "yellow" if percent >= 80 else ""
        table.add_row(
            use.quota.name,
            use.quota.code,
            use.account_id or EVERY,
            " ".join(filter(None, (use.region or EVERY, use.scope))),
            Text(f"{use.used:,.0f}{unit}", style),
            f"{use.value:,.10g}{unit}",
            Text(f"{percent:.0f}", style),
            f"{use.taken:,}" if use.taken is not None else "",
            Text(f"{use.throttled:,}", "red" if use.throttled else "") if use.throttled is not None else "",
        )
    return table
