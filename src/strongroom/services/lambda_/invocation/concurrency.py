"""How many invocations run at the same time, counted by this server, and refused beyond what is reserved or allowed.

Source: AWS Lambda Developer Guide, "Understanding Lambda function scaling", "Configuring reserved concurrency".
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

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

    @contextlib.contextmanager
    def taken(self, function: Function) -> Iterator[None]:
        """Count one invocation of a function as long as the context lasts. Raises TooManyRequestsException.

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
        if reserved is None:
            self._accounts[account] += 1
        try:
            yield
        finally:
            self._functions[function.arn] -= 1
            if not self._functions[function.arn]:
                del self._functions[function.arn]
            if reserved is None:
                self._accounts[account] -= 1
