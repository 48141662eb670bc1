"""Two servers on one database: what one of them is told holds in the networks of the other."""

import asyncio
import time
from pathlib import Path

from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.ec2.networking import ask, new_group, new_subnet, new_vpc, tcp

from strongroom.operations.private_networks import Attachment, attachment_for
from strongroom.runners.limits import Limits
from strongroom.runners.sandbox import prepare

PYTHON = "/usr/bin/python3"
LISTEN = "import socket, time; listener = socket.create_server(('{}', 5432)); print('up', flush=True); time.sleep(1000)"
CONNECT = """
import socket
try:
    socket.create_connection(("{}", 5432), 0.3)
    print("connected")
except OSError as error:
    print(error)
"""


def test_a_change_by_one_server_holds_in_the_networks_of_the_other(
    networks: None, migrated_postgresql_url: str, tmp_path: Path
) -> None:
    async def main() -> None:
        (tmp_path / "other").mkdir()
        async with opened_house(tmp_path, migrated_postgresql_url) as one:
            vpc = await new_vpc(one)
            subnet, group = await new_subnet(one, vpc), await new_group(one, vpc)
            listening, connecting = await attached(one, subnet, group), await attached(one, subnet, group)
            sandbox = await prepare(limits=Limits(), network=listening.network)
            try:
                code = LISTEN.format(listening.private_address)
                await sandbox.run([PYTHON, "-I", "-S", "-c", code], {}, "/tmp")
                assert await sandbox.output.readline() == b"up\n"
                assert await tried(connecting, listening) == "timed out"
                (tmp_path / "other" / "root.key").write_bytes((tmp_path / "root.key").read_bytes())
                (tmp_path / "other" / "root.key").chmod(0o600)
                (tmp_path / "other" / "data").mkdir(mode=0o700)
                async with opened_house(tmp_path / "other", migrated_postgresql_url) as other:
                    for end in ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"):
                        await ask(other, end, GroupId=group, IpPermissions=tcp(5432, group=group))
                        wanted = "connected" if end.startswith("Authorize") else "timed out"
                        deadline = time.monotonic() + 5
                        while await tried(connecting, listening) != wanted:
                            assert time.monotonic() < deadline
            finally:
                await sandbox.close()
                await listening.release()
                await connecting.release()

    asyncio.run(main())


async def attached(house: OpenedHouse, subnet: str, group: str) -> Attachment:
    return await attachment_for(house.house, ACCOUNT, "us-east-1", [subnet], [group], caller=None, description="a test")


async def tried(source: Attachment, target: Attachment) -> str:
    sandbox = await prepare(limits=Limits(), network=source.network)
    try:
        await sandbox.run([PYTHON, "-I", "-S", "-c", CONNECT.format(target.private_address)], {}, "/tmp")
        return (await asyncio.wait_for(sandbox.output.read(), 10)).decode().strip()
    finally:
        await sandbox.close()
