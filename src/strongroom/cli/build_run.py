"""One run of `strongroom build run`: a folder becomes a source, a build is started and followed, what it took goes.

Everything is done through the server's API, as any other client does it. See docs/decisions/0030.
"""

import errno
import re
import secrets
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.cli.build_artifacts import fetch_artifacts, wanted_artifacts
from strongroom.cli.build_belongings import Belongings
from strongroom.cli.build_follow import OutputLostError, advice, follow, outcome, tell, write_out
from strongroom.cli.build_interruption import Interrupted, Interruption
from strongroom.cli.build_leftovers import remove_leftovers
from strongroom.cli.build_reports import report_lines
from strongroom.cli.build_role import Home, Network, joining, logging, policy_document, reading, reporting
from strongroom.cli.build_sources import PackedFolder, pack
from strongroom.services.codebuild.buildspec.document import BuildspecError
from strongroom.services.codebuild.buildspec.location import DEFAULT_FILE
from strongroom.services.codebuild.buildspec.specification import (
    Specification,
    read_specification,
    secret_reference,
)

PARAMETER_STORE, SECRETS_MANAGER = "PARAMETER_STORE", "SECRETS_MANAGER"
HOST_IMAGE, COMPUTE_TYPE = "host", "BUILD_GENERAL1_SMALL"
LEFT_OUT_SHOWN = 5
SIGNALLED = 128
_LOST_AS_BY = {errno.EPIPE: signal.SIGPIPE, errno.EIO: signal.SIGHUP}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be run, and how. `variables` are of CodeBuild's type and value, by their names."""

    folder: Path
    buildspec: str | None = None
    variables: dict[str, tuple[str, str]]
    image: str | None = None
    compute_type: str | None = None
    timeout_minutes: int | None = None
    artifacts: Path | None = None
    include_ignored: bool = False
    project: str | None = None
    role: str | None = None
    policy: str | None = None
    grant_secrets: bool = False
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()


def run(session: Any, account_id: str, wanted: Wanted) -> int:
    """Run a build and return the exit status. Raises OperatorError, and what boto3 raises."""
    return _Run(session, Home(account_id, session.region_name), wanted).run()


class _Run:
    def __init__(self, session: Any, home: Home, wanted: Wanted) -> None:
        self._session = session
        self._home = home
        self._wanted = wanted
        self._codebuild = session.client("codebuild")
        run_id = secrets.token_hex(6)
        folder = _NOT_IN_NAMES.sub("-", wanted.folder.resolve().name)[:_NAME_CHARACTERS_MAX].strip("-_") or "build"
        self._name = f"{folder}-{run_id}"
        self._belongings = Belongings(session, home, run_id, self._name)
        self._log_group = f"/strongroom/build-run/{folder}"
        self._interruption = Interruption()
        self._build_id: str | None = None
        self._has_ended = False

    def run(self) -> int:
        with self._interruption.heeded():
            try:
                return self._run_and_clean_up()
            except Interrupted as interrupted:
                return SIGNALLED + interrupted.number
            except OutputLostError as lost:
                if lost.errno in _LOST_AS_BY:
                    return SIGNALLED + _LOST_AS_BY[lost.errno]
                raise OperatorError(f"the log cannot be written: {lost.strerror}") from None

    def _run_and_clean_up(self) -> int:
        try:
            return self._run()
        except BaseException:
            if self._build_id is not None and not self._has_ended:
                self._stop(self._build_id)
            raise
        finally:
            with self._interruption.held():
                for left in self._belongings.close():
                    tell(left)

    def _run(self) -> int:
        with pack(self._wanted.folder, include_ignored=self._wanted.include_ignored) as packed:
            _tell_left_out(packed)
            buildspec, specification = self._buildspec(packed)
            with self._interruption.held():
                self._belongings.make_bucket()
            location = self._belongings.put_source(packed.file)
        for line in remove_leftovers(self._session, self._home, self._belongings.bucket):
            tell(line)
        with self._interruption.held():
            if self._wanted.project is None:
                self._start_new(location, buildspec or "", specification)
            else:
                self._start_existing(location, buildspec, specification)
        build = follow(self._session, str(self._build_id), write_out, tell)
        self._has_ended = True
        for line in (*outcome(build), *report_lines(self._session, build)):
            tell(line)
        advised = advice(build, is_role_made=self._wanted.project is None and self._wanted.role is None)
        if advised:
            tell(advised)
        if self._wanted.artifacts is not None:
            count = fetch_artifacts(self._session, build, self._wanted.artifacts)
            tell(f"files of its artifacts in {self._wanted.artifacts}: {count}")
        return 0 if build["buildStatus"] == "SUCCEEDED" else 1

    def _buildspec(self, packed: PackedFolder) -> tuple[str | None, Specification | None]:
        """Return what says where the build specification is, as CodeBuild takes it, and what it says.

        Both are None when the project says it. Raises OperatorError.
        """
        wanted = self._wanted.buildspec
        if wanted is None and self._wanted.project is not None:
            return None, None
        name = str(PurePosixPath(wanted or DEFAULT_FILE))
        path = self._wanted.folder / name
        if name in packed.names:
            return name, _specification(path)
        if wanted is not None and Path(wanted).is_file():
            return _text(Path(wanted)) + "\n", _specification(Path(wanted))
        if path.is_file():
            raise OperatorError(f"Git ignores {path}; --include-ignored packs it too")
        raise OperatorError(f"there is no build specification {path}; --buildspec FILE names another one")

    def _start_new(self, location: str, buildspec: str, specification: Specification | None) -> None:
        """Start a build of a project that is made for it, as a role that is made for it, or the one that is wanted."""
        wanted = self._wanted
        network = self._network() if wanted.subnets else None
        role_arn = self._role_arn(wanted.role) if wanted.role else self._make_role(specification, network)
        self._belongings.open_bucket(role_arn)
        settings = {
            "source": {"type": "S3", "location": location, "buildspec": buildspec},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": wanted.image or HOST_IMAGE,
                "computeType": wanted.compute_type or COMPUTE_TYPE,
                "environmentVariables": self._variables(),
            },
            "serviceRole": role_arn,
            "logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": self._log_group}},
            **self._artifacts(specification),
        }
        if wanted.timeout_minutes is not None:
            settings["timeoutInMinutes"] = wanted.timeout_minutes
        if network is not None:
            settings["vpcConfig"] = {
                "vpcId": network.vpc_id,
                "subnets": network.subnets,
                "securityGroupIds": network.security_groups,
            }
        self._belongings.make_project(settings, reports=bool(specification and specification.reports))
        self._start(projectName=self._name)

    def _start_existing(self, location: str, buildspec: str | None, specification: Specification | None) -> None:
        """Start a build of a project that is there, with this source; it stores no artifacts but those wanted here."""
        wanted = self._wanted
        found = self._codebuild.batch_get_projects(names=[wanted.project])["projects"]
        if not found:
            raise OperatorError(f"there is no project {wanted.project}")
        role_arn = self._role_arn(wanted.role) if wanted.role else found[0]["serviceRole"]
        self._belongings.open_bucket(role_arn)
        overrides = {
            "buildspecOverride": buildspec,
            "imageOverride": wanted.image,
            "computeTypeOverride": wanted.compute_type,
            "timeoutInMinutesOverride": wanted.timeout_minutes,
            "serviceRoleOverride": role_arn if wanted.role else None,
            "cacheOverride": {"type": "NO_CACHE"},
            "autoRetryLimitOverride": 0,
            **{f"{name}Override": value for name, value in self._artifacts(specification).items()},
        }
        self._start(
            projectName=wanted.project,
            sourceTypeOverride="S3",
            sourceLocationOverride=location,
            sourceVersion="",
            environmentVariablesOverride=self._variables(),
            **{name: value for name, value in overrides.items() if value is not None},
        )

    def _start(self, **params: Any) -> None:
        build = self._codebuild.start_build(**params)["build"]
        self._build_id = build["id"]
        tell(f"build {build['id']}")

    def _variables(self) -> list[dict[str, str]]:
        return [{"name": name, "type": kind, "value": value} for name, (kind, value) in self._wanted.variables.items()]

    def _artifacts(self, specification: Specification | None) -> dict[str, Any]:
        if self._wanted.artifacts is None:
            return {"artifacts": {"type": "NO_ARTIFACTS"}, "secondaryArtifacts": []}
        if specification is not None and specification.artifacts is None:
            raise OperatorError("the build specification has no artifacts to fetch")
        others = specification.secondary_artifacts if specification is not None else ()
        return wanted_artifacts(self._belongings.bucket, sorted(others))

    def _role_arn(self, role: str) -> str:
        if role.startswith("arn:"):
            return role
        iam = self._session.client("iam")
        try:
            return str(iam.get_role(RoleName=role)["Role"]["Arn"])
        except iam.exceptions.NoSuchEntityException:
            raise OperatorError(f"there is no role {role}") from None

    def _make_role(self, specification: Specification | None, network: Network | None) -> str:
        wanted, environment = self._wanted, specification.environment if specification is not None else None
        parameters = [value for kind, value in wanted.variables.values() if kind == PARAMETER_STORE]
        ids = [value for kind, value in wanted.variables.values() if kind == SECRETS_MANAGER]
        references = [secret_reference(value) for value in ids]
        if wanted.grant_secrets and environment is not None:
            parameters += environment.parameters.values()
            references += environment.secrets.values()
        ids = [reference.secret_id for reference in references if reference is not None]
        statements = [logging(self._home, self._log_group), *reading(self._session, self._home, parameters, ids)]
        statements += joining(self._home, network) if network is not None else []
        statements += [reporting(self._home, self._name)] if specification and specification.reports else []
        policies = {"build": policy_document(*statements)} | ({"more": wanted.policy} if wanted.policy else {})
        return self._belongings.make_role(self._home.arn("codebuild", f"project/{self._name}"), policies)

    def _network(self) -> Network:
        ec2 = self._session.client("ec2")
        subnets, groups = tuple(self._wanted.subnets), tuple(self._wanted.security_groups)
        vpc_id = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
        if not groups:
            of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
            found = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
            groups = tuple(each["GroupId"] for each in found)
        return Network(vpc_id, subnets, groups)

    def _stop(self, build_id: str) -> None:
        """Stop the build and wait until it has ended; not when another signal says not to, or nobody answers."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with self._interruption.held():
                tell("stopping the build")
                self._codebuild.stop_build(id=build_id)
            build = follow(self._session, build_id, _ignore, _ignore)
        except (Interrupted, BotoCoreError, ClientError):
            tell(f"the build {build_id} may run on for a moment")
            return
        tell(f"{build_id} {build['buildStatus']}")


def _ignore(text: str) -> None:
    pass


def _tell_left_out(packed: PackedFolder) -> None:
    shown = ", ".join(packed.left_out[:LEFT_OUT_SHOWN])
    more = len(packed.left_out) - LEFT_OUT_SHOWN
    if shown:
        tell(f"not packed, for they are no files of the folder: {shown}{f' and {more} more' if more > 0 else ''}")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None


def _specification(path: Path) -> Specification:
    try:
        return read_specification(_text(path))
    except BuildspecError as error:
        raise OperatorError(f"{path}: {error}") from None
