"""Where a build runs: its directories in memory, its sandbox, and the ways out of it to credentials and to this server.

As on AWS, the sources are below /codebuild/output, and what CodeBuild itself needs is in /codebuild/readonly.
"""

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from strongroom.operations.house import House, OpenDoor
from strongroom.operations.private_networks import Attachment
from strongroom.runners.bubblewrap import JobUser
from strongroom.runners.credentials_endpoint import CredentialsEndpoint
from strongroom.runners.images.cache import RootFileSystem
from strongroom.runners.memory_directory import NoMemoryFileSystem, memory_directory
from strongroom.runners.probe import SandboxUnavailable
from strongroom.runners.sandbox import Mount, Sandbox, prepare
from strongroom.runners.trees import remove_tree
from strongroom.services.codebuild.build_record import name_of
from strongroom.services.codebuild.buildspec.specification import Specification
from strongroom.services.codebuild.compute import limits_of
from strongroom.services.codebuild.phases import Ending
from strongroom.services.codebuild.running.artifacts import NoDirectory
from strongroom.services.codebuild.running.environment import base_variables, endpoint_variables, own_variables
from strongroom.services.codebuild.running.failures import YAML_FILE_ERROR, PhaseFailed
from strongroom.services.codebuild.running.git import Mirrors
from strongroom.services.codebuild.running.log import BuildLog
from strongroom.services.codebuild.running.root_file_systems import (
    copy_home,
    default_user,
    root_file_system,
    user_named,
)
from strongroom.services.codebuild.running.shell import SandboxShell
from strongroom.services.codebuild.running.sources import fetch_source, give
from strongroom.services.codebuild.service_role import ServiceRole
from strongroom.services.codebuild.source_credentials.logins import Logins
from strongroom.services.codebuild.vpc_config import attachment_of

OUTPUT, READONLY, AUTHORITY, HOME = "/codebuild/output", "/codebuild/readonly", "/codebuild/ca.pem", "/root"
BUILD_DIRECTORY, HOME_DIRECTORY = "build", "home"
"""What the build may write to, beside each other: each is mounted by itself, and none is in another one.

A build may put a link in the place of whatever is in a directory of its own. So nothing that is mounted again, for
another user, may be there.
"""
SECONDARY = "secondary"
"""The directory beside the primary source that the others are in, each by its identifier, which may be any name."""
SHELLS = {"bash": "/bin/bash"}
_CREDENTIALS, _API = 0, 1

Part = TypeVar("Part")


class Room:
    """The room of one build. `make` makes it, `begin` starts its shell; whoever has it must `close` it."""

    def __init__(self, house: House, row: Any, role: ServiceRole, log: BuildLog) -> None:
        self._house = house
        self._row = row
        self._role = role
        self._log = log
        self._base: Path | None = None
        self._attachment: Attachment | None = None
        self._sandbox: Sandbox | None = None
        self._shell: SandboxShell | None = None
        self._root: RootFileSystem | None = None
        self._mounts: list[Mount] = []
        self._users: dict[str, JobUser] = {}
        self._user = ""
        self._program = ""
        self._environment: dict[str, str] = {}
        self._doors: list[CredentialsEndpoint | OpenDoor] = []
        self._others: dict[str, str] = {}
        self._token = secrets.token_urlsafe(32)
        self._name = f"src{secrets.randbelow(10**9):09d}"

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, once it is made."""
        return _made(self._sandbox)

    @property
    def shell(self) -> SandboxShell:
        """The shell, once it has begun."""
        return _made(self._shell)

    @property
    def base(self) -> Path:
        """The directory in memory that holds all of the others."""
        return _made(self._base)

    @property
    def output(self) -> Path:
        """The directory that has all that the build may write to, as the server sees it. Itself, it is not for that."""
        return self.base / "output"

    @property
    def scratch(self) -> Path:
        """A directory of the server's own."""
        return self.base / "scratch"

    @property
    def sources(self) -> Path:
        """The primary source, as the server sees it."""
        return self._below_build(self._name, "src")

    @property
    def directory(self) -> str:
        """The primary source, as the build sees it."""
        return self.sandbox.path(f"{OUTPUT}/{self._name}/src")

    @property
    def name(self) -> str:
        """The directory below the build's that all sources are in."""
        return self._name

    def _below_build(self, *steps: str) -> Path:
        return self.output.joinpath(BUILD_DIRECTORY, *steps)

    @property
    def network_interface(self) -> dict[str, str] | None:
        """The interface by which the build is in its VPC, as builds tell of it; None without a VPC."""
        place = self._attachment
        return {"subnetId": place.subnet_id, "networkInterfaceId": place.network_interface_id} if place else None

    def below_output(self, path: str) -> str:
        """Return where a path of the build's is below `output`. Raises NoDirectory if it is elsewhere."""
        for target, name in ((OUTPUT, BUILD_DIRECTORY), (HOME, HOME_DIRECTORY)):
            top = self.sandbox.path(target)
            if path == top or path.startswith(f"{top}/"):
                return f"{name}{path[len(top) :]}".rstrip("/")
        raise NoDirectory

    async def take_image(self) -> None:
        """Have the root file system that the build's image is, pulled and unpacked if need be. Raises PhaseFailed."""
        self._root = await root_file_system(self._house, self._row.settings["environment"]["image"])

    async def make(self) -> None:
        """Make the directories, and the sandbox in its VPC or in none. Raises SandboxUnavailable, PhaseFailed."""
        try:
            self._base = memory_directory().make("build")
        except (NoMemoryFileSystem, OSError) as error:
            raise SandboxUnavailable(f"there is no place for a build's files: {error}") from None
        build, home, readonly = self._below_build(), self.output / HOME_DIRECTORY, self.base / "readonly"
        modes = {self.output: 0o700, build: 0o777, home: 0o755, readonly: 0o755, self.scratch: 0o700}
        for path, mode in modes.items():
            path.mkdir()
            path.chmod(mode)
        self._mounts = [Mount(readonly, READONLY), Mount(build, OUTPUT, for_writing=True)]
        self._mounts.append(Mount(home, HOME, for_writing=True))
        if self._house.doors is not None:
            self._mounts.append(Mount(self._house.doors.ca_bundle, AUTHORITY))
        named, settings = name_of(self._row).project, self._row.settings
        self._attachment = await attachment_of(self._house, named, settings, self._role)
        self._sandbox = await self._prepare(default_user(self._root))
        for path in (self._below_build("kept"), self.sources):
            path.mkdir(parents=True)
        if self._root is not None:
            await asyncio.to_thread(copy_home, self._root.path, home)

    async def _prepare(self, user: JobUser, owner: int | None = None) -> Sandbox:
        configuration = self._house.configuration
        return await prepare(
            limits=limits_of(self._row.settings["environment"]["computeType"]),
            mounts=self._mounts,
            ports=2,
            mode=configuration.sandbox,
            hidden=(configuration.data,),
            network=self._attachment.network if self._attachment is not None else None,
            root=self._root.path if self._root is not None else None,
            user=user,
            owner=owner,
        )

    async def fetch_sources(self, mirrors: Mirrors | None = None) -> str:
        """Bring all sources into their directories, and return the version of the first one. Raises PhaseFailed.

        `mirrors` are where repositories are kept for the next build.
        """
        settings = self._row.settings
        allowed = self._house.configuration.build_git_sources
        versions = {
            each["sourceIdentifier"]: each["sourceVersion"] for each in settings.get("secondarySourceVersions") or ()
        }
        logins = Logins(self._house, self._role, name_of(self._row).project, self._log.mask)
        version = settings.get("sourceVersion", "")
        resolved = await fetch_source(
            self._role, settings["source"], version, self.sources, self.scratch, allowed, logins, mirrors
        )
        for source in settings["secondarySources"]:
            identifier = source["sourceIdentifier"]
            target = self._below_build(self._name, SECONDARY, identifier)
            target.mkdir(parents=True)
            version = versions.get(identifier, "")
            await fetch_source(self._role, source, version, target, self.scratch, allowed, logins, mirrors)
            self._others[identifier] = self.sandbox.path(f"{OUTPUT}/{self._name}/{SECONDARY}/{identifier}")
        for name in (BUILD_DIRECTORY, HOME_DIRECTORY):
            await asyncio.to_thread(give, self.output / name, self.sandbox.owner)
        return resolved

    async def begin(self, specification: Specification, variables: dict[str, str], version: str) -> None:
        """Open the ways out, and start the shell with the variables.

        Raises SandboxUnavailable, OSError, and PhaseFailed for users that are not in the image.
        """
        sandbox = self.sandbox
        self._users = {"": default_user(self._root)} | self._named_users(specification)
        api = await self._open_doors()
        self._log.mask([self._token])
        environment = base_variables() | (self._root.variables if self._root is not None else {})
        environment |= {"HOME": sandbox.path(HOME)} | variables
        environment |= own_variables(self._row, self.directory, self._others, version)
        environment |= endpoint_variables(sandbox.addresses[_CREDENTIALS], self._token, api, sandbox.path(AUTHORITY))
        self._environment = environment
        self._program = SHELLS.get(specification.environment.shell, "/bin/sh")
        self._shell = self._new_shell()
        self._shell.shares = specification.shares_shell
        await self._shell.start(environment)

    def _named_users(self, specification: Specification) -> dict[str, JobUser]:
        users = {}
        for name in {specification.run_as, *(phase.run_as for phase in specification.phases.values())} - {""}:
            if self._house.configuration.sandbox == "unsafe":
                raise PhaseFailed(YAML_FILE_ERROR, "run-as is not supported by builds without a sandbox.")
            user = user_named(self._root, name)
            if user is None:
                raise PhaseFailed(YAML_FILE_ERROR, f"run-as: the build image has no user named {name}")
            users[name] = user
        return users

    async def become(self, name: str) -> None:
        """Have the commands from now on run as a user of the image, the empty name for who does unless told otherwise.

        What runs in the background ends, and /tmp is emptied: another user is another sandbox, over the same files,
        which belong to both. Raises Ending, SandboxUnavailable, OSError.
        """
        if name == self._user:
            return
        before = self.shell
        # It has begun, and what it keeps for the next command is there.
        await before.ask(":")
        self._user = name
        await self._close_doors()
        sandbox = self.sandbox
        owner = sandbox.hand_over()
        try:
            await sandbox.close()
            before.close()
            self._sandbox = await self._prepare(self._users[name], owner)
        except BaseException:
            sandbox.take_back()
            raise
        await self._open_doors()
        self._shell = self._new_shell()
        try:
            await self._shell.go_on(before, self._environment)
        except (SandboxUnavailable, OSError):
            if self._shell.ending is None:
                raise
        if self._shell.ending is not None:
            await self.sandbox.kill()
            raise self._shell.ending

    def _new_shell(self) -> SandboxShell:
        sandbox = self.sandbox
        return SandboxShell(
            sandbox,
            self.base / "readonly",
            sandbox.path(READONLY),
            sandbox.path(f"{OUTPUT}/kept"),
            self.directory,
            self._program,
            self._log.take,
        )

    async def _open_doors(self) -> str:
        """Listen for the build's clients, and return where this server's API is for them; empty where it is not."""
        endpoint = CredentialsEndpoint(self._token, self._credentials)
        await endpoint.start(self.sandbox.listeners[_CREDENTIALS])
        self._doors.append(endpoint)
        if self._house.doors is None:
            return ""
        self._doors.append(await self._house.doors.listen(self.sandbox.listeners[_API]))
        return self.sandbox.addresses[_API]

    async def _close_doors(self) -> None:
        while self._doors:
            await self._doors.pop().close()

    async def _credentials(self) -> dict[str, str]:
        """Return what the credentials endpoint answers; from then on it is masked in the log."""
        given = await self._role.credentials()
        self._log.mask([given.secret_access_key, given.session_token])
        return {
            "AccessKeyId": given.access_key_id,
            "SecretAccessKey": given.secret_access_key,
            "Token": given.session_token,
            "Expiration": f"{given.expires_at:%Y-%m-%dT%H:%M:%SZ}",
            "RoleArn": self._role.role_arn,
        }

    async def variables(self, names: list[str]) -> dict[str, str]:
        """Return the variables of some names, as the commands left them. Raises Ending."""
        if not names:
            return {}
        script = "\n".join(f"printf '%s\\0' \"${{{name}-}}\"" for name in names)
        values = (await self.shell.ask(script)).split(b"\0")
        return {name: value.decode(errors="replace") for name, value in zip(names, values, strict=False)}

    async def expanded(self, texts: list[str]) -> list[str]:
        """Return some texts of the specification as the build's shell reads them: with variables and commands in them.

        Raises Ending.
        """
        if not any("$" in text or "`" in text for text in texts):
            return texts
        word = secrets.token_hex(8)
        script = "\n".join(f"printf '%s\\0' \"$(cat <<{word}\n{text}\n{word}\n)\"" for text in texts)
        values = (await self.shell.ask(script)).split(b"\0")
        return [value.decode(errors="replace") for value in values[: len(texts)]]

    async def end(self, ending: Ending) -> None:
        """Have whatever runs end now."""
        if self._shell is not None:
            await self._shell.end(ending)

    async def stop_commands(self) -> None:
        """End what the build's commands left running: its files change no more."""
        await self.sandbox.kill()

    async def close(self) -> None:
        """End the build's processes, close its ways out, leave its VPC, and remove its files."""
        async with AsyncExitStack() as leaving:
            # The last one said is the first one done, whatever becomes of the others: files take the longest.
            if self._base is not None:
                leaving.push_async_callback(asyncio.to_thread, remove_tree, self._base)
            if self._attachment is not None:
                leaving.push_async_callback(self._attachment.release)
            if self._root is not None:
                leaving.callback(self._root.release)
            if self._shell is not None:
                leaving.callback(self._shell.close)
            if self._sandbox is not None:
                leaving.push_async_callback(self._sandbox.close)
            self._base = self._attachment = self._root = self._shell = None
            await self._close_doors()


def _made(part: Part | None) -> Part:
    if part is None:
        raise RuntimeError("the room of a build is used before it is made")
    return part
