"""Whether a page of another site may read an answer: a service is asked so for each request that names its page.

What a browser asks beforehand, with OPTIONS, is an operation like any other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from strongroom.operations.house import House
from strongroom.operations.registry import Answer, Service

CrossOrigin = Callable[[House, Mapping[str, Any]], Awaitable[Answer]]
"""Given the params of the service's OPTIONS operation, the members of its answer; none when the page may not read."""

CROSS_ORIGIN: dict[str, CrossOrigin] = {}


def cross_origin(service: Service) -> Callable[[CrossOrigin], CrossOrigin]:
    """Register the decorated coroutine as what a service is asked. Raises ValueError for a second registration."""

    def register(ask: CrossOrigin) -> CrossOrigin:
        if service.name in CROSS_ORIGIN:
            raise ValueError(f"{service.name} is asked twice about cross-origin requests")
        CROSS_ORIGIN[service.name] = ask
        return ask

    return register
