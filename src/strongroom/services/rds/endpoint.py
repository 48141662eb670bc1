"""Where a registered database is: the tag `strongroom:endpoint`, which unmodified clients can send.

`postgresql://db.example.com:5432/orders`, `mariadb://10.0.0.5:3306`, `mysql://...`; `?ssl=true` demands an encrypted
connection to a server whose certificate is verified, and without it the connection is encrypted if the server can.
"""

import urllib.parse
from typing import NamedTuple

from strongroom.base.outbound_addresses import Address, parse_address
from strongroom.services.rds.errors import invalid_combination, invalid_value

ENDPOINT_TAG = "strongroom:endpoint"
SECRET_TAG = "strongroom:master-secret"  # noqa: S105
"""The tag that names a secret with the master user's present password, for who does not want to send it."""

FIXED_TAGS = frozenset({ENDPOINT_TAG, SECRET_TAG})

_ENGINES = {"postgresql": ("postgres",), "mariadb": ("mariadb",), "mysql": ("mysql",)}
_DEFAULT_PORTS = {"postgresql": 5432, "mariadb": 3306, "mysql": 3306}
ENGINES = tuple(engine for engines in _ENGINES.values() for engine in engines)


class Endpoint(NamedTuple):
    """Where a database is. `verifies_tls` says that its certificate has to be good."""

    address: Address
    database: str | None
    verifies_tls: bool


def endpoint_of(tags: dict[str, str], engine: str) -> Endpoint:
    """Return the endpoint that an instance's tags name. Raises InvalidParameterCombination, InvalidParameterValue."""
    text = tags.get(ENDPOINT_TAG)
    if text is None:
        raise invalid_combination(
            "Strongroom registers databases that exist, and makes none: the tag strongroom:endpoint must say where "
            "this one is (postgresql://host:port/dbname, mariadb://host:port or mysql://host:port)."
        )
    try:
        return _parse(text, engine)
    except ValueError:
        raise invalid_value(
            f"The tag strongroom:endpoint must be a URL like postgresql://host:port/dbname that suits the engine "
            f"{engine}, and have no user name and password."
        ) from None


def _parse(text: str, engine: str) -> Endpoint:
    url = urllib.parse.urlsplit(text)
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
    verifies_tls = query.pop("ssl", "false")
    if (
        engine not in _ENGINES.get(url.scheme, ())
        or "@" in url.netloc
        or query
        or url.fragment
        or verifies_tls not in ("true", "false")
    ):
        raise ValueError("not an endpoint of this engine")
    place = url.netloc if url.port is not None else f"{url.netloc}:{_DEFAULT_PORTS[url.scheme]}"
    database = urllib.parse.unquote(url.path.removeprefix("/"))
    if "\0" in database:
        raise ValueError("not a name")
    return Endpoint(parse_address(place), database or None, verifies_tls == "true")
