"""Parameters that stand for secrets: `/aws/reference/secretsmanager/NAME`, answered by Secrets Manager as the caller.

Source: AWS Systems Manager User Guide, "Referencing AWS Secrets Manager secrets from Parameter Store parameters";
answers of AWS.
"""

import json
import re
from datetime import datetime
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.operations.call import Call
from strongroom.services.ssm import errors
from strongroom.services.ssm.names import REFERENCE_START, Named
from strongroom.services.ssm.parameters import SECURE_STRING

_VERSION_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = "%b %d, %Y %I:%M:%S %p"


async def referenced_secret(call: Call, wanted: Named, *, with_decryption: bool) -> dict[str, Any]:
    """Return a secret as GetParameter shows it.

    A selector that has the form of a UUID is a version's id, any other a staging label. Raises ValidationException
    without decryption, ParameterNotFound for a secret or version that is not there, and what Secrets Manager raises.
    """
    if not with_decryption:
        raise errors.validation("WithDecryption flag must be True for retrieving a Secret Manager secret.")
    params = {"SecretId": wanted.name.removeprefix(REFERENCE_START)}
    if wanted.selector is not None:
        member = "VersionId" if _VERSION_ID.fullmatch(wanted.selector) else "VersionStage"
        params[member] = wanted.selector
    try:
        secret = await call.invoke("secretsmanager", "GetSecretValue", params)
    except AwsError as error:
        raise _refusal(wanted, error) from None
    return _shown(wanted, secret)


def _refusal(wanted: Named, error: AwsError) -> AwsError:
    if error.code == "ResourceNotFoundException":
        # AWS writes "null" where there is no selector.
        asked = "null" if wanted.selector is None else f":{wanted.selector}"
        return AwsError(
            "ParameterNotFound",
            "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret "
            f"{wanted.name.removeprefix('/')}{asked} not found.",
        )
    if error.code in ("InvalidRequestException", "InvalidParameterException"):
        return errors.validation("Invalid Request to Secrets Manager")
    return error


def _shown(wanted: Named, secret: dict[str, Any]) -> dict[str, Any]:
    created: datetime | None = secret.get("CreatedDate")
    source = {
        "ARN": secret["ARN"],
        "name": secret["Name"],
        "versionId": secret.get("VersionId"),
        "secretString": secret.get("SecretString"),
        "versionStages": secret.get("VersionStages"),
        "createdDate": created.strftime(_TIME) if created is not None else None,
    }
    told = {name: value for name, value in source.items() if value is not None}
    shown: dict[str, Any] = {
        "Name": wanted.name,
        "Type": SECURE_STRING,
        "Version": 0,
        "ARN": secret["ARN"],
        "SourceResult": json.dumps(told, separators=(",", ":")),
    }
    if created is not None:
        shown["LastModifiedDate"] = created
    if secret.get("SecretString") is not None:
        shown["Value"] = secret["SecretString"]
    if wanted.selector is not None:
        shown["Selector"] = f":{wanted.selector}"
    return shown
