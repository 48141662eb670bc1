"""The encryption context: pairs of text that are authenticated with a message, and not secret."""

from collections.abc import Mapping

from strongroom.client.messages.errors import UnknownFormat

RESERVED_PREFIX = "aws-crypto-"
PUBLIC_KEY_NAME = "aws-crypto-public-key"

PAIRS_MAX = 0xFFFF
BYTES_MAX = 0xFFFF


def check_callers_context(context: Mapping[str, str]) -> None:
    """Raise ValueError when a caller's context names what is reserved, or does not fit into a message."""
    for name in context:
        if name.startswith(RESERVED_PREFIX):
            raise ValueError(f"names in an encryption context do not begin with {RESERVED_PREFIX}: {name}")
    serialised(context)


def serialised(context: Mapping[str, str]) -> bytes:
    """Return a context as it is in a header, without its length in front: nothing when empty, else pairs in order.

    The order is that of the names' UTF-8. Raises ValueError when there is more than fits into a header.
    """
    if not context:
        return b""
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    parts = [len(pairs).to_bytes(2)] if len(pairs) <= PAIRS_MAX else []
    for pair in pairs:
        for text in pair:
            if not parts or len(text) > BYTES_MAX:
                raise ValueError("the encryption context is too long")
            parts += (len(text).to_bytes(2), text)
    joined = b"".join(parts)
    if len(joined) > BYTES_MAX:
        raise ValueError(f"the encryption context has at most {BYTES_MAX} bytes")
    return joined


def parsed(serialised_context: bytes) -> dict[str, str]:
    """Return the context that `serialised` gave. Raises UnknownFormat."""
    if not serialised_context:
        return {}
    context: dict[str, str] = {}
    count, position = int.from_bytes(serialised_context[:2]), 2
    for _ in range(count):
        name, position = _text(serialised_context, position)
        value, position = _text(serialised_context, position)
        if name in context:
            raise UnknownFormat("the encryption context names something twice")
        context[name] = value
    if position != len(serialised_context) or not count:
        raise UnknownFormat("the encryption context has another length than it says")
    return context


def _text(joined: bytes, position: int) -> tuple[str, int]:
    start = position + 2
    end = start + int.from_bytes(joined[position:start])
    if end > len(joined):
        raise UnknownFormat("the encryption context is cut off")
    try:
        return joined[start:end].decode(), end
    except UnicodeDecodeError:
        raise UnknownFormat("the encryption context is not UTF-8") from None
