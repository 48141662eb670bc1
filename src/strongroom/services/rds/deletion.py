"""DeleteDBInstance: the registration is deleted. The database stays, and so does its master password.

Source: Amazon RDS API Reference, DeleteDBInstance.
"""

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.rds import errors, tables
from strongroom.services.rds.access import about_instance, existing
from strongroom.services.rds.holding import holding
from strongroom.services.rds.instance import described
from strongroom.services.rds.managed_password import delete_secret
from strongroom.services.rds.service import RDS
from strongroom.storage.connection import Connection


@operation(RDS, "DeleteDBInstance", needs=about_instance("rds:DeleteDBInstance"))
async def delete_db_instance(call: Call) -> Answer:
    """Forget an instance; the database is not touched, so that SkipFinalSnapshot is required.

    A managed secret waits for its deletion and can be restored for 30 days, for nothing else knows the password that
    the database still has. Raises DBInstanceNotFound, InvalidParameterCombination, InvalidDBInstanceState.
    """
    instance = existing(call)
    if instance.deletion_protection:
        raise errors.invalid_combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again."
        )
    if call.params.get("FinalDBSnapshotIdentifier") or not call.params.get("SkipFinalSnapshot"):
        raise errors.invalid_combination(
            "Strongroom makes no snapshots: the database itself is not deleted, only its registration. Specify "
            "SkipFinalSnapshot."
        )
    async with holding(call.house, instance) as held:
        if held.secret_arn is not None:
            await delete_secret(call.house, held.account_id, held.region, held.secret_arn, recoverable=True)
        told = described(held, call.house.clock.wall()) | {"DBInstanceStatus": "deleting"}

        def delete(connection: Connection) -> Answer:
            tables.delete_instance(connection, held.account_id, held.region, held.identifier)
            return {"DBInstance": told}

        return await call.write(delete)
