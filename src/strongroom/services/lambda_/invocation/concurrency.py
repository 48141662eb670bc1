"""How many invocations run at the same time, counted by this server, and refused beyond what is reserved or allowed.

Source: AWS Lambda Developer Guide, "Understanding Lambda function scaling", "Configuring reserved concurrency".
"""

from collections import Counter
from collections.abc import Callable
from functools import partial

from strongroom.operations.house import House
from strongroom.services.lambda_.function import Function
from strongroom.services.lambda_.invocation.environments import too_many
from strongroom.services.lambda_.quotas import CONCURRENCY_QUOTA

RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT = "ConcurrentInvocationLimitExceeded"


class Concurrency:
    """The invocations that one server has in hand, of each function, and of each account and Region."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._functions: Counter[str] = Counter()
        self._accounts: Counter[tuple[str, str]] = Counter()

    def take(self, function: Function) -> Callable[[], None]:
        """Count one invocation of a function, until what is returned is called. Raises TooManyRequestsException.

        A function with a reserved concurrency has that for itself, and takes nothing from the others.
        """
        reserved = function.reserved_concurrency
        account = (function.account_id, function.region)
        if reserved is not None:
            if self._functions[function.arn] >= reserved:
                raise too_many(RESERVED)
        elif self._accounts[account] >= self._house.quotas.most(CONCURRENCY_QUOTA, *account):
            raise too_many(ACCOUNT)
        self._functions[function.arn] += 1
        self._accounts[account] += reserved is None
        return partial(self._give_back, function.arn, account, reserved is None)

    def _give_back(self, arn: str, account: tuple[str, str], is_of_account: bool) -> None:
        self._functions[arn] -= 1
        if not self._functions[arn]:
            del self._functions[arn]
        self._accounts[account] -= is_of_account
