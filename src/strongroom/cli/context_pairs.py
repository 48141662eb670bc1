"""An encryption context as it is written on a command line: `NAME=VALUE`."""

from collections.abc import Sequence

from strongroom.base.errors import OperatorError


def context_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return a context from `NAME=VALUE` each. Raises OperatorError."""
    context: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OperatorError(f"a pair of the encryption context is NAME=VALUE, not {pair!r}")
        if name in context:
            raise OperatorError(f"the encryption context has {name!r} twice")
        context[name] = value
    return context
