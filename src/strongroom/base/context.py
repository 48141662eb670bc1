"""Where a request came from: facts of the socket and the envelope, known before anybody asks who sent it."""

import random
from datetime import UTC, datetime
from typing import NamedTuple

# Seeded from the operating system's generator, when the process starts.
_random_bits = random.Random().getrandbits  # noqa: S311 (not for cryptography)


class Origin(NamedTuple):
    """Facts about one request that do not depend on its sender's identity.

    `request_id` is a UUID whose first 48 bits are the milliseconds of `received_at` (RFC 9562, version 7), so that a
    request can be found in the audit trail by its id alone. `received_at` is the time of the house in seconds.
    `secure` and `tls_version` ("1.2", "1.3", None) come from the socket, or from a proxy that the operator named.
    `user_agent`, `host` and `referer` are what the sender says in headers, empty when it says nothing.
    """

    request_id: str
    received_at: float
    source_ip: str
    secure: bool
    tls_version: str | None = None
    tls_cipher: str | None = None
    user_agent: str = ""
    host: str = ""
    referer: str = ""


def new_request_id(received_at: float) -> str:
    """Return a new UUID, version 7, received at `received_at` (seconds). Source: RFC 9562, section 5.7.

    It has to be unique and says nothing secret, so its 74 random bits need no cryptographic generator.
    """
    stamp = int(received_at * 1000) & 0xFFFFFFFFFFFF
    value = stamp << 80 | _random_bits(80) & 0x0FFF_3FFF_FFFF_FFFF_FFFF | 0x7000_8000_0000_0000_0000
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def time_of_request_id(request_id: str) -> datetime | None:
    """Return when the request with this id was received (UTC), or None when it is not an id of ours."""
    digits = request_id.replace("-", "")
    if len(digits) != 32 or digits[12] != "7":
        return None
    try:
        return datetime.fromtimestamp(int(digits[:12], 16) / 1000, UTC)
    except ValueError:
        return None
