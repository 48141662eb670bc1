"""`strongroom rotation`: ready-made functions that rotate databases' passwords, onto a server or into a zip file."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

rotation = App(name="rotation", help="Install the ready-made functions that rotate databases' passwords.")

Options = Annotated[StoreOptions | None, Parameter(name="*")]
Texts = Annotated[list[str] | None, ON_COMMAND_LINE_ONLY, Parameter(negative="")]
Text = Annotated[str | None, ON_COMMAND_LINE_ONLY]
File = Annotated[Path | None, ON_COMMAND_LINE_ONLY]


@rotation.command(name="list")
def list_() -> None:
    """List the functions that there are."""
    from strongroom.cli.rotation_package import READY_MADE

    width = max(map(len, READY_MADE))
    for function in READY_MADE.values():
        print(f"{function.name:<{width}}  {function.summary}")


@rotation.command(name="zip")
def zip_(name: str, file: Path, /, *, database_ca: File = None) -> None:
    """Write a function as a zip file, to install by hand; say which handler it has.

    Parameters
    ----------
    name
        Name of the function (see `strongroom rotation list`).
    file
        The file to write.
    database_ca
        Certificates (PEM) to verify the database's with, for secrets with "ssl": true.
    """
    from strongroom.cli.rotation_package import package, ready_made

    function = ready_made(name)
    try:
        file.write_bytes(package(function, database_ca))
    except OSError as error:
        raise OperatorError(f"{file} cannot be written: {error.strerror}") from None
    print(f"{file}: handler {function.handler}")


@rotation.command
def install(
    name: str,
    /,
    store: Options = None,
    *,
    function_name: Text = None,
    superuser_secret: Texts = None,
    kms_key: Texts = None,
    network: Texts = None,
    exclude_characters: Text = None,
    database_ca: File = None,
    account: Text = None,
    region: Text = None,
) -> None:
    """Install a function on this server, or bring it up to date, and print its ARN: for RotateSecret.

    It gets an execution role, which may rotate the secrets that name the function and nothing else, and the permission
    that Secrets Manager invokes it.

    Parameters
    ----------
    name
        Name of the function (see `strongroom rotation list`).
    function_name
        Name to give it on the server; by default strongroom-rotation-NAME.
    superuser_secret
        ARN of a superuser's secret that it may read (masterarn of the secrets to rotate); for alternating users.
    kms_key
        ARN of a customer managed key that secrets are encrypted under.
    network
        Address (HOST:PORT) of a database to be reached; the server's setting outbound-addresses must name it, too.
    exclude_characters
        Characters that new passwords must not have.
    database_ca
        Certificates (PEM) to verify the database's with, for secrets with "ssl": true.
    account
        Account id of another account than the server's first.
    region
        Region of the function; by default the server's.
    """
    from strongroom.cli.rotation_install import Installation
    from strongroom.cli.rotation_install import install as install_function
    from strongroom.cli.rotation_package import ready_made
    from strongroom.cli.server_session import server_session

    function = ready_made(name)
    if function.needs_superuser and not superuser_secret:
        raise OperatorError(f"{name} needs --superuser-secret, the secret whose user makes users and sets passwords")
    session, account_id = server_session(store or StoreOptions(), account, region)
    installation = Installation(
        function=function,
        name=function_name or f"strongroom-rotation-{function.name}",
        superuser_secrets=superuser_secret or (),
        kms_keys=kms_key or (),
        network=network or (),
        exclude_characters=exclude_characters,
        authority=database_ca,
    )
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        print(install_function(session, account_id, installation))
    except (BotoCoreError, ClientError) as error:
        raise OperatorError(f"the server did not take it: {error}") from None
