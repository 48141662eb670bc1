"""Configurations that are kept and returned as they came: what they ask for is not done by Strongroom itself.

Each is a row of one table, from which its operations are made. Source: Amazon S3 API Reference.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.configurations.change import put_setting
from strongroom.services.s3.service import S3


class Stored(NamedTuple):
    """One configuration: the operations that put, show and delete it, and the permissions that these need.

    `member` is that of the request. `missing` are code and message where there is none; without it an empty answer is
    given. `shown_as` is the member of the answer that holds it whole, empty when its own members are the answer.
    """

    put: str
    get: str
    delete: str
    put_action: str
    get_action: str
    member: str
    shown_as: str = ""
    missing: tuple[str, str] | None = None
    default: Mapping[str, Any] = {}


_EVERY = (
    Stored(
        put="PutBucketCors",
        get="GetBucketCors",
        delete="DeleteBucketCors",
        put_action="s3:PutBucketCORS",
        get_action="s3:GetBucketCORS",
        member="CORSConfiguration",
        missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ),
    Stored(
        put="PutBucketWebsite",
        get="GetBucketWebsite",
        delete="DeleteBucketWebsite",
        put_action="s3:PutBucketWebsite",
        get_action="s3:GetBucketWebsite",
        member="WebsiteConfiguration",
        missing=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    ),
    Stored(
        put="PutBucketLogging",
        get="GetBucketLogging",
        delete="",
        put_action="s3:PutBucketLogging",
        get_action="s3:GetBucketLogging",
        member="BucketLoggingStatus",
    ),
    Stored(
        put="PutBucketNotificationConfiguration",
        get="GetBucketNotificationConfiguration",
        delete="",
        put_action="s3:PutBucketNotification",
        get_action="s3:GetBucketNotification",
        member="NotificationConfiguration",
    ),
    Stored(
        put="PutBucketAccelerateConfiguration",
        get="GetBucketAccelerateConfiguration",
        delete="",
        put_action="s3:PutAccelerateConfiguration",
        get_action="s3:GetAccelerateConfiguration",
        member="AccelerateConfiguration",
    ),
    Stored(
        put="PutBucketRequestPayment",
        get="GetBucketRequestPayment",
        delete="",
        put_action="s3:PutBucketRequestPayment",
        get_action="s3:GetBucketRequestPayment",
        member="RequestPaymentConfiguration",
        default={"Payer": "BucketOwner"},
    ),
    Stored(
        put="PutBucketOwnershipControls",
        get="GetBucketOwnershipControls",
        delete="DeleteBucketOwnershipControls",
        put_action="s3:PutBucketOwnershipControls",
        get_action="s3:GetBucketOwnershipControls",
        member="OwnershipControls",
        shown_as="OwnershipControls",
        missing=("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    ),
)


def _register(kind: Stored) -> None:
    @operation(S3, kind.put, needs=control_of_bucket(kind.put_action))
    async def put(call: Call) -> Answer:
        return await put_setting(call, call.target, kind.member, call.params[kind.member])

    @operation(S3, kind.get, needs=control_of_bucket(kind.get_action), reads_only=True)
    async def get(call: Call) -> Answer:
        found = call.target.settings.get(kind.member)
        if found is None:
            if kind.missing is not None:
                raise errors.not_configured(*kind.missing, call.target.name)
            found = kind.default
        return {kind.shown_as: found} if kind.shown_as else dict(found)

    if kind.delete:

        @operation(S3, kind.delete, needs=control_of_bucket(kind.put_action))
        async def delete(call: Call) -> Answer:
            return await put_setting(call, call.target, kind.member, None)


for _kind in _EVERY:
    _register(_kind)
