"""What is asked: who wants to do what to which resource, under which circumstances."""

from dataclasses import dataclass

from strongroom.policy.context import EMPTY_CONTEXT, Context
from strongroom.policy.principal import Principal


@dataclass(slots=True, eq=False)
class AccessRequest:
    """One request for access. Not changed once made.

    `action` is `service:Name`. `resource` is an ARN, or `*` for an action that is about no resource, which only a
    Resource of `*` matches. `resource_account_id` is the account that owns the resource (for `*`: the one the request
    acts in).
    """

    principal: Principal
    action: str
    resource: str
    resource_account_id: str
    context: Context = EMPTY_CONTEXT
