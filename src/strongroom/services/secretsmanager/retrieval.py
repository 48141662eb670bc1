"""GetSecretValue and BatchGetSecretValue: the values, opened under their KMS keys as the caller."""

from collections.abc import Sequence

from strongroom.base.errors import AwsError
from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer, operation
from strongroom.services.secretsmanager import errors, tables
from strongroom.services.secretsmanager.access import about_secret, account_wide, existing
from strongroom.services.secretsmanager.accesses import Accesses
from strongroom.services.secretsmanager.filters import read_filters
from strongroom.services.secretsmanager.listing import Listing
from strongroom.services.secretsmanager.quotas import own_quota
from strongroom.services.secretsmanager.sealing import unseal
from strongroom.services.secretsmanager.secret import CURRENT, Secret, Version
from strongroom.services.secretsmanager.secret_directory import version_of
from strongroom.services.secretsmanager.service import SECRETS_MANAGER

BATCH = 20


@operation(
    SECRETS_MANAGER,
    "GetSecretValue",
    needs=about_secret("secretsmanager:GetSecretValue"),
    quota=own_quota("GetSecretValue"),
    reads_only=True,
)
async def get_secret_value(call: Call) -> Answer:
    """Return a version's value: by id, by label, or the current one. Source: API Reference, GetSecretValue."""
    secret = existing(call)
    secret.must_not_wait_for_deletion()
    version = await _wanted_version(call, secret)
    value = await unseal(call, secret, version)
    call.house.part(Accesses).note(secret.arn, version, call.now)
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.version_id,
        **value.member(),
        "VersionStages": list(version.labels),
        "CreatedDate": version.created,
    }


async def _wanted_version(call: Call, secret: Secret) -> Version:
    version_id, label = call.params.get("VersionId"), call.params.get("VersionStage")
    if version_id is None:
        found = secret.versions.get(secret.stages.get(label or CURRENT, ""))
        if found is None or not found.has_value:
            raise errors.no_value_for_stage(label or CURRENT)
        return found
    version = secret.versions.get(version_id) or await _unlabelled(call, secret, version_id)
    if label is not None and label not in version.labels:
        raise errors.stage_elsewhere()
    if not version.has_value:
        raise errors.no_value_for_version(version_id)
    return version


async def _unlabelled(call: Call, secret: Secret, version_id: str) -> Version:
    if "\0" in version_id:
        raise errors.no_value_for_version(version_id)
    row = await call.read(lambda connection: tables.select_version(connection, secret.arn, version_id))
    if row is None:
        raise errors.no_value_for_version(version_id)
    return version_of(row, {})


async def _needs_of_batch(call: Call) -> Sequence[Requirement]:
    # Which secrets there are is told only to who may list them.
    listing = ("secretsmanager:ListSecrets",) if call.params.get("Filters") is not None else ()
    return await account_wide("secretsmanager:BatchGetSecretValue", *listing)(call)


@operation(
    SECRETS_MANAGER,
    "BatchGetSecretValue",
    needs=_needs_of_batch,
    quota=own_quota("BatchGetSecretValue"),
    reads_only=True,
)
async def batch_get_secret_value(call: Call) -> Answer:
    """Return the current values of up to 20 secrets, and why others were refused. Source: BatchGetSecretValue.

    Each is read as GetSecretValue reads it, with its permissions and a record of its own.
    """
    params = call.params
    if (params.get("SecretIdList") is None) == (params.get("Filters") is None):
        raise errors.invalid_parameter("You must include Filters or SecretIdList, but not both.")
    answer: Answer = {"SecretValues": [], "Errors": []}
    if params.get("SecretIdList") is not None:
        if params.get("MaxResults") is not None:
            raise errors.invalid_parameter("You can use MaxResults with Filters only.")
        named = list(dict.fromkeys(params["SecretIdList"]))
    else:
        listing = Listing(call, read_filters(params["Filters"]), limit=params.get("MaxResults") or BATCH)
        page = await listing.page()
        named = [row.arn for row in page.rows]
        answer |= page.next_token
    for secret_id in named:
        await _add(call, secret_id, answer)
    return answer


async def _add(call: Call, secret_id: str, answer: Answer) -> None:
    try:
        value = await perform(
            call.house,
            SECRETS_MANAGER.name,
            "GetSecretValue",
            {"SecretId": secret_id},
            caller=call.caller,
            origin=call.origin,
            region=call.region,
            called_via=call.called_via,
            source=call.source,
        )
    except AwsError as error:
        answer["Errors"].append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
    else:
        answer["SecretValues"].append(value)
