"""How an operation of EC2 is registered: what all of them do before and after their own part.

A trial (`DryRun`) ends once the caller is known to be allowed. Before the first operation in a Region, the account's
default VPC is made; after a change, networks that are in force follow it.
"""

from collections.abc import Callable

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Handler, operation
from strongroom.services.ec2 import errors
from strongroom.services.ec2.access import Subject, about, account_wide
from strongroom.services.ec2.default_vpc import DefaultVpcs
from strongroom.services.ec2.in_force import NetworksInForce, changed
from strongroom.services.ec2.service import EC2
from strongroom.storage.connection import Connection


async def change(call: Call, write: Callable[[Connection], Answer]) -> Answer:
    """Change the caller's networks in one transaction, with its audit record; servers that hold them follow."""
    return await call.write(write, invalidates=(changed(call.account_id, call.region),))


def ec2_operation(name: str, *subjects: Subject, reads_only: bool = False) -> Callable[[Handler], Handler]:
    """Register a handler for an operation about `subjects`; without any, it is about no resource."""
    action = f"ec2:{name}"
    needs = about(action, *subjects) if subjects else account_wide(action)

    def register(handler: Handler) -> Handler:
        async def carry_out(call: Call) -> Answer:
            if call.params.get("DryRun"):
                raise errors.dry_run()
            await call.house.part(DefaultVpcs).ensure(call.account_id, call.region)
            answer = await handler(call)
            if not reads_only:
                await call.house.part(NetworksInForce).follow(call.account_id, call.region)
            return answer

        carry_out.__doc__ = handler.__doc__
        operation(EC2, name, needs=needs, reads_only=reads_only)(carry_out)
        return handler

    return register
