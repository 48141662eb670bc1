"""The raw files of a report, stored in S3 as the service role: one by one, or in one ZIP file, under the group's key.

They are as the build left them: like artifacts, and unlike what the report itself keeps of them, they are not masked.

Source: AWS CodeBuild API Reference, S3ReportExportConfig.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.codebuild.names import BuildName
from strongroom.services.codebuild.project_settings import default_key
from strongroom.services.codebuild.reports.names import read_report_arn
from strongroom.services.codebuild.running.artifacts import UNNAMEABLE, encryption_of
from strongroom.services.codebuild.running.failures import told
from strongroom.services.codebuild.running.report_files import RawFile
from strongroom.services.codebuild.service_role import ServiceRole


async def export_files(
    role: ServiceRole, named: BuildName, destination: Mapping[str, Any], report_arn: str, files: Sequence[RawFile]
) -> list[str]:
    """Store the files of a report below PATH/GROUP/UUID, and return what went wrong."""
    report = read_report_arn(report_arn)
    if report is None:
        return []
    key = "/".join(filter(None, (destination.get("path", "").strip("/"), report.group.name, report.uuid)))
    settings = {"encryptionKey": destination.get("encryptionKey") or default_key(named.project)}
    params = {"Bucket": destination["bucket"]}
    params |= encryption_of(settings, disabled=bool(destination.get("encryptionDisabled")))
    if destination.get("bucketOwner"):
        params["ExpectedBucketOwner"] = destination["bucketOwner"]
    try:
        if destination.get("packaging") == "ZIP":
            contents = {f"{key}.zip": await asyncio.to_thread(_packed, files)}
        else:
            contents = {f"{key}/{file.name}": file.content for file in files}
        for name, content in contents.items():
            body = {"Key": name, "Body": _pieces(content), "ContentLength": len(content)}
            await role.s3("PutObject", params | body)
    except AwsError as error:
        return [f"error exporting report: {told(error)}"]
    except ValueError:
        return [f"error exporting report: {UNNAMEABLE}"]
    return []


def _packed(files: Sequence[RawFile]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in files:
            entry = zipfile.ZipInfo(file.name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            opened.writestr(entry, file.content)
    return made.getvalue()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
