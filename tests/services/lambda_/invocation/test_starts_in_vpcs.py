"""Functions that cannot be put into their VPC do not start, and say why as AWS does."""

from typing import Any

import pytest
from tests.opened_house import InHouse, OpenedHouse
from tests.services.ec2.networking import ask
from tests.services.lambda_.functions import archive, make_function, make_role
from tests.services.lambda_.invocation.running import invoke, until
from tests.services.lambda_.vpcs import INTERFACES, Network, let_role, new_network
from tests.services.refusals import refused

from strongroom.runners.networks.keeping import NetworkKeeper, NetworksUnavailable
from strongroom.services.ec2.in_force import NetworksInForce


async def in_vpc(opened: OpenedHouse, **params: Any) -> Network:
    """Make a function in a VPC of its own."""
    await make_role(opened)
    network = await new_network(opened)
    await let_role(opened, *INTERFACES)
    await make_function(opened, VpcConfig=network.config, **params)
    return network


def test_what_is_gone_is_named(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        network = await in_vpc(opened)
        await let_role(opened)
        denied = (
            "Your access has been denied by EC2, please make sure your function execution role have permission to "
            "CreateNetworkInterface. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized"
        )
        with refused("EC2AccessDeniedException", match=denied):
            await invoke(opened)
        await let_role(opened, *INTERFACES)
        await ask(opened, "DeleteSecurityGroup", GroupId=network.group)
        with refused("InvalidSecurityGroupIDException", match=f"'{network.group}' does not exist"):
            await invoke(opened)
        await ask(opened, "DeleteSubnet", SubnetId=network.subnet)
        with refused("InvalidSubnetIDException", match=f"The subnet ID '{network.subnet}' does not exist"):
            await invoke(opened)

    in_sqlite_house(body)


def test_where_there_can_be_no_networks(in_sqlite_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(token: str = "") -> NetworkKeeper:
        raise NetworksUnavailable("the kernel has no nftables")

    async def body(opened: OpenedHouse) -> None:
        monkeypatch.setattr(NetworkKeeper, "start", start)
        await in_vpc(opened)
        message = "The VPC cannot be in force on this server: the kernel has no nftables"
        with refused("EC2UnexpectedException", message):
            await invoke(opened)
        assert (await ask(opened, "DescribeNetworkInterfaces"))["NetworkInterfaces"] == []

    in_sqlite_house(body)


TELLS_ITSELF = """
import uuid

name = str(uuid.uuid4())

def handler(event, context):
    return name
"""


def test_an_environment_ends_with_its_network(networks: None, in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await in_vpc(opened, Code={"ZipFile": archive({"app.py": TELLS_ITSELF})})

        async def asked() -> str:
            name: str = (await invoke(opened))["Payload"]
            return name

        first = await asked()
        assert await asked() == first
        keeper = opened.house.part(NetworksInForce)._keeper
        assert keeper is not None
        keeper._process.kill()
        await keeper._process.wait()
        assert await asked() != first

        async def is_alone() -> bool:
            return len((await ask(opened, "DescribeNetworkInterfaces"))["NetworkInterfaces"]) == 1

        await until(is_alone)
        await opened.call("lambda", "DeleteFunction", FunctionName="hello")

        async def is_none() -> bool:
            return (await ask(opened, "DescribeNetworkInterfaces"))["NetworkInterfaces"] == []

        await until(is_none)

    in_sqlite_house(body)


def test_without_a_sandbox_there_is_no_vpc(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await in_vpc(opened)
        with refused("EC2UnexpectedException", match="runs functions without a sandbox"):
            await invoke(opened)

    in_sqlite_house(body, sandbox="unsafe")


def test_a_tag_opens_no_other_way_out_of_a_vpc(in_sqlite_house: InHouse[None]) -> None:
    async def body(opened: OpenedHouse) -> None:
        await in_vpc(opened, Tags={"strongroom:network": "localhost:5432"})
        with refused("EC2AccessDeniedException", match="nothing by the tag strongroom:network"):
            await invoke(opened)

    in_sqlite_house(body)
