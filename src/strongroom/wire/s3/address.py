"""Buckets in host names and in paths.

`bucket.s3.localhost/key` and `s3.localhost/bucket/key` are the same object. A server behind a name that it was not told
takes every host for its own, so that the bucket is looked for in the path.

Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets"; AWS General Reference, "Amazon Simple
Storage Service endpoints and quotas".
"""

import ipaddress
import re
from collections.abc import Iterable

HOSTS = ("localhost", "s3.localhost")
"""Names by which a server is always known."""

_AWS = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.|accelerate\.|fips\.)?[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?"
)
_CONTROL = re.compile(r"(?:.+\.)?s3-control(?:-fips)?(?:\.dualstack)?(?:\.[a-z0-9-]+)?\.(?:amazonaws\.com(?:\.cn)?|.+)")

remembered_hosts_max = 1_024
host_characters_max = 255


class Hosts:
    """The names by which the server is known: below them, a host name begins with a bucket's."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = {name.lower().removeprefix("*.").rstrip(".") for name in (*HOSTS, *names) if not _is_address(name)}
        # Of two names that a host ends with, the longer one is meant: `s3.localhost` is no bucket of `localhost`.
        self._suffixes = tuple(sorted((f".{name}" for name in known), key=len, reverse=True))
        self._known = frozenset(known)
        self._remembered: dict[str, str] = {}

    def bucket_of(self, host: str) -> str:
        """Return the bucket that a Host header names, or an empty text when the path has to."""
        found = self._remembered.get(host)
        if found is None:
            found = self._look_up(host)
            if len(self._remembered) >= remembered_hosts_max:
                self._remembered.clear()
            if len(host) <= host_characters_max:
                self._remembered[host] = found
        return found

    def _look_up(self, host: str) -> str:
        if host.startswith("[") or len(host) > host_characters_max:
            return ""
        name = host.partition(":")[0].lower().rstrip(".")
        if name in self._known or _is_address(name) or _CONTROL.fullmatch(name):
            return ""
        match = _AWS.fullmatch(name)
        if match is not None:
            return match["bucket"] or ""
        for suffix in self._suffixes:
            if name.endswith(suffix):
                return name[: -len(suffix)]
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
