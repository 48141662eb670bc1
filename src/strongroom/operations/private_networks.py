"""Places in private networks, for what runs in sandboxes: how Lambda and CodeBuild get what EC2 keeps.

A service that was given a VpcConfig asks twice. When a function or a project is made, `must_belong_together` says
whether subnets and security groups are there, and of one VPC. When a job starts, `attachment_for` makes a network
interface in one of the subnets, as AWS does with the role's permissions (ec2:CreateNetworkInterface), and joins a new
network namespace to the VPC; `Attachment.network` is what `runners.sandbox.prepare` takes:

    attachment = await attachment_for(house, account_id, region, subnet_ids, group_ids, caller=role, description="...")
    try:
        sandbox = await prepare(limits=..., ports=..., network=attachment.network)
        ...
        await sandbox.close()
    finally:
        await attachment.release()

One attachment is one job's: it has an address of its own. It can be kept with a sandbox that is used again and again
(an execution environment), as long as that lives.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from strongroom.operations.callers import Caller
from strongroom.runners.networks.joined import JoinedNetwork

if TYPE_CHECKING:
    from strongroom.operations.house import House


class PrivateNetworkUnavailable(Exception):  # noqa: N818 (it says what is wrong)
    """This machine cannot have networks, or cannot lead out of this one. The text says why, for people."""


@dataclass(slots=True, kw_only=True)
class Attachment:
    """A network interface in use, and the namespace that it is in. Whoever has it must `release` it."""

    network: JoinedNetwork
    network_interface_id: str
    vpc_id: str
    subnet_id: str
    private_address: str
    _release: Callable[[], Awaitable[None]] = field(repr=False)
    _is_in_force: Callable[[], bool] = field(repr=False)

    @property
    def is_in_force(self) -> bool:
        """Whether what is in the namespace is still in the VPC: not after what keeps networks ended before its time."""
        return self._is_in_force()

    async def release(self) -> None:
        """Take the interface away. What still runs in the namespace reaches nothing any more. Safe to call twice."""
        self.network.close()
        await self._release()


class Provider(Protocol):
    """What keeps the networks."""

    async def owner_of_subnet(self, subnet_id: str) -> tuple[str, str]:
        """See the function of that name."""

    async def must_belong_together(
        self, account_id: str, region: str, subnet_ids: Sequence[str], security_group_ids: Sequence[str]
    ) -> str:
        """See the function of that name."""

    async def why_unavailable(self) -> str | None:
        """See the function of that name."""

    async def attach(
        self,
        account_id: str,
        region: str,
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
        *,
        caller: Caller | None,
        description: str,
        requester: str,
        private_address: str | None,
    ) -> Attachment:
        """See `attachment_for`."""


_providers: list[Callable[["House"], Provider]] = []


def provides_private_networks(provider: Callable[["House"], Provider]) -> None:
    """Register what keeps the networks of a house. Raises ValueError for a second one."""
    if _providers:
        raise ValueError("private networks are provided already")
    _providers.append(provider)


def _provider(house: "House") -> Provider:
    if not _providers:
        raise PrivateNetworkUnavailable("no service that keeps networks is served")
    return house.part(_providers[0])


async def owner_of_subnet(house: "House", subnet_id: str) -> tuple[str, str]:
    """Return the account and the Region of a subnet, whosesoever. Raises AwsError (`InvalidSubnetID.NotFound`)."""
    return await _provider(house).owner_of_subnet(subnet_id)


async def must_belong_together(
    house: "House", account_id: str, region: str, subnet_ids: Sequence[str], security_group_ids: Sequence[str]
) -> str:
    """Return the VPC that subnets and security groups are of. At least one of each is needed.

    Raises AwsError in EC2's words: `InvalidSubnetID.NotFound`, `InvalidGroup.NotFound`, `InvalidParameterValue`.
    """
    return await _provider(house).must_belong_together(account_id, region, subnet_ids, security_group_ids)


async def why_unavailable(house: "House") -> str | None:
    """Return why there can be no networks on this machine, None when there can be; tried once, in half a second."""
    return await _provider(house).why_unavailable()


async def attachment_for(
    house: "House",
    account_id: str,
    region: str,
    subnet_ids: Sequence[str],
    security_group_ids: Sequence[str],
    *,
    caller: Caller | None,
    description: str,
    requester: str = "amazon-aws",
    private_address: str | None = None,
) -> Attachment:
    """Make a network interface in the subnet with the most free addresses, and a namespace that is joined by it.

    `caller` needs ec2:CreateNetworkInterface on it, the subnet and the groups (a role of the account's); None is the
    operator, who needs nothing. `requester` is who asked, as DescribeNetworkInterfaces shows it. Without security
    groups it is in the default group of the VPC.

    Raises AwsError in EC2's words, and PrivateNetworkUnavailable where this machine has no networks.
    """
    return await _provider(house).attach(
        account_id,
        region,
        subnet_ids,
        security_group_ids,
        caller=caller,
        description=description,
        requester=requester,
        private_address=private_address,
    )
