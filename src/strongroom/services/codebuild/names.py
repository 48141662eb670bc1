"""How projects and builds are named: `project/NAME`, and `NAME:UUID` for a build.

Source: AWS CodeBuild User Guide, "AWS CodeBuild resources and operations".
"""

import re
from typing import NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.trail import Resource

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
PROJECT_TYPE, BUILD_TYPE = "AWS::CodeBuild::Project", "AWS::CodeBuild::Build"


class ProjectName(NamedTuple):
    """A project of an account in a Region, there or not."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:{partition_of(self.region)}:codebuild:{self.region}:{self.account_id}:project/{self.name}"

    @property
    def audited(self) -> Resource:
        """How the audit trail lists it."""
        return Resource(self.arn, self.account_id, PROJECT_TYPE)

    def build_arn(self, uuid: str) -> str:
        """Return the ARN of one of its builds."""
        return f"arn:{partition_of(self.region)}:codebuild:{self.region}:{self.account_id}:build/{self.name}:{uuid}"


class BuildName(NamedTuple):
    """A build of a project, there or not. `uuid` is what tells it from the project's other builds."""

    project: ProjectName
    uuid: str

    @property
    def id(self) -> str:
        """Its id, `PROJECT:UUID`."""
        return f"{self.project.name}:{self.uuid}"

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.project.build_arn(self.uuid)


def read_project_name(text: str, account_id: str, region: str) -> ProjectName | None:
    """Return the project that a name or an ARN names, None when it can't be one."""
    name = text
    if text.startswith("arn:"):
        arn = parse_arn(text)
        if arn is None or arn.service != "codebuild" or not arn.resource.startswith("project/"):
            return None
        account_id, region, name = arn.account_id, arn.region, arn.resource.removeprefix("project/")
    return ProjectName(account_id, region, name) if _PROJECT.fullmatch(name) else None


def read_build_name(text: str, account_id: str, region: str) -> BuildName | None:
    """Return the build that an id or an ARN names, None when it can't be one."""
    named = text
    if text.startswith("arn:"):
        arn = parse_arn(text)
        if arn is None or arn.service != "codebuild" or not arn.resource.startswith("build/"):
            return None
        account_id, region, named = arn.account_id, arn.region, arn.resource.removeprefix("build/")
    name, _, uuid = named.partition(":")
    if not _PROJECT.fullmatch(name) or not _UUID.fullmatch(uuid):
        return None
    return BuildName(ProjectName(account_id, region, name), uuid)
