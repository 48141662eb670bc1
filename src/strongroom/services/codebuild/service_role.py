"""The service role of a project, really assumed: what a build does in other services, it does as a session of it.

Source: AWS CodeBuild User Guide, "Allow CodeBuild to interact with other AWS services"; its sessions are named
`AWSCodeBuild-UUID`.
"""

from datetime import datetime
from typing import Any, NamedTuple

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.names import ProjectName
from strongroom.services.codebuild.service import PRINCIPAL

RENEWED_SECONDS_BEFORE = 900
"""How long before its end a session is replaced: clients refresh theirs within the last 15 minutes."""


class Credentials(NamedTuple):
    """Temporary credentials of the role, and who acts with them."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime
    caller: Caller


class ServiceRole:
    """One session after the other of one role, for one project."""

    def __init__(
        self, house: House, project: ProjectName, role_arn: str, session_name: str, build_arn: str = ""
    ) -> None:
        """`build_arn` is that of the build that acts; without one CodeBuild looks at a project."""
        self.role_arn = role_arn
        self._house = house
        self._project = project
        self._session_name = session_name
        # Source: User Guide, "Use CodeBuild condition keys as IAM service role variables to control build access".
        self._keys = {"codebuild:projectarn": project.arn} | ({"codebuild:buildarn": build_arn} if build_arn else {})
        self._current: Credentials | None = None

    def _origin(self) -> Origin:
        now = self._house.clock.now()
        return Origin(new_request_id(now), now, PRINCIPAL, secure=True, user_agent=PRINCIPAL)

    async def _assume(self) -> Credentials:
        answer = await perform(
            self._house,
            "sts",
            "AssumeRole",
            {"RoleArn": self.role_arn, "RoleSessionName": self._session_name},
            caller=Caller.service(PRINCIPAL, self._project.account_id),
            origin=self._origin(),
            region=self._project.region,
            source=SourceResource(self._project.arn, self._project.account_id, session_keys=self._keys),
        )
        given = answer["Credentials"]
        credential = await self._house.principals.find(given["AccessKeyId"], given["SessionToken"])
        if credential is None:
            raise AwsError("AccessDenied", "The role is gone.", 403)
        return Credentials(
            given["AccessKeyId"],
            given["SecretAccessKey"],
            given["SessionToken"],
            given["Expiration"],
            credential.caller,
        )

    async def check(self) -> None:
        """Assume the role once, to see that it can be. Raises InvalidInputException if not."""
        try:
            await self._assume()
        except AwsError as error:
            if error.status >= 500:
                raise
            raise errors.role_not_assumable(self.role_arn) from None

    async def credentials(self) -> Credentials:
        """Return credentials that are good for a while. Raises AwsError as STS does."""
        current = self._current
        if current is None or current.expires_at.timestamp() - self._house.clock.now() < RENEWED_SECONDS_BEFORE:
            current = self._current = await self._assume()
        return current

    async def perform(self, service: str, name: str, params: dict[str, Any], region: str | None = None) -> Answer:
        """Carry out an operation of another service as the role. Raises AwsError as it does."""
        credentials = await self.credentials()
        return await perform(
            self._house,
            service,
            name,
            params,
            caller=credentials.caller,
            origin=self._origin(),
            region=region or self._project.region,
        )

    async def s3(self, name: str, params: dict[str, Any]) -> Answer:
        """Carry out an operation of S3 as the role, in whichever Region the bucket is. Raises AwsError as S3 does."""
        try:
            return await self.perform("s3", name, params)
        except AwsError as error:
            region = error.members.get("Region")
            # S3 looks at the bucket first: nothing of a body has been read then.
            if error.code != "AuthorizationHeaderMalformed" or region is None:
                raise
        return await self.perform("s3", name, params, str(region))
