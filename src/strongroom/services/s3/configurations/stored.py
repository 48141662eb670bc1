"""Configurations that are kept and returned as they came: what they ask for is not done by Strongroom itself.

Each is a row of one table, from which its operations are made. Source: Amazon S3 API Reference.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.s3 import errors
from strongroom.services.s3.access import control_of_bucket
from strongroom.services.s3.configurations.access_logging import require_target_bucket
from strongroom.services.s3.configurations.change import put_setting
from strongroom.services.s3.configurations.cross_origin_rules import require_valid_rules
from strongroom.services.s3.configurations.website_rules import require_valid_website
from strongroom.services.s3.service import S3

Check = Callable[[Call, Mapping[str, Any]], Awaitable[None]]
"""Raises AwsError for a configuration that Amazon S3 does not take."""


class Stored(NamedTuple):
    """One configuration: the operations that put, show and delete it, and the permissions that these need.

    `member` is that of the request. `missing` are code and message where there is none; without it an empty answer is
    given. `shown_as` is the member of the answer that holds it whole, empty when its own members are the answer.
    `check` looks at what is put.
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
    check: Check | None = None


async def _check_cors(call: Call, configuration: Mapping[str, Any]) -> None:
    require_valid_rules(configuration)


async def _check_website(call: Call, configuration: Mapping[str, Any]) -> None:
    require_valid_website(configuration)


async def _check_acceleration(call: Call, configuration: Mapping[str, Any]) -> None:
    if configuration.get("Status") not in ("Enabled", "Suspended"):
        raise errors.malformed_xml()
    if "." in call.target.name:
        raise errors.invalid_request(
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        )


async def _check_payer(call: Call, configuration: Mapping[str, Any]) -> None:
    if configuration["Payer"] not in ("BucketOwner", "Requester"):
        raise errors.malformed_xml()


async def _check_ownership(call: Call, configuration: Mapping[str, Any]) -> None:
    owners = [rule["ObjectOwnership"] for rule in configuration["Rules"]]
    if len(owners) != 1 or owners[0] not in ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"):
        raise errors.malformed_xml()


_EVERY = (
    Stored(
        put="PutBucketCors",
        get="GetBucketCors",
        delete="DeleteBucketCors",
        put_action="s3:PutBucketCORS",
        get_action="s3:GetBucketCORS",
        member="CORSConfiguration",
        missing=("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        check=_check_cors,
    ),
    Stored(
        put="PutBucketWebsite",
        get="GetBucketWebsite",
        delete="DeleteBucketWebsite",
        put_action="s3:PutBucketWebsite",
        get_action="s3:GetBucketWebsite",
        member="WebsiteConfiguration",
        missing=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
        check=_check_website,
    ),
    Stored(
        put="PutBucketLogging",
        get="GetBucketLogging",
        delete="",
        put_action="s3:PutBucketLogging",
        get_action="s3:GetBucketLogging",
        member="BucketLoggingStatus",
        check=require_target_bucket,
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
        check=_check_acceleration,
    ),
    Stored(
        put="PutBucketRequestPayment",
        get="GetBucketRequestPayment",
        delete="",
        put_action="s3:PutBucketRequestPayment",
        get_action="s3:GetBucketRequestPayment",
        member="RequestPaymentConfiguration",
        default={"Payer": "BucketOwner"},
        check=_check_payer,
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
        check=_check_ownership,
    ),
)


def _register(kind: Stored) -> None:
    @operation(S3, kind.put, needs=control_of_bucket(kind.put_action))
    async def put(call: Call) -> Answer:
        """Keep a configuration of a bucket, and show it."""
        configuration = call.params[kind.member]
        if kind.check is not None:
            await kind.check(call, configuration)
        return await put_setting(call, call.target, kind.member, configuration)

    @operation(S3, kind.get, needs=control_of_bucket(kind.get_action), reads_only=True)
    async def get(call: Call) -> Answer:
        """Show the configuration that was kept."""
        found = call.target.settings.get(kind.member)
        if found is None:
            if kind.missing is not None:
                raise errors.not_configured(*kind.missing, call.target.name)
            found = kind.default
        return {kind.shown_as: found} if kind.shown_as else dict(found)

    if kind.delete:

        @operation(S3, kind.delete, needs=control_of_bucket(kind.put_action))
        async def delete(call: Call) -> Answer:
            """Forget the configuration."""
            return await put_setting(call, call.target, kind.member, None)


for _kind in _EVERY:
    _register(_kind)
