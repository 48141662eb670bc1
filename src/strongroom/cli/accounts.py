"""`strongroom accounts`: the accounts of one server."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

accounts = App(name="accounts", help="Make and list the accounts of a server.")

Format = Annotated[Literal["text", "json"], ON_COMMAND_LINE_ONLY]
Text = Annotated[str, ON_COMMAND_LINE_ONLY]


@accounts.command
def create(
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    *,
    account_id: Text,
    name: Text,
    organization_id: Annotated[str | None, ON_COMMAND_LINE_ONLY] = None,
    format: Format = "text",
) -> None:
    """Make an account and its root user's access key, and print them.

    A running server serves it at once. `strongroom env --account ID` points clients at it.

    Parameters
    ----------
    account_id
        The 12 digits of the account.
    name
        What to call it.
    organization_id
        Organization that it belongs to (o-...), "none" for none; by default the one of the server's first account.
    format
        text, or json: one object.
    """
    import asyncio
    import json
    import shlex

    from strongroom.base.configuration import default_data_directory
    from strongroom.cli.known_server import known_server
    from strongroom.server.accounts import make_account

    configuration = known_server(store or StoreOptions()).configuration
    chosen = "" if organization_id == "none" else organization_id
    made = asyncio.run(make_account(configuration, account_id, name, chosen))
    members = {
        "AccountId": made.account_id,
        "Name": made.name,
        "OrganizationId": made.organization_id,
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
    }
    if format == "json":
        print(json.dumps(members, indent=2))
        return
    width = max(map(len, members))
    for label, value in members.items():
        print(f"{label:<{width}}  {'none' if value is None else value}")
    data = "" if configuration.data == default_data_directory() else f" --data {shlex.quote(str(configuration.data))}"
    print(f'\nPoint clients at it with:  eval "$(strongroom env --account {made.account_id}{data})"')


@accounts.command(name="list")
def list_all(
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    *,
    format: Format = "text",
) -> None:
    """List the accounts of a server.

    Parameters
    ----------
    format
        text: a line for each; json: one list.
    """
    import asyncio
    import json

    from strongroom.base.clock import as_datetime
    from strongroom.cli.known_server import known_server
    from strongroom.server.accounts import read_accounts

    configuration = known_server(store or StoreOptions()).configuration
    rows = [
        {
            "AccountId": row.account_id,
            "Name": row.name,
            "Alias": row.alias,
            "OrganizationId": row.organization_id,
            "CreateDate": as_datetime(row.created_at).isoformat(timespec="seconds"),
        }
        for row in asyncio.run(read_accounts(configuration))
    ]
    if format == "json":
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        alias = f"  alias {row['Alias']}" if row["Alias"] else ""
        organization = row["OrganizationId"] or "no organization"
        print(f"{row['AccountId']}  {row['Name']}  {organization}  since {row['CreateDate']}{alias}")
