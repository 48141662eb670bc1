"""The build specification of a build: from its settings, its source, or S3; and what of it can't be served here."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strongroom.base.errors import AwsError
from strongroom.services.codebuild.buildspec.document import CHARACTERS_MAX, BuildspecError
from strongroom.services.codebuild.buildspec.location import DEFAULT_FILE, is_inline, is_object
from strongroom.services.codebuild.buildspec.specification import Specification, read_specification
from strongroom.services.codebuild.project_settings import bucket_and_key
from strongroom.services.codebuild.running.failures import YAML_FILE_ERROR, PhaseFailed, told
from strongroom.services.codebuild.running.work_files import open_file
from strongroom.services.codebuild.service_role import ServiceRole

BYTES_MAX = 4 * CHARACTERS_MAX


async def load_specification(
    role: ServiceRole, source: Mapping[str, Any], directory: Path, seen_as: str
) -> tuple[Specification, str]:
    """Return the specification, and where it was found. `seen_as` is the source's directory as the build sees it.

    Raises PhaseFailed.
    """
    wanted = source.get("buildspec", "")
    if is_inline(wanted):
        text, found_at = wanted, "inline"
    elif is_object(wanted):
        text, found_at = await _object(role, wanted), wanted
    else:
        found_at = f"{seen_as}/{wanted or DEFAULT_FILE}"
        text = _file(directory, wanted or DEFAULT_FILE, found_at)
    try:
        # A long one takes longer than other requests should wait.
        specification = await asyncio.to_thread(read_specification, text)
    except BuildspecError as error:
        raise PhaseFailed(YAML_FILE_ERROR, str(error)) from None
    _check(specification)
    return specification, found_at


async def _object(role: ServiceRole, arn: str) -> str:
    bucket, _, key = bucket_and_key(arn)
    content = bytearray()
    try:
        answer = await role.s3("GetObject", {"Bucket": bucket, "Key": key})
        async for piece in answer["Body"]:
            content += piece
            if len(content) > BYTES_MAX:
                raise PhaseFailed(YAML_FILE_ERROR, f"The build specification has more than {BYTES_MAX:,} bytes.")
    except AwsError as error:
        raise PhaseFailed(YAML_FILE_ERROR, f"{told(error)} for the build specification {arn}") from None
    return content.decode(errors="replace")


def _file(directory: Path, path: str, shown: str) -> str:
    try:
        with open_file(directory, path) as file:
            content = file.read(BYTES_MAX + 1)
    except OSError:
        raise PhaseFailed(YAML_FILE_ERROR, f"stat {shown}: no such file or directory") from None
    if len(content) > BYTES_MAX:
        raise PhaseFailed(YAML_FILE_ERROR, f"The build specification has more than {BYTES_MAX:,} bytes.")
    return content.decode(errors="replace")


def _check(specification: Specification) -> None:
    """Raise PhaseFailed for what the environment of builds does not have."""
    if specification.environment.git_credential_helper:
        raise PhaseFailed(YAML_FILE_ERROR, "git-credential-helper is not supported here.")
