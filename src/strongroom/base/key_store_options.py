"""What the operator says of KMS's custom key stores: which token is which cluster, and where proxies really listen."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from strongroom.base.errors import OperatorError

_CLUSTER = re.compile(r"(cluster-[2-7a-zA-Z]{11,16})=pkcs11:token=([^;?]{1,256})\?module-path=(/[^?&]{1,1024})")
_ADDRESS = re.compile(r"([A-Za-z0-9.-]{1,255})=(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]{1,255}):([0-9]{1,5})")
_PORT_MAX = 65_535


class ClusterToken(NamedTuple):
    """The PKCS#11 token that stands for a CloudHSM cluster: the path of its module, and its label."""

    module: Path
    token: str


class ProxyAddress(NamedTuple):
    """Where an external key store proxy listens."""

    host: str
    port: int


def parse_clusters(texts: tuple[str, ...]) -> dict[str, ClusterToken]:
    """Return the tokens by cluster id, from `CLUSTER-ID=pkcs11:token=LABEL?module-path=FILE` (a URI as in RFC 7512).

    Raises OperatorError.
    """
    found: dict[str, ClusterToken] = {}
    for text in texts:
        match = _CLUSTER.fullmatch(text)
        if match is None or match[1] in found:
            raise OperatorError(
                f"cloudhsm-clusters: {text!r} is not like "
                "cluster-1a23b4cdefg=pkcs11:token=LABEL?module-path=/path/of/module.so, or is there twice"
            )
        found[match[1]] = ClusterToken(Path(unquote(match[3])), unquote(match[2]))
    return found


def parse_addresses(texts: tuple[str, ...]) -> dict[str, ProxyAddress]:
    """Return where proxies listen, by their names, from `NAME=HOST:PORT`. Raises OperatorError."""
    found: dict[str, ProxyAddress] = {}
    for text in texts:
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match[3]) <= _PORT_MAX or match[1].lower() in found:
            raise OperatorError(
                f"xks-proxy-addresses: {text!r} is not like proxy.example.com=10.0.0.1:8443, or is there twice"
            )
        found[match[1].lower()] = ProxyAddress(match[2].strip("[]"), int(match[3]))
    return found
