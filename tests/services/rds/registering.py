"""RDS as tests call it in a house without a server."""

import json
import uuid
from typing import Any

from tests.opened_house import OpenedHouse
from tests.rotated_databases import HOST, RotatedDatabase

from strongroom.services.secretsmanager.rotations.runs import Rotations

PASSWORD = "a-present-password"
SCHEMES = {"postgres": "postgresql", "mariadb": "mariadb"}


def members(database: RotatedDatabase, **changed: Any) -> dict[str, Any]:
    """Return the members of a request that registers a database, with a master user that is made for it."""
    endpoint = f"{SCHEMES[database.engine]}://{HOST}:{database.port}/{database.name}"
    given = {
        "DBInstanceIdentifier": f"Orders-{uuid.uuid4().hex[:8]}",
        "DBInstanceClass": "db.t3.micro",
        "Engine": database.engine,
        "MasterUserPassword": PASSWORD,
        "Tags": [{"Key": "strongroom:endpoint", "Value": endpoint}, {"Key": "team", "Value": "blue"}],
        **changed,
    }
    if "MasterUsername" not in given:
        given["MasterUsername"] = database.make_superuser(PASSWORD)
    return {name: value for name, value in given.items() if value is not None}


class Registrar:
    """Calls RDS of one house."""

    def __init__(self, house: OpenedHouse) -> None:
        self.house = house

    async def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """Perform one operation."""
        return await self.house.call("rds", operation, **params)

    async def instance(self, identifier: str) -> dict[str, Any]:
        """Return an instance as it is described."""
        told = await self("DescribeDBInstances", DBInstanceIdentifier=identifier)
        instance: dict[str, Any] = told["DBInstances"][0]
        return instance

    async def password(self, identifier: str, stage: str = "AWSCURRENT") -> str:
        """Return the managed password of an instance."""
        arn = (await self.instance(identifier))["MasterUserSecret"]["SecretArn"]
        told = await self.house.call("secretsmanager", "GetSecretValue", SecretId=arn, VersionStage=stage)
        password: str = json.loads(told["SecretString"])["password"]
        return password

    async def rotations_done(self) -> None:
        """Do what the scheduler does about rotations that are due, and wait for all that are under way."""
        rotations = self.house.house.part(Rotations)
        await rotations.start_due()
        await rotations.idle()


def reaching(*databases: RotatedDatabase) -> dict[str, Any]:
    """Return the configuration that lets databases be reached."""
    return {"outbound_addresses": tuple(f"{HOST}:{database.port}" for database in databases)}
