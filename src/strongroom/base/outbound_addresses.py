"""Which addresses beyond this server may be reached on behalf of those who use it: databases, for the most part.

An operator names each (`db.example.com:5432`), for everybody or for one account or resource
(`111122223333=10.0.0.5:3306`, `arn:aws:lambda:*:111122223333:function:rotate-*=localhost:5432`). What is not named is
not reached: who may make a function, or register a database, could otherwise look around in the server's own network.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from strongroom.base.errors import OperatorError

_WHO = re.compile(r"[0-9]{12}|arn:[A-Za-z0-9:/_*.$-]{1,256}")
_ADDRESS = re.compile(
    r"(?P<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})"
)
_PORT_MAX = 65_535


class Address(NamedTuple):
    """A host, by its name in lower case or its IP address (of version 6 without brackets), and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class OutboundAddress(NamedTuple):
    """An address and who may reach it: an account id, an ARN in which `*` stands for anything, or "" for everybody."""

    who: str
    address: Address

    def is_for(self, account_id: str, arn: str) -> bool:
        """Whether it is for a resource of an account."""
        if not self.who or self.who == account_id:
            return True
        pattern = "".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", self.who))
        return re.fullmatch(pattern, arn) is not None


def parse_address(text: str) -> Address:
    """Return the address that `HOST:PORT` names. Raises ValueError."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _PORT_MAX:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return Address(match["host"].strip("[]").lower(), int(match["port"]))


def parse_outbound_addresses(texts: Iterable[str]) -> tuple[OutboundAddress, ...]:
    """Return what `outbound_addresses` says. Raises OperatorError."""
    found = []
    for text in texts:
        who, _, address = text.rpartition("=")
        if who and not _WHO.fullmatch(who):
            raise OperatorError(f"outbound-addresses: {who!r} is no account id and no ARN")
        try:
            found.append(OutboundAddress(who, parse_address(address)))
        except ValueError as error:
            raise OperatorError(f"outbound-addresses: {error}") from None
    return tuple(found)


def may_reach(texts: Iterable[str], account_id: str, arn: str, address: Address) -> bool:
    """Whether the operator lets a resource of an account reach an address."""
    allowed = (each for each in parse_outbound_addresses(texts) if each.address == address)
    return any(each.is_for(account_id, arn) for each in allowed)
