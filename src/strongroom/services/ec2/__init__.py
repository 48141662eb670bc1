"""Amazon EC2, as far as networks go: VPCs and what is in them. Importing this package registers its operations."""

from strongroom.services.ec2 import attachments, network_interfaces, security_groups, subnets, vpcs
from strongroom.services.ec2.service import EC2

__all__ = ["EC2", "attachments", "network_interfaces", "security_groups", "subnets", "vpcs"]
