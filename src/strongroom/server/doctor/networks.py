"""What private networks need: builds and functions with a VPC configuration, and strongroom vpc run."""

import asyncio
import os

from strongroom.base.configuration import Configuration
from strongroom.runners.networks import carrier
from strongroom.runners.networks.keeping import why_no_networks
from strongroom.server.doctor.finding import Finding, limited, ok


def private_networks(configuration: Configuration) -> Finding:
    """Look whether a VPC can be in force, by making one and taking it away again."""
    refusal = asyncio.run(why_no_networks())
    if refusal is not None:
        without = "builds and functions with a VPC configuration do not start"
        return limited(refusal, without, "run the server as root, or where user namespaces and nftables are allowed")
    if os.geteuid() != 0 and (carrier.program() is None or not os.access(carrier.DEVICE, os.R_OK | os.W_OK)):
        return limited(
            "VPCs can be in force; none leads to the internet",
            "no place in a subnet whose routes lead to an internet or NAT gateway",
            f"apt-get install {carrier.PROGRAM}, and let the server's user read and write {carrier.DEVICE}; "
            "or run the server as root",
        )
    return ok("VPCs can be in force, and lead to the internet where a gateway says so")
