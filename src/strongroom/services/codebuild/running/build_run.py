"""One build at work, from PROVISIONING to COMPLETED.

Source: AWS CodeBuild User Guide, "Build phase transitions"; API Reference, Build, BuildPhase.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from strongroom.base.errors import AwsError
from strongroom.operations.house import House
from strongroom.runners.probe import SandboxUnavailable
from strongroom.services.codebuild import tables
from strongroom.services.codebuild.auto_retry import state_after
from strongroom.services.codebuild.build_record import (
    COMPLETED,
    DOWNLOAD_SOURCE,
    FAILED,
    FAULT,
    FINALIZING,
    SUCCEEDED,
    UPLOAD_ARTIFACTS,
    begin_phase,
    completed_progress,
    end_phase,
    log_object,
    log_place,
    name_of,
    state_event,
)
from strongroom.services.codebuild.buildspec.specification import INSTALL, PHASES, Specification
from strongroom.services.codebuild.phases import Ending, PhaseResult, PhaseRunner
from strongroom.services.codebuild.project_settings import HOST_IMAGE
from strongroom.services.codebuild.reports.tables import abandon_reports
from strongroom.services.codebuild.running.artifacts import encryption_of
from strongroom.services.codebuild.running.build_shell import BuildShell
from strongroom.services.codebuild.running.caches.build_cache import BuildCache
from strongroom.services.codebuild.running.failures import (
    ACCESS_DENIED,
    CLIENT_ERROR,
    INTERNAL_SERVICE_ERROR,
    YAML_FILE_ERROR,
    PhaseFailed,
    told,
)
from strongroom.services.codebuild.running.kept_files import keep_artifacts
from strongroom.services.codebuild.running.kept_reports import keep_reports
from strongroom.services.codebuild.running.log import BuildLog
from strongroom.services.codebuild.running.room import Room
from strongroom.services.codebuild.running.runtimes import check_runtimes
from strongroom.services.codebuild.running.secret_variables import Wanted, fetch_secrets
from strongroom.services.codebuild.running.specifications import load_specification
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.storage.connection import Connection
from strongroom.storage.errors import StorageUnavailable

_log = structlog.get_logger("strongroom.codebuild")

T = TypeVar("T")

NEVER_EXPORTED_PREFIX = "AWS_"
"""How names begin that are not exported. Source: User Guide, "Build specification reference", exported-variables."""


class BuildRun:
    """Runs the build of a row, which has been claimed; its phase PROVISIONING has begun."""

    def __init__(self, house: House, row: Any) -> None:
        self.number: int = row.number
        self._house = house
        self._row = row
        self._named = name_of(row)
        self._settings = row.settings
        self._progress = row.progress
        self._role = ServiceRole(
            house,
            self._named.project,
            self._settings["serviceRole"],
            f"AWSCodeBuild-{self._named.uuid}",
            self._named.arn,
        )
        self.log = BuildLog(
            self._role,
            house.clock,
            log_place(self._settings, self._named),
            log_object(self._settings, self._named),
        )
        self._room = Room(house, row, self._role, self.log)
        self._cache = BuildCache(house, self._named.project, self._settings, self._role)
        self._secret_names: frozenset[str] = frozenset()
        self._ending: Ending | None = None
        self._has_ending = asyncio.Event()
        self.times_out_at = house.clock.now() + 60 * self._settings["timeoutInMinutes"]

    async def end(self, ending: Ending) -> None:
        """Have the build end now: what runs is killed, and what is between two steps goes no further."""
        if self._ending is None:
            self._ending = ending
            self._has_ending.set()
            await self._room.end(ending)

    async def run(self) -> None:
        """Run the build to its end, whatever comes. Raises StorageUnavailable when that cannot be written down."""
        status = FAULT
        try:
            status = await self._run()
        except PhaseFailed as failure:
            status = FAULT if failure.is_fault else FAILED
            self._end(status, failure.code, failure.message)
        except Ending as ending:
            status = ending.status
            self._end(status, ending.code, ending.message)
        except SandboxUnavailable as error:
            self._end(FAULT, INTERNAL_SERVICE_ERROR, str(error))
        except StorageUnavailable:
            raise
        except Exception as error:
            # A build must not wait for ever for a server that has given it up.
            _log.error("a build met an error", build=self._named.id, error_type=type(error).__name__)
            self._end(FAULT, INTERNAL_SERVICE_ERROR, "The server met an error that is not the build's.")
        finally:
            await self._leave_room()
        await self._finish(status)

    async def _leave_room(self) -> None:
        try:
            await self._room.close()
        except Exception as error:
            # What is left of a room is the server's trouble: the build has ended, and has to be told so.
            _log.error(
                "the room of a build was not left in order", build=self._named.id, error_type=type(error).__name__
            )

    async def _run(self) -> str:
        await self._provision()
        specification = await self._download()
        results = await self._run_phases(specification)
        status = _outcome(results)
        if len(results) == len(PHASES) and self._room.shell.ending is None:
            await self._next_phase(UPLOAD_ARTIFACTS)
            await self._upload(specification, has_succeeded=status == SUCCEEDED)
            self._end(SUCCEEDED)
            self._tell_phase_end(UPLOAD_ARTIFACTS, SUCCEEDED, "", "")
        if self._ending is not None:
            return self._ending.status
        return status

    async def _provision(self) -> None:
        self.log.tell("Waiting for agent ping")
        try:
            await self._role.credentials()
        except AwsError as error:
            raise PhaseFailed(ACCESS_DENIED, f"{told(error)}: CodeBuild could not assume the service role.") from None
        await self.log.open()
        self._progress["is_logged"] = True
        await self._unless_it_ends(self._room.take_image())
        await self._room.make()
        self._progress["network_interface"] = self._room.network_interface
        self._check()
        self._end(SUCCEEDED)

    async def _download(self) -> Specification:
        self.log.tell(f"Waiting for {DOWNLOAD_SOURCE}")
        await self._next_phase(DOWNLOAD_SOURCE)
        self.log.tell(f"Phase is {DOWNLOAD_SOURCE}")
        mirrors = await self._cache.mirrors()
        version = await self._unless_it_ends(self._room.fetch_sources(mirrors))
        if version:
            self._progress["resolved_version"] = version
        self._check()
        self.log.tell(f"CODEBUILD_SRC_DIR={self._room.directory}")
        specification, found_at = await load_specification(
            self._role, self._settings["source"], self._room.sources, self._room.directory
        )
        self.log.tell(f"YAML location is {found_at}")
        self.log.tell("Processing environment variables")
        wanted = Wanted(specification.environment, self._settings["environment"]["environmentVariables"])
        secret = await fetch_secrets(self._role, wanted)
        self.log.mask(secret.values())
        self._secret_names = frozenset(secret)
        self._check()
        await self._room.begin(specification, wanted.plain | secret, version)
        await self._check_runtimes(specification)
        await self._unless_it_ends(self._cache.restore(specification.cache, self._room, self.log))
        self.log.tell(f"Moving to directory {self._room.directory}")
        self.log.tell(f"Phases found in YAML: {len(specification.phases)}")
        for name, phase in specification.phases.items():
            self.log.tell(f" {name.upper()}: {len(phase.commands)} commands")
        self._end(SUCCEEDED)
        self._tell_phase_end(DOWNLOAD_SOURCE, SUCCEEDED, "", "")
        return specification

    async def _check_runtimes(self, specification: Specification) -> None:
        install = specification.phases.get(INSTALL)
        wanted = install.runtime_versions if install is not None else {}
        if wanted and self._settings["environment"]["image"] != HOST_IMAGE:
            raise PhaseFailed(YAML_FILE_ERROR, "This build image does not support selecting runtime versions.")
        await check_runtimes(wanted, self._room.shell.ask, self.log.tell)

    async def _run_phases(self, specification: Specification) -> list[PhaseResult]:
        room = self._room

        def end(result: PhaseResult) -> None:
            room.shell.is_succeeding = room.shell.is_succeeding and result.status == SUCCEEDED
            self._end(result.status, result.status_code, result.message)

        runner = PhaseRunner(
            specification, BuildShell(room), self.log.tell, self._house.clock.now, self._next_phase, end
        )
        results = await runner.run()
        if room.shell.ending is None:
            await self._export(specification)
        return results

    async def _export(self, specification: Specification) -> None:
        """Keep the exported variables, as they are after the last phase; never what is secret."""
        names = [
            name
            for name in specification.environment.exported
            if name not in self._secret_names and not name.startswith(NEVER_EXPORTED_PREFIX)
        ]
        values = await self._room.variables(names)
        self._progress["exported"] = {name: self.log.masked(value) for name, value in values.items()}

    async def _upload(self, specification: Specification, *, has_succeeded: bool) -> None:
        reports = await keep_reports(self._house, self._room, self._role, self._named, specification, self.log)
        self._progress |= {"report_arns": reports.arns}
        if has_succeeded:
            await self._cache.look(self._room, self.log)
        kept = await keep_artifacts(self._room, self._role, self._named, self._settings, specification, self.log)
        self._progress |= kept
        await self._room.stop_commands()
        await self._cache.save(self._room, self.log)
        reports.check()

    async def _unless_it_ends(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of something that may take long. Raises Ending as soon as the build is to end."""
        doing = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._has_ending.wait())
        try:
            await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
            self._check()
            return await doing
        finally:
            for task in (doing, ending):
                task.cancel()
            await asyncio.gather(doing, ending, return_exceptions=True)

    def _check(self) -> None:
        """Raise Ending if the build is to end."""
        if self._ending is not None:
            raise self._ending

    def _end(self, status: str, code: str = "", message: str = "") -> None:
        """Note how the phase in hand ended, unless that is noted."""
        phase = self._progress["phases"][-1]
        if "status" in phase:
            return
        end_phase(self._progress, status, self._house.clock.now(), code, self.log.masked(message))
        if status != SUCCEEDED and phase["name"].lower() not in PHASES:
            self._tell_phase_end(phase["name"], status, code, message)

    def _tell_phase_end(self, name: str, status: str, code: str, message: str) -> None:
        self.log.tell(f"Phase complete: {name} State: {status}")
        self.log.tell(f"Phase context status code: {code} Message: {message}")

    async def _next_phase(self, name: str) -> None:
        begin_phase(self._progress, name, self._house.clock.now())
        progress, number = self._progress, self.number
        await self._house.store.write(
            lambda connection: tables.update_build(connection, number, (tables.RUNNING,), {"progress": progress})
        )

    async def _finish(self, status: str) -> None:
        """Send the log to where it goes, and write down how the build ended."""
        now = self._house.clock.now
        begin_phase(self._progress, FINALIZING, now())
        disabled = bool(((self._settings.get("logsConfig") or {}).get("s3Logs") or {}).get("encryptionDisabled"))
        try:
            await self.log.close(encryption_of(self._settings, disabled=disabled))
        except (PhaseFailed, AwsError) as error:
            code, message = (error.code, error.message)
            end_phase(self._progress, FAILED, now(), code or CLIENT_ERROR, self.log.masked(message))
            status = FAILED if status == SUCCEEDED else status
        else:
            end_phase(self._progress, SUCCEEDED, now(), "", "")
        await self._house.store.write(self._write_end(completed_progress(self._progress, now()), status, now()))

    def _write_end(self, progress: dict[str, Any], status: str, now: float) -> Any:
        state = state_after(status, self._settings, progress)
        values = {"state": state, "status": status, "progress": progress, "server": None}

        def write(connection: Connection) -> None:
            if tables.update_build(connection, self.number, (tables.RUNNING,), values):
                abandon_reports(connection, self._named.arn)
                self._house.audit.insert_event(connection, state_event(self._named, status, COMPLETED, now))

        return write


def _outcome(results: list[PhaseResult]) -> str:
    """Return how a build ended whose phases ended so: a failure that the build was to go on after is none.

    Source: User Guide, "Build specification reference", phases/*/on-failure.
    """
    for result in results:
        if result.status != SUCCEEDED:
            return result.status
    return SUCCEEDED
