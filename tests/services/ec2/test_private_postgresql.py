"""A PostgreSQL in a private subnet: reached from a sandbox in the VPC as the security groups say, from no other one."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.identities_made import Identities, allow
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.postgresql import find_programs
from tests.services.ec2.networking import ARN, ask, filtered, new_group, new_subnet, new_vpc, tcp
from tests.services.refusals import refused

from strongroom.operations.callers import Caller
from strongroom.operations.private_networks import Attachment, attachment_for, must_belong_together
from strongroom.runners.limits import Limits
from strongroom.runners.networks.joined import JoinedNetwork
from strongroom.runners.sandbox import prepare
from strongroom.server.network_door import NetworkDoor

ADDRESS = "10.0.2.50"
_NOBODY = 65_534
_VISIT = (
    "import sys; from pathlib import Path; from strongroom.server.network_visit import visit; "
    "sys.exit(visit(Path(sys.argv[1]), sys.argv[4:], sys.argv[2], [sys.argv[3]], '" + ADDRESS + "'))"
)


class Database:
    """The files of a PostgreSQL, and the command that runs it."""

    def __init__(self) -> None:
        programs = find_programs()
        if programs is None:
            if os.environ.get("CI") == "true":
                pytest.fail("PostgreSQL is not installed (apt-get install postgresql)")
            pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
        self.psql = str(programs / "psql")
        self.directory = Path(tempfile.mkdtemp(prefix="private-postgresql-", dir="/tmp"))
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
            os.chown(self.directory, _NOBODY, _NOBODY)
            self._as = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        data = self.directory / "data"
        made = [*self._as, str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run([*made, "-E", "UTF8", "--locale", "C.UTF-8"], cwd="/", check=True, capture_output=True)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/16 trust\n")
        self.command = [*self._as, str(programs / "postgres"), "-D", str(data), "-k", str(self.directory)]
        self.command += ["-c", f"listen_addresses={ADDRESS}", "-c", "fsync=off", "-c", "shared_buffers=16MB"]


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database()
    yield made
    shutil.rmtree(made.directory, ignore_errors=True)


async def attached(house: OpenedHouse, subnet: str, group: str, **more: Any) -> Attachment:
    settings = {"caller": None, "description": "a test"} | more
    return await attachment_for(house.house, ACCOUNT, "us-east-1", [subnet], [group], **settings)


async def asked(database: Database, network: JoinedNetwork | None) -> str:
    """Ask the database from a sandbox; return its answer, or why there was none."""
    sandbox = await prepare(limits=Limits(), network=network)
    try:
        url = f"postgresql://postgres@{ADDRESS}/postgres?connect_timeout=2"
        await sandbox.run([database.psql, "-XAtc", "select 6 * 7", url], {"PATH": "/usr/bin"}, "/tmp")
        return (await asyncio.wait_for(sandbox.output.read(), 10)).decode().strip()
    finally:
        await sandbox.close()


async def started(house: OpenedHouse, database: Database, subnet: str, group: str) -> asyncio.subprocess.Process:
    """Run the database in a subnet, as an operator does, until it takes connections."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _VISIT,
        str(house.house.configuration.data),
        subnet,
        group,
        *database.command,
        cwd="/",
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    while b"ready to accept connections" not in said:
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        assert line, said
        said += line
    return process


def test_a_database_in_a_private_subnet(networks: None, database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            NetworkDoor(house.house).open()
            vpc = await new_vpc(house)
            private, public = await new_subnet(house, vpc, "10.0.2.0/24"), await new_subnet(house, vpc)
            of_database = await new_group(house, vpc, "database")
            of_application = await new_group(house, vpc, "application")
            await ask(
                house,
                "AuthorizeSecurityGroupIngress",
                GroupId=of_database,
                IpPermissions=tcp(5432, group=of_application),
            )
            process = await started(house, database, private, of_database)
            application = await attached(house, public, of_application)
            try:
                await see(house, database, application, of_database, of_application)
            finally:
                await application.release()
                process.terminate()
            assert await asyncio.wait_for(process.wait(), 20) == 0
            left = (await ask(house, "DescribeNetworkInterfaces"))["NetworkInterfaces"]
            assert left == []

    async def see(
        house: OpenedHouse, database: Database, application: Attachment, of_database: str, of_application: str
    ) -> None:
        shown = await ask(house, "DescribeNetworkInterfaces", Filters=filtered(requester_managed="true"))
        assert {each["PrivateIpAddress"]: each["Status"] for each in shown["NetworkInterfaces"]} == {
            ADDRESS: "in-use",
            application.private_address: "in-use",
        }
        assert await asked(database, application.network) == "42"
        assert "Network is unreachable" in await asked(database, None)
        only_group = tcp(5432, group=of_application)
        await ask(house, "RevokeSecurityGroupIngress", GroupId=of_database, IpPermissions=only_group)
        assert "timeout expired" in await asked(database, application.network)
        by_address = tcp(5432, block=f"{application.private_address}/32")
        await ask(house, "AuthorizeSecurityGroupIngress", GroupId=of_database, IpPermissions=by_address)
        assert await asked(database, application.network) == "42"
        # Another group of the application's lets nothing out.
        silent = await new_group(house, application.vpc_id, "silent")
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        await ask(house, "RevokeSecurityGroupEgress", GroupId=silent, IpPermissions=everything)
        await ask(
            house,
            "ModifyNetworkInterfaceAttribute",
            NetworkInterfaceId=application.network_interface_id,
            Groups=[silent],
        )
        assert "timeout expired" in await asked(database, application.network)
        with refused("InvalidParameterValue"):
            await ask(house, "DeleteNetworkInterface", NetworkInterfaceId=application.network_interface_id)

    asyncio.run(main())


def test_a_role_needs_permission_to_be_in_a_vpc(networks: None, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            vpc = await new_vpc(house)
            subnet, group = await new_subnet(house, vpc), await new_group(house, vpc)
            identities = Identities(house.house)
            create = "ec2:CreateNetworkInterface"
            may = await identities.user("may", allow(create, [f"{ARN}:{kind}/*" for kind in KINDS]))
            may_not = await identities.user("may-not", allow(create, f"{ARN}:subnet/*"))
            with refused("UnauthorizedOperation"):
                await attached(house, subnet, group, caller=await caller_of(house, may_not.access_key_id))
            assert (await ask(house, "DescribeNetworkInterfaces"))["NetworkInterfaces"] == []
            attachment = await attached(house, subnet, group, caller=await caller_of(house, may.access_key_id))
            assert (attachment.vpc_id, attachment.subnet_id) == (vpc, subnet)
            await attachment.release()
            await attachment.release()

    asyncio.run(main())


KINDS = ("network-interface", "subnet", "security-group")


async def caller_of(house: OpenedHouse, access_key_id: str) -> Caller:
    found = await house.house.principals.find(access_key_id, None)
    assert found is not None
    return found.caller


def test_subnets_and_groups_must_belong_together(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            one, other = await new_vpc(house), await new_vpc(house, "10.1.0.0/16")
            subnet, elsewhere = await new_subnet(house, one), await new_subnet(house, other, "10.1.0.0/24")
            group, foreign = await new_group(house, one), await new_group(house, other)

            async def belong(subnets: list[str], groups: list[str]) -> str:
                return await must_belong_together(house.house, ACCOUNT, "us-east-1", subnets, groups)

            assert await belong([subnet], [group]) == one
            with refused("InvalidParameterValue", "The subnets are not all in the same VPC."):
                await belong([subnet, elsewhere], [group])
            with refused("InvalidGroup.NotFound"):
                await belong([subnet], [foreign])
            with refused("InvalidSubnetID.NotFound"):
                await belong(["subnet-00000000"], [group])
            with refused("MissingParameter"):
                await belong([], [group])

    asyncio.run(main())


def test_interfaces_of_a_server_that_died_are_removed(networks: None, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            vpc = await new_vpc(house)
            subnet, group = await new_subnet(house, vpc), await new_group(house, vpc)
            attachment = await attached(house, subnet, group)
            # As a crash leaves it: a server that goes takes its interfaces away.
            house.house._before_close.clear()
            attachment.network.close()
        async with opened_house(tmp_path) as house:
            assert len((await ask(house, "DescribeNetworkInterfaces"))["NetworkInterfaces"]) == 1
            await house.run_periodic_work()
            assert (await ask(house, "DescribeNetworkInterfaces"))["NetworkInterfaces"] == []

    asyncio.run(main())
