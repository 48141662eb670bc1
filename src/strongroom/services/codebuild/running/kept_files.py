"""What of a build is kept: its artifacts, the first ones and the secondary ones, as project and specification say.

Source: AWS CodeBuild User Guide, "Build specification reference", artifacts and secondary-artifacts.
"""

from collections.abc import Mapping
from typing import Any

from strongroom.services.codebuild.buildspec.specification import Files, Specification
from strongroom.services.codebuild.names import BuildName
from strongroom.services.codebuild.running.artifacts import NoDirectory, Uploads
from strongroom.services.codebuild.running.failures import CLIENT_ERROR, PhaseFailed
from strongroom.services.codebuild.running.log import BuildLog
from strongroom.services.codebuild.running.room import Room
from strongroom.services.codebuild.service_role import ServiceRole


async def keep_artifacts(
    room: Room,
    role: ServiceRole,
    named: BuildName,
    settings: Mapping[str, Any],
    specification: Specification,
    log: BuildLog,
) -> dict[str, Any]:
    """Store all artifacts, and return what the build's progress tells of them. Raises PhaseFailed, Ending."""
    wanted = _wanted(settings, specification)
    if not wanted:
        return {}
    directory = room.directory
    files = [each for _, each in wanted]
    names = await room.expanded([each.name for each in files])
    bases = await room.expanded([each.base_directory or "." for each in files])
    if any(log.masked(name) != name for name in names):
        # It would be in the name of an object, in the audit trail, and in what is told of the build.
        raise PhaseFailed(CLIENT_ERROR, "artifact name has the value of a secret in it")
    # Whatever the commands left running must not change files between their being looked at and their being read.
    await room.stop_commands()
    uploads = Uploads(role, named, settings, room.output, room.scratch)
    shown = []
    for (artifacts, each), name, base in zip(wanted, names, bases, strict=True):
        log.tell(f"Expanding base directory path: {base}")
        try:
            below = room.below_output(base if base.startswith("/") else f"{directory}/{base}")
            log.tell("Assembling file list")
            shown.append(await uploads.upload(artifacts, each, below, name or None))
        except NoDirectory:
            raise PhaseFailed(CLIENT_ERROR, f"no matching base directory path found for {base}") from None
    first = [each for (artifacts, _), each in zip(wanted, shown, strict=True) if artifacts is settings["artifacts"]]
    others = [
        each for (artifacts, _), each in zip(wanted, shown, strict=True) if artifacts is not settings["artifacts"]
    ]
    return ({"artifacts": first[0]} if first else {}) | ({"secondary_artifacts": others} if others else {})


def _wanted(settings: Mapping[str, Any], specification: Specification) -> list[tuple[Mapping[str, Any], Files]]:
    """Return the artifacts that both the project and the specification have, the first ones first."""
    found: list[tuple[Mapping[str, Any], Files]] = []
    first = settings["artifacts"]
    if first["type"] != "NO_ARTIFACTS":
        if specification.artifacts is None:
            raise PhaseFailed(CLIENT_ERROR, "no artifacts are in the build specification, and the project has some.")
        found.append((first, specification.artifacts))
    for artifacts in settings["secondaryArtifacts"]:
        files = specification.secondary_artifacts.get(artifacts["artifactIdentifier"])
        if files is None:
            raise PhaseFailed(
                CLIENT_ERROR, f"no secondary artifacts {artifacts['artifactIdentifier']} are in the specification."
            )
        found.append((artifacts, files))
    return found
