"""The reports of a build: files of its test frameworks, read, kept as reports, and exported as their group says.

All of it is done as the service role. A test that failed does not fail the build; a report that cannot be made does.

Source: AWS CodeBuild User Guide, "Build specification reference", reports; "Create test reports", "Test report
permissions".
"""

import asyncio
from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.services.codebuild.buildspec.specification import Files, Specification
from strongroom.services.codebuild.names import BuildName
from strongroom.services.codebuild.reports import tables
from strongroom.services.codebuild.reports.formats import DEFAULT_FORMAT, FORMATS
from strongroom.services.codebuild.reports.names import ReportGroupName, is_group_name, read_group_arn
from strongroom.services.codebuild.reports.results import TEST
from strongroom.services.codebuild.running.artifacts import NoDirectory, pick
from strongroom.services.codebuild.running.failures import CLIENT_ERROR, PhaseFailed, told
from strongroom.services.codebuild.running.log import BuildLog
from strongroom.services.codebuild.running.report_export import export_files
from strongroom.services.codebuild.running.report_files import RawFile, read_files, results_of
from strongroom.services.codebuild.running.room import Room
from strongroom.services.codebuild.service_role import ServiceRole


class KeptReports(NamedTuple):
    """The ARNs of the reports that were made, and what of them could not be, by the name of the report group."""

    arns: list[str]
    problems: dict[str, list[str]]

    def check(self) -> None:
        """Raise PhaseFailed when a report could not be made whole."""
        if self.problems:
            each = ", ".join(f"{name}: [{', '.join(texts)}]" for name, texts in self.problems.items())
            raise PhaseFailed(CLIENT_ERROR, f"Error in UPLOAD_ARTIFACTS phase: [{each}]")


class ReportFailed(Exception):  # noqa: N818 (it says what happened)
    """A report cannot be made, for reasons that are told."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = list(problems)


async def keep_reports(
    house: House, room: Room, role: ServiceRole, named: BuildName, specification: Specification, log: BuildLog
) -> KeptReports:
    """Make all reports that a specification has. Raises Ending; what else goes wrong is in what is returned."""
    kept = KeptReports([], {})
    wanted = list(specification.reports.items())
    names = await room.expanded([name for name, _ in wanted])
    bases = await room.expanded([files.base_directory or "." for _, files in wanted])
    for (_, files), name, base in zip(wanted, names, bases, strict=True):
        report = _Report(house, room, role, named, log, name)
        try:
            await report.make(files, base)
        except ReportFailed as failure:
            log.tell(f"Report {name} could not be made: {', '.join(failure.problems)}")
            kept.problems.setdefault(name, []).extend(failure.problems)
        if report.arn:
            kept.arns.append(report.arn)
    return kept


class _Report:
    """One report, as it is made."""

    def __init__(self, house: House, room: Room, role: ServiceRole, named: BuildName, log: BuildLog, name: str) -> None:
        self._house = house
        self._room = room
        self._role = role
        self._named = named
        self._log = log
        self._name = name
        self.arn = ""

    async def make(self, files: Files, base: str) -> None:
        """Make the report. Raises ReportFailed; the report is INCOMPLETE then, if it was begun."""
        if self._log.masked(self._name) != self._name:
            raise ReportFailed("report group name has the value of a secret in it")
        format_name = (files.file_format or DEFAULT_FORMAT).upper()
        kind = FORMATS[format_name].type
        group = await self._group(kind)
        if group.type != kind:
            raise ReportFailed(f"report group type is {group.type}, and file format is {format_name}")
        params = {"reportGroupArn": self._group_name().arn, "buildArn": self._named.arn}
        self.arn = (await self._do("CreateReport", "creating report", params))["reportArn"]
        self._log.tell(f"Preparing to copy {kind} report {self._name}")
        found = await self._found(files, base)
        results, problems = await asyncio.to_thread(results_of, found, FORMATS[format_name], self._log.masker())
        action, member = (
            ("BatchPutTestCases", "testCases") if kind == TEST else ("BatchPutCodeCoverages", "codeCoverages")
        )
        kept = {"reportArn": self.arn, member: results.kept, "isTruncated": results.is_truncated}
        await self._do(action, "uploading report", kept)
        export = group.export_config.get("s3Destination")
        if export is not None:
            problems += await export_files(self._role, self._named, export, self.arn, found)
        status = tables.INCOMPLETE if problems else tables.SUCCEEDED if results.succeeded else tables.FAILED
        ended = {"reportArn": self.arn, "status": status, "summary": results.summary}
        await self._do("UpdateReport", "updating report", ended)
        self._log.tell(f"Report {self.arn} State: {status}")
        if problems:
            raise ReportFailed(*problems)

    def _group_name(self) -> ReportGroupName:
        """Return the report group that the specification means: by its ARN, or by a name that follows the project's."""
        project = self._named.project
        if not self._name.startswith("arn:"):
            return ReportGroupName(project.account_id, project.region, f"{project.name}-{self._name}")
        group = read_group_arn(self._name)
        if group is None or group[:2] != (project.account_id, project.region):
            raise ReportFailed("report group is not one of the account in this Region")
        return group

    async def _group(self, kind: str) -> Any:
        """Return the row of the report group; one that is named by its name is made if it is not there."""
        group = self._group_name()
        row = await self._house.store.read(lambda connection: tables.select_group(connection, group))
        if row is None and not self._name.startswith("arn:"):
            if not is_group_name(group.name):
                raise ReportFailed(f"invalid report group name {group.name}")
            members = {"name": group.name, "type": kind, "exportConfig": {"exportConfigType": "NO_EXPORT"}}
            await self._do("CreateReportGroup", "creating report group", members, but="ResourceAlreadyExistsException")
            row = await self._house.store.read(lambda connection: tables.select_group(connection, group))
        if row is None:
            raise ReportFailed("report group not found")
        return row

    async def _found(self, files: Files, base: str) -> list[RawFile]:
        room = self._room
        self._log.tell(f"Expanding base directory path: {base}")
        try:
            below = room.below_output(base if base.startswith("/") else f"{room.directory}/{base}")
            self._log.tell("Assembling file list")
            picked = await asyncio.to_thread(pick, room.output, below, files)
        except NoDirectory:
            raise ReportFailed(f"no matching base directory path found for {base}") from None
        except PhaseFailed:
            raise ReportFailed("report files not found in build") from None
        self._log.tell(f"Found {len(picked)} file(s)")
        shown = base if base.startswith("/") else f"{room.directory}/{base}"
        found, problem = await asyncio.to_thread(read_files, room.output, below, picked, shown)
        if problem:
            raise ReportFailed(problem)
        return found

    async def _do(self, action: str, doing: str, params: dict[str, Any], *, but: str = "") -> Any:
        """Carry out an operation as the service role. A refusal of the code `but` is none: another build did it."""
        try:
            return await self._role.perform("codebuild", action, params)
        except AwsError as error:
            if error.code == but:
                return {}
            raise ReportFailed(f"error {doing}: {told(error)}") from None
