"""Calls that CloudTrail makes for itself, on behalf of a trail: what it may, the policies of others say.

Source: AWS CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail", "Configure AWS KMS key policies for
CloudTrail", "CloudTrail policy document for CloudWatch Logs".
"""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.operations.call import SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer, find_operation
from strongroom.services.cloudtrail.service import PRINCIPAL
from strongroom.services.cloudtrail.trails import TrailName

CONTEXT_ARN = "aws:cloudtrail:arn"
SESSION_NAME_CHARACTERS_MAX = 64
_REGIONS_MAX = 2


def _origin(house: House) -> Origin:
    now = house.clock.now()
    return Origin(new_request_id(now), now, PRINCIPAL, secure=True, user_agent=PRINCIPAL)


class OwnCalls:
    """The calls for one trail."""

    def __init__(self, house: House, key: TrailName) -> None:
        self._house = house
        self._key = key
        self._bucket_regions: dict[str, str] = {}

    async def _perform(self, service: str, name: str, params: dict[str, Any], region: str) -> Answer:
        return await perform(
            self._house,
            service,
            name,
            params,
            caller=Caller.service(PRINCIPAL, self._key.account_id),
            origin=_origin(self._house),
            region=region,
            source=SourceResource(self._key.arn, self._key.account_id),
        )

    async def find_bucket(self, bucket: str) -> None:
        """Look at a bucket as CloudTrail does, wherever it is. Raises AwsError as S3 does."""
        region = self._bucket_regions.get(bucket, self._key.region)
        for _ in range(_REGIONS_MAX):
            try:
                await self._perform("s3", "GetBucketAcl", {"Bucket": bucket}, region)
            except AwsError as error:
                right = error.members.get("Region") if error.code == "AuthorizationHeaderMalformed" else None
                if right is None:
                    raise
                region = right
            else:
                break
        self._bucket_regions[bucket] = region

    async def bucket_region(self, bucket: str) -> str:
        """Return the Region of a bucket. Raises AwsError as S3 does."""
        if bucket not in self._bucket_regions:
            await self.find_bucket(bucket)
        return self._bucket_regions[bucket]

    async def put_object(
        self, bucket: str, key: str, body: bytes, kms_key: str | None = None, metadata: dict[str, str] | None = None
    ) -> None:
        """Store a file of the trail's, under SSE-KMS when there is a key. Raises AwsError as S3 does."""
        params: dict[str, Any] = {
            "Bucket": bucket,
            "Key": key,
            "Body": _chunks(body),
            "ContentLength": len(body),
            "ACL": "bucket-owner-full-control",
            "ServerSideEncryption": "AES256" if kms_key is None else "aws:kms",
        }
        if body:
            params |= {"ContentType": "application/json", "ContentEncoding": "gzip"}
        if kms_key is not None:
            context = json.dumps({CONTEXT_ARN: self._key.arn})
            params |= {"SSEKMSKeyId": kms_key, "SSEKMSEncryptionContext": base64.b64encode(context.encode()).decode()}
        if metadata:
            params["Metadata"] = metadata
        await self._perform("s3", "PutObject", params, await self.bucket_region(bucket))

    async def use_key(self, key: str, region: str) -> str:
        """Ask for a data key as log files need one; return the key's ARN. Raises AwsError as KMS does."""
        params = {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": {CONTEXT_ARN: self._key.arn}}
        answer = await self._perform("kms", "GenerateDataKey", params, region)
        arn: str = answer["KeyId"]
        return arn

    async def assume(self, role_arn: str) -> Caller:
        """Return who acts in the role that delivers to CloudWatch Logs. Raises AwsError as STS does."""
        session = f"CLOUDTRAIL_{self._key.name}"[:SESSION_NAME_CHARACTERS_MAX]
        answer = await self._perform(
            "sts", "AssumeRole", {"RoleArn": role_arn, "RoleSessionName": session}, self._key.region
        )
        given = answer["Credentials"]
        credential = await self._house.principals.find(given["AccessKeyId"], given["SessionToken"])
        if credential is None:
            raise AwsError("AccessDenied", "The role is gone.", 403)
        return credential.caller

    async def call_logs(self, caller: Caller, name: str, params: dict[str, Any]) -> Answer:
        """Call CloudWatch Logs in a role. Raises AwsError as it does."""
        return await perform(
            self._house, "logs", name, params, caller=caller, origin=_origin(self._house), region=self._key.region
        )


def logs_are_served() -> bool:
    """Whether there is a CloudWatch Logs to deliver to."""
    return find_operation("logs", "PutLogEvents") is not None


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body
