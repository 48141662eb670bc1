"""Credentials of execution roles: Lambda assumes the role of a function for each of its execution environments.

Source: AWS Lambda Developer Guide, "Defining Lambda function permissions with an execution role".
"""

from dataclasses import dataclass, field

from strongroom.base.clock import Clock
from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.services.lambda_ import errors
from strongroom.services.lambda_.execution_role import NOT_ASSUMED
from strongroom.services.lambda_.function_version import FunctionVersion
from strongroom.services.lambda_.service import PRINCIPAL

SESSION_SECONDS = 3_600
INTERNAL = "AWS Internal"


@dataclass(frozen=True, slots=True)
class RoleSession:
    """Temporary credentials of an execution role, good until `expires_at` by the clock of the house."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: float

    async def caller(self, house: House) -> Caller | None:
        """Return who acts with them now, with the policies of now; None once they have expired or the role is gone."""
        if self.expires_at <= house.clock.now():
            return None
        found = await house.principals.find(self.access_key_id, self.session_token)
        return found.caller if found is not None else None


def internal_origin(clock: Clock) -> Origin:
    """Return the origin of what nobody called for but Lambda itself."""
    now = clock.now()
    return Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL)


async def assume_role(house: House, version: FunctionVersion) -> RoleSession:
    """Assume the role of a function, as Lambda. Raises AccessDeniedException when its trust policy says no."""
    try:
        answer = await perform(
            house,
            "sts",
            "AssumeRole",
            {"RoleArn": version.role_arn, "RoleSessionName": version.name, "DurationSeconds": SESSION_SECONDS},
            caller=Caller.service(PRINCIPAL, version.account_id),
            origin=internal_origin(house.clock),
            region=version.region,
            source=SourceResource(version.function_arn, version.account_id),
        )
    except AwsError as error:
        if error.status >= 500:
            raise
        raise errors.denied(NOT_ASSUMED) from None
    given = answer["Credentials"]
    return RoleSession(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"].timestamp()
    )
