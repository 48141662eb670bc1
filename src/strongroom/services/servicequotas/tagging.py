"""Tags of quotas. Source: Service Quotas User Guide, "Tagging resources"; Service Quotas API Reference."""

from strongroom.base.arn import parse_arn
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, operation
from strongroom.services.servicequotas import errors, tables
from strongroom.services.servicequotas.access import account_wide, quota_arn
from strongroom.services.servicequotas.quotas import named_quota
from strongroom.services.servicequotas.service import SERVICE_QUOTAS
from strongroom.storage.connection import Connection

TAGS_MAX = 50


def _tagged_arn(call: Call) -> str:
    """Return the ARN of a quota of the caller's, in this Region. Raises NoSuchResourceException for any other."""
    given: str = call.params["ResourceARN"]
    arn = parse_arn(given)
    service_code, _, code = arn.resource.partition("/") if arn is not None else ("", "", "")
    if given != quota_arn(call.account_id, call.region, service_code, code):
        raise errors.no_such_resource("The specified resource does not exist.")
    named_quota(service_code, code)
    return given


@operation(SERVICE_QUOTAS, "TagResource", needs=account_wide("servicequotas:TagResource"))
async def tag_resource(call: Call) -> Answer:
    """Add or overwrite tags. Source: Service Quotas API Reference, TagResource."""
    arn = _tagged_arn(call)
    added = {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}
    if len(added) != len(call.params["Tags"]):
        raise errors.illegal_argument("Tag keys must be unique.")
    if any(key.lower().startswith("aws:") for key in added):
        raise errors.illegal_argument("Tag keys that begin with aws: are reserved.")

    def write(connection: Connection) -> Answer:
        tags = tables.select_tags(connection, arn) | added
        if len(tags) > TAGS_MAX:
            raise errors.too_many_tags()
        tables.replace_tags(connection, arn, tags)
        return {}

    return await call.write(write)


@operation(SERVICE_QUOTAS, "UntagResource", needs=account_wide("servicequotas:UntagResource"))
async def untag_resource(call: Call) -> Answer:
    """Remove tags; those that are not there are passed over. Source: API Reference, UntagResource."""
    arn = _tagged_arn(call)
    removed = set(call.params["TagKeys"])

    def write(connection: Connection) -> Answer:
        tags = tables.select_tags(connection, arn)
        tables.replace_tags(connection, arn, {key: value for key, value in tags.items() if key not in removed})
        return {}

    return await call.write(write)


@operation(
    SERVICE_QUOTAS, "ListTagsForResource", needs=account_wide("servicequotas:ListTagsForResource"), reads_only=True
)
async def list_tags_for_resource(call: Call) -> Answer:
    """List tags in the order of their keys. Source: Service Quotas API Reference, ListTagsForResource."""
    arn = _tagged_arn(call)
    tags = await call.read(lambda connection: tables.select_tags(connection, arn))
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}
