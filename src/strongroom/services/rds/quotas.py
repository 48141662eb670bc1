"""RDS's quota of instances, with the code and the default value that AWS has.

Source: Amazon RDS User Guide, "Quotas and constraints for Amazon RDS".
"""

from strongroom.operations.quotas.quota import ResourceQuota, declare
from strongroom.services.rds import tables

INSTANCES_QUOTA = ResourceQuota(
    "rds",
    "L-7B6409FD",
    "DB instances",
    40,
    description="Registered database instances in a Region.",
    measure=tables.instances_of_accounts,
)

declare("Amazon Relational Database Service (Amazon RDS)", [INSTANCES_QUOTA])
