"""`strongroom vpc`: processes of the operator's own in a VPC, such as a database in a private subnet."""

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.settings_variables import ON_COMMAND_LINE_ONLY
from strongroom.cli.store_options import StoreOptions

vpc = App(name="vpc", help="Run processes in a VPC.")

Text = Annotated[str, ON_COMMAND_LINE_ONLY]
Texts = Annotated[tuple[str, ...], ON_COMMAND_LINE_ONLY]


@vpc.command
def run(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    subnet: Text,
    security_group: Texts = (),
    private_ip: Annotated[str | None, ON_COMMAND_LINE_ONLY] = None,
) -> None:
    """Run a command in a subnet, as who you are: strongroom vpc run --subnet ID -- COMMAND...

    It has a network interface of its own, and reaches and is reached as the VPC's routes and security groups say;
    nothing else is in its network but its own loopback. Only the server's user and root may do this. When the command
    ends, the interface is removed; when the server ends, so does the command.

    Parameters
    ----------
    command
        The command and its arguments, behind --.
    subnet
        Subnet to be in (subnet-...).
    security_group
        Security group to be in (sg-...); may be given several times. By default the VPC's default group.
    private_ip
        Address to have; by default the first free one of the subnet.
    """
    import sys

    from strongroom.cli.known_server import known_server
    from strongroom.server.network_visit import visit

    configuration = known_server(store or StoreOptions()).configuration
    sys.exit(visit(configuration.data, list(command), subnet, list(security_group), private_ip))
