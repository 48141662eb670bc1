"""A service that keeps secrets and rotates them, and the rotations of a house as tests see them."""

import uuid
from collections.abc import Callable
from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.secretsmanager.keeping import Keeper

from strongroom.operations.house import House
from strongroom.operations.managed_rotations import (
    CREATE,
    FINISH,
    SET,
    TEST,
    ManagedSecret,
    managed_rotation,
    perform_as_owner,
)
from strongroom.operations.trail import as_cloudtrail
from strongroom.services.secretsmanager.rotations.runs import Rotations

SERVICE = "safe"
REGION = "us-east-1"


class Safe:
    """What `safe` protects by the passwords in its secrets: it opens to the last one that was set."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.steps: list[tuple[str, str]] = []
        self.before: Callable[[ManagedSecret, str], Any] | None = None
        """Called before each step, and awaited if it returns something: it may raise, wait, or kill."""

    async def perform(self, house: House, secret: ManagedSecret, operation: str, **params: Any) -> dict[str, Any]:
        """Do something with the secret, as the service."""
        params = {"SecretId": secret.arn, **params}
        return await perform_as_owner(house, SERVICE, secret.account_id, secret.region, operation, params)

    async def create(self, house: House, secret: ManagedSecret) -> None:
        """Make a new password, unless there is one already."""
        found = await self.perform(house, secret, "DescribeSecret")
        if "AWSCURRENT" in found["VersionIdsToStages"].get(secret.version_id, ()):
            return
        value = f"password {uuid.uuid4()}"
        try:
            await self.perform(house, secret, "GetSecretValue", VersionId=secret.version_id)
        except Exception:
            new = {"ClientRequestToken": secret.version_id, "SecretString": value, "VersionStages": ["AWSPENDING"]}
            await self.perform(house, secret, "PutSecretValue", **new)

    async def pending(self, house: House, secret: ManagedSecret) -> str:
        """Return the new password."""
        found = await self.perform(house, secret, "GetSecretValue", VersionId=secret.version_id)
        text: str = found["SecretString"]
        return text

    async def finish(self, house: House, secret: ManagedSecret) -> None:
        """Move the label."""
        stages = (await self.perform(house, secret, "DescribeSecret"))["VersionIdsToStages"]
        current = next(version_id for version_id, labels in stages.items() if "AWSCURRENT" in labels)
        if current != secret.version_id:
            move = {"MoveToVersionId": secret.version_id, "RemoveFromVersionId": current}
            await self.perform(house, secret, "UpdateSecretVersionStage", VersionStage="AWSCURRENT", **move)

    async def rotate(self, house: House, secret: ManagedSecret, step: str) -> None:
        """Carry out a step."""
        self.steps.append((secret.arn, step))
        waits = self.before(secret, step) if self.before is not None else None
        if waits is not None:
            await waits
        if step == CREATE:
            await self.create(house, secret)
        elif step == SET:
            self.passwords[secret.arn] = await self.pending(house, secret)
        elif step == TEST:
            assert self.passwords[secret.arn] == await self.pending(house, secret)
        elif step == FINISH:
            await self.finish(house, secret)


SAFES: list[Safe] = [Safe()]


@managed_rotation(SERVICE)
async def rotate_safe(house: House, secret: ManagedSecret, step: str) -> None:
    """Have the test's own safe carry out a step."""
    await SAFES[-1].rotate(house, secret, step)


class Rotating:
    """Secrets of `safe` in a house."""

    def __init__(self, house: OpenedHouse) -> None:
        self.house = house
        self.secrets = Keeper(house)
        self.safe = Safe()
        SAFES.append(self.safe)

    async def make(self, name: str = "safe!s", **params: Any) -> str:
        """Make a secret of the service, and return its ARN."""
        new = {"Name": name, "SecretString": "first", "ClientRequestToken": str(uuid.uuid4()), **params}
        arn: str = (await self.as_owner("CreateSecret", **new))["ARN"]
        self.safe.passwords[arn] = "first"
        return arn

    async def as_owner(self, operation: str, **params: Any) -> dict[str, Any]:
        """Do something as the service."""
        return await perform_as_owner(self.house.house, SERVICE, ACCOUNT, REGION, operation, params)

    async def done(self) -> None:
        """Wait until the house is at work on no rotation any more."""
        await self.house.house.part(Rotations).idle()

    async def round(self) -> None:
        """Do what the scheduler does, and wait for it."""
        await self.house.house.part(Rotations).start_due()
        await self.done()

    async def opens(self, arn: str) -> bool:
        """Whether the current value opens the safe."""
        return await self.secrets.value(arn) == self.safe.passwords[arn]

    async def events(self) -> list[str]:
        """Return the names of what Secrets Manager did by itself, in order."""
        return [event["eventName"] for event in await self.told()]

    async def told(self) -> list[dict[str, Any]]:
        """Return the records of what Secrets Manager did by itself, in order, as CloudTrail has them."""
        records = await self.house.house.audit.records(0, self.house.clock.now() + 60)
        events = [as_cloudtrail(record) for record in records if record.service == "secretsmanager"]
        return [event for event in events if event["eventType"] == "AwsServiceEvent"]
