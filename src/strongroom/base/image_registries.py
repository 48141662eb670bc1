"""Which registries images of builds may be pulled from: `HOST[:PORT]`, over TLS unless it is `http://HOST[:PORT]`."""

import urllib.parse
from collections.abc import Iterable
from typing import NamedTuple

from strongroom.base.errors import OperatorError


class AllowedRegistry(NamedTuple):
    """A registry that may be pulled from. Only where the operator says so, it is spoken to without TLS."""

    host: str
    is_plain: bool


def parse_image_registries(texts: Iterable[str]) -> tuple[AllowedRegistry, ...]:
    """Return what `build_registries` says. Raises OperatorError."""
    return tuple(_registry(text) for text in texts)


def _registry(text: str) -> AllowedRegistry:
    scheme, separator, host = text.partition("://")
    if not separator:
        scheme, host = "https", text
    try:
        parts = urllib.parse.urlsplit(f"{scheme}://{host}")
        usable = scheme in ("http", "https") and parts.netloc == host and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in host or host != host.lower() or not host.isascii():
        raise OperatorError(f"build-registries: {text!r} is not HOST[:PORT] in lower case, nor http:// in front of it")
    return AllowedRegistry(host, scheme == "http")
