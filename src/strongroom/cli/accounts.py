"""`strongroom accounts`: the accounts of one server."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from strongroom.cli.store_options import StoreOptions

accounts = App(name="accounts", help="Make and list the accounts of a server.")

Format = Literal["text", "json"]


@accounts.command
def create(
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    *,
    account_id: str,
    name: str,
    organization_id: str | None = None,
    format: Format = "text",
) -> None:
    """Make an account and its root user's access key, and print them: the secret is shown this once.

    A running server serves it at once.

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

    from strongroom.cli.known_server import known_server
    from strongroom.server.accounts import make_account

    configuration = known_server(store or StoreOptions()).configuration
    chosen = "" if organization_id == "none" else organization_id
    made = asyncio.run(make_account(configuration, account_id, name, chosen))
    _print(
        {
            "AccountId": made.account_id,
            "Name": made.name,
            "OrganizationId": made.organization_id,
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret_access_key,
        },
        format,
    )


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


def _print(members: dict[str, Any], format: Format) -> None:
    if format == "json":
        import json

        print(json.dumps(members, indent=2))
        return
    width = max(map(len, members))
    for name, value in members.items():
        print(f"{name:<{width}}  {'none' if value is None else value}")
