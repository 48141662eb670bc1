"""Where the raw files of a report go: nowhere, or into a bucket.

Source: AWS CodeBuild API Reference, ReportExportConfig, S3ReportExportConfig.
"""

import re
from collections.abc import Mapping
from typing import Any

from strongroom.services.codebuild import errors

NO_EXPORT, S3 = "NO_EXPORT", "S3"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ACCOUNT = re.compile(r"\d{12}")
_EMPTY: tuple[Any, ...] = ("", None)


def read_export_config(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return an exportConfig with what CodeBuild fills in. Raises InvalidInputException for one that cannot be."""
    kind = sent.get("exportConfigType")
    destination = {name: value for name, value in (sent.get("s3Destination") or {}).items() if value not in _EMPTY}
    if kind == NO_EXPORT:
        if destination:
            raise errors.invalid_input("Invalid exportConfig: s3Destination must be empty for the type NO_EXPORT")
        return {"exportConfigType": NO_EXPORT}
    if kind != S3:
        raise errors.invalid_input("Invalid exportConfig: exportConfigType must be S3 or NO_EXPORT")
    if not _BUCKET.fullmatch(destination.get("bucket", "")):
        raise errors.invalid_input("Invalid exportConfig: bucket must be a valid S3 bucket")
    if "bucketOwner" in destination and not _ACCOUNT.fullmatch(destination["bucketOwner"]):
        raise errors.invalid_input("Invalid exportConfig: bucketOwner must be the id of an account")
    if "\0" in destination.get("path", ""):
        raise errors.invalid_input("Invalid exportConfig: path is not valid")
    return {
        "exportConfigType": S3,
        "s3Destination": {"packaging": "NONE", "encryptionDisabled": False} | destination,
    }
