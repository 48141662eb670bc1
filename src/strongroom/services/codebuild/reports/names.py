"""How report groups and reports are named: `report-group/NAME`, and `report/NAME:UUID` for a report of it.

Source: AWS CodeBuild User Guide, "AWS CodeBuild resources and operations", "Report groups".
"""

import re
from typing import NamedTuple

from strongroom.base.arn import parse_arn, partition_of
from strongroom.operations.trail import Resource

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,127}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
REPORT_GROUP_TYPE = "AWS::CodeBuild::ReportGroup"


class ReportGroupName(NamedTuple):
    """A report group of an account in a Region, there or not."""

    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:{partition_of(self.region)}:codebuild:{self.region}:{self.account_id}:report-group/{self.name}"

    @property
    def audited(self) -> Resource:
        """How the audit trail lists it."""
        return Resource(self.arn, self.account_id, REPORT_GROUP_TYPE)


class ReportName(NamedTuple):
    """A report of a report group, there or not. `uuid` is what tells it from the group's other reports."""

    group: ReportGroupName
    uuid: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        account_id, region, name = self.group
        return f"arn:{partition_of(region)}:codebuild:{region}:{account_id}:report/{name}:{self.uuid}"


def is_group_name(text: str) -> bool:
    """Return whether a report group may be called so."""
    return _NAME.fullmatch(text) is not None


def read_group_arn(text: str) -> ReportGroupName | None:
    """Return the report group of an ARN, None when it is no such ARN."""
    arn = parse_arn(text)
    if arn is None or arn.service != "codebuild" or not arn.resource.startswith("report-group/"):
        return None
    name = arn.resource.removeprefix("report-group/")
    return ReportGroupName(arn.account_id, arn.region, name) if is_group_name(name) else None


def read_report_arn(text: str) -> ReportName | None:
    """Return the report of an ARN, None when it is no such ARN."""
    arn = parse_arn(text)
    if arn is None or arn.service != "codebuild" or not arn.resource.startswith("report/"):
        return None
    name, _, uuid = arn.resource.removeprefix("report/").partition(":")
    if not is_group_name(name) or not _UUID.fullmatch(uuid):
        return None
    return ReportName(ReportGroupName(arn.account_id, arn.region, name), uuid)
