"""The KMS keys of log groups and of query results: associating them, after AWS's check, and letting go of them.

Source: Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service"; API
Reference, AssociateKmsKey, DisassociateKmsKey.
"""

from collections.abc import Sequence

from strongroom.base.arn import parse_arn, partition_of
from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Answer, Needs, operation
from strongroom.services.logs import errors, tables
from strongroom.services.logs.access import account_wide, existing_group, on_group
from strongroom.services.logs.groups.directory import GroupDirectory, place_of
from strongroom.services.logs.groups.settings import change_group
from strongroom.services.logs.service import LOGS
from strongroom.services.logs.service_calls import as_service
from strongroom.storage.connection import Connection
from strongroom.storage.replace import replace_row


def query_result_arn(account_id: str, region: str) -> str:
    """Return the ARN that stands for all query results of an account in a Region."""
    return f"arn:{partition_of(region)}:logs:{region}:{account_id}:query-result:*"


async def require_usable_key(call: Call, key_arn: str, arn: str) -> str:
    """Return the ARN of a KMS key that may be associated with `arn`: CloudWatch Logs uses it once, there and back.

    Raises InvalidParameterException unless the key exists, is enabled and symmetric, and its policy lets the service
    use it for this very ARN.
    """
    named = parse_arn(key_arn)
    if named is None or named.service != "kms":
        raise errors.invalid_parameter(f"The specified KMS Key Id could not be found. '{arn}'")
    context = {"aws:logs:arn": arn}
    try:
        made = await as_service(
            call.house,
            "kms",
            "GenerateDataKey",
            {"KeyId": key_arn, "KeySpec": "AES_256", "EncryptionContext": context},
            origin=call.origin,
            region=call.region,
            account_id=call.account_id,
            source_arn=arn,
        )
        params = {"KeyId": made["KeyId"], "CiphertextBlob": made["CiphertextBlob"], "EncryptionContext": context}
        await as_service(
            call.house,
            "kms",
            "Decrypt",
            params,
            origin=call.origin,
            region=call.region,
            account_id=call.account_id,
            source_arn=arn,
        )
    except AwsError as error:
        if error.status >= 500 or error.code == "ThrottlingException":
            raise
        raise errors.key_not_usable(arn) from None
    return str(made["KeyId"])


def _of_group_or_results(action: str) -> Needs:
    """Declare an operation on a log group, or on the account's query results where `resourceIdentifier` says so."""

    async def needs(call: Call) -> Sequence[Requirement]:
        name, identifier = call.params.get("logGroupName"), call.params.get("resourceIdentifier")
        if (name is None) == (identifier is None):
            raise errors.invalid_parameter("Exactly one of logGroupName and resourceIdentifier must be specified.")
        call.target = None
        if identifier is not None and identifier == query_result_arn(call.account_id, call.region):
            return await account_wide(action)(call)
        if identifier is not None and not identifier.startswith("arn:"):
            raise errors.invalid_parameter("The specified resourceIdentifier is not valid.")
        place = place_of(call.account_id, call.region, name if name is not None else identifier or "")
        call.target = await call.house.part(GroupDirectory).find(place)
        return (await on_group(call, place, action, group=call.target),)

    return needs


def _is_about_results(call: Call) -> bool:
    return call.params.get("resourceIdentifier") == query_result_arn(call.account_id, call.region)


async def _set_query_key(call: Call, key_arn: str | None) -> Answer:
    values = {"account_id": call.account_id, "region": call.region, "query_key_arn": key_arn}

    def write(connection: Connection) -> Answer:
        replace_row(connection, tables.ACCOUNTS, values)
        return {}

    return await call.write(write)


@operation(LOGS, "AssociateKmsKey", needs=_of_group_or_results("logs:AssociateKmsKey"))
async def associate_kms_key(call: Call) -> Answer:
    """Encrypt what comes from now on under a KMS key; what is there stays as it is. Source: AssociateKmsKey."""
    if _is_about_results(call):
        arn = query_result_arn(call.account_id, call.region)
        return await _set_query_key(call, await require_usable_key(call, call.params["kmsKeyId"], arn))
    group = existing_group(call)
    key_arn = await require_usable_key(call, call.params["kmsKeyId"], group.arn)
    return await change_group(call, group, lambda row: {"key_arn": key_arn})


@operation(LOGS, "DisassociateKmsKey", needs=_of_group_or_results("logs:DisassociateKmsKey"))
async def disassociate_kms_key(call: Call) -> Answer:
    """Encrypt what comes from now on without a KMS key of the customer's. Source: DisassociateKmsKey."""
    if _is_about_results(call):
        return await _set_query_key(call, None)
    return await change_group(call, existing_group(call), lambda row: {"key_arn": None})
