"""What operations on reports need: which action on which report group. A report is guarded by its group.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CodeBuild".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from strongroom.operations.authorize import Requirement
from strongroom.operations.call import Call
from strongroom.operations.registry import Needs
from strongroom.services.codebuild import errors
from strongroom.services.codebuild.access import resource_conditions
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.names import (
    ReportGroupName,
    ReportName,
    is_group_name,
    read_group_arn,
    read_report_arn,
)


class ReportGroup(NamedTuple):
    """A report group that a request names, and its row, None when there is none. `report` is the report it names."""

    named: ReportGroupName
    row: Any
    report: ReportName | None = None

    def existing(self) -> Any:
        """Return the row. Raises ResourceNotFoundException."""
        if self.row is None:
            raise errors.no_such_report_group(self.named.arn)
        return self.row

    @property
    def reported(self) -> ReportName:
        """The report that a request names which has to name one."""
        if self.report is None:
            raise errors.invalid_input("Invalid report ARN")
        return self.report


def _is_own(call: Call, group: ReportGroupName) -> bool:
    return group[:2] == (call.account_id, call.region)


def own_group(call: Call, arn: str) -> ReportGroupName | None:
    """Return the report group of the account, in the Region of the call, that an ARN names; None for any other ARN."""
    named = read_group_arn(arn)
    return named if named is not None and _is_own(call, named) else None


def own_report(call: Call, arn: str) -> ReportName | None:
    """Return the report of the account, in the Region of the call, that an ARN names; None for any other ARN."""
    named = read_report_arn(arn)
    return named if named is not None and _is_own(call, named.group) else None


async def _found(call: Call, named: ReportGroupName, report: ReportName | None = None) -> ReportGroup:
    return ReportGroup(named, await call.read(lambda connection: tables.select_group(connection, named)), report)


def on_group(group: ReportGroup, action: str, settings: Mapping[str, Any] | None = None) -> Requirement:
    """Return the requirement of an action on a report group, there or not; `settings` are what the request says."""
    return Requirement(
        action=action,
        resource=group.named.arn,
        account_id=group.named.account_id,
        conditions=resource_conditions(group.row.tags if group.row is not None else {}, settings),
        audited=group.named.audited,
    )


def about_new_group(action: str) -> Needs:
    """Declare an operation on the report group that the request names by its name. `call.target` is a ReportGroup."""

    async def needs(call: Call) -> Sequence[Requirement]:
        name = call.params["name"]
        if not is_group_name(name):
            raise errors.invalid_input(f"Invalid report group name: {name}")
        call.target = await _found(call, ReportGroupName(call.account_id, call.region, name))
        return (on_group(call.target, action, call.params),)

    return needs


def about_group(action: str, member: str) -> Needs:
    """Declare an operation on the report group that a member of the request names. `call.target` is a ReportGroup."""

    async def needs(call: Call) -> Sequence[Requirement]:
        named = own_group(call, call.params[member])
        if named is None:
            raise errors.invalid_input(f"Invalid report group ARN: {call.params[member]}")
        call.target = await _found(call, named)
        return (on_group(call.target, action, call.params),)

    return needs


def about_report(action: str, member: str) -> Needs:
    """Declare an operation on the report that a member names. `call.target` is its ReportGroup, with the report."""

    async def needs(call: Call) -> Sequence[Requirement]:
        named = own_report(call, call.params[member])
        if named is None:
            raise errors.invalid_input(f"Invalid report ARN: {call.params[member]}")
        call.target = await _found(call, named.group, named)
        return (on_group(call.target, action),)

    return needs


def about_groups(action: str, groups: Callable[[Call], Sequence[ReportGroupName]]) -> Needs:
    """Declare an operation on several report groups, each of which has to be allowed."""

    async def needs(call: Call) -> Sequence[Requirement]:
        found = [await _found(call, named) for named in dict.fromkeys(groups(call))]
        if not found:
            # What names nothing of the account's is asked about as a whole: nobody is answered without a permission.
            return (Requirement(action=action, resource="*", account_id=call.account_id),)
        return [on_group(group, action) for group in found]

    return needs
