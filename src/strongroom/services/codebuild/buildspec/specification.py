"""A build specification as plain values: environment, phases, reports, artifacts, cache.

Source: AWS CodeBuild User Guide, "Build specification reference for CodeBuild"; for secrets, "env/secrets-manager".
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from strongroom.services.codebuild.buildspec.document import Place, read_document

INSTALL, PRE_BUILD, BUILD, POST_BUILD = "install", "pre_build", "build", "post_build"
PHASES = (INSTALL, PRE_BUILD, BUILD, POST_BUILD)
VERSIONS = ("0.1", "0.2")
ABORT, CONTINUE, RETRY = "ABORT", "CONTINUE", "RETRY"
FALLBACK_KEYS_MAX = 5
SHELLS = ("bash", "/bin/sh", "sh")
RETRIES, RETRIES_MAX = 3, 100
REPORTS_MAX = 5
"""How many report groups a build has at most. Source: User Guide, "Report groups"."""

FILE_FORMATS = (
    "CUCUMBERJSON",
    "JUNITXML",
    "NUNITXML",
    "NUNIT3XML",
    "TESTNGXML",
    "VISUALSTUDIOTRX",
    "CLOVERXML",
    "COBERTURAXML",
    "JACOCOXML",
    "LCOVINFO",
    "SIMPLECOV",
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RETRY = re.compile(r"RETRY(?:-(?P<count>\d{1,3}))?(?:-(?P<pattern>.+))?", re.DOTALL)
_ARN_PARTS = 7
_SECRET_PARTS = 4


class OnFailure(NamedTuple):
    """What follows a phase that failed. `retries` and `pattern` (of the error's text) are those of RETRY.

    Without an action the phases go on as they usually do: what failed to build is still cleaned up after.
    """

    action: str = ""
    retries: int = 0
    pattern: str = ""


AS_USUAL = OnFailure()


class SecretReference(NamedTuple):
    """Where an environment variable's value is in Secrets Manager. Empty parts stand for Secrets Manager's defaults."""

    secret_id: str
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Environment variables, and what else holds for every command."""

    variables: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, SecretReference] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    shell: str = ""
    git_credential_helper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The commands of one phase, in order, and those that run at its end in any case."""

    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    on_failure: OnFailure = AS_USUAL
    run_as: str = ""
    runtime_versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files of a build that are kept: artifacts, or a report's. Patterns are globs below `base_directory`."""

    files: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    base_directory: str = ""
    name: str = ""
    discard_paths: bool = False
    enable_symlinks: bool = False
    s3_prefix: str = ""
    file_format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """What of a build is kept for the next one."""

    paths: tuple[str, ...] = ()
    key: str = ""
    fallback_keys: tuple[str, ...] = ()
    actions: tuple[str, ...] = ("restore", "save")


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """A build specification. `shares_shell` is whether all commands run in one instance of the shell (version 0.2)."""

    shares_shell: bool
    environment: Environment
    phases: dict[str, Phase]
    artifacts: Files | None = None
    secondary_artifacts: dict[str, Files] = field(default_factory=dict)
    reports: dict[str, Files] = field(default_factory=dict)
    cache: Cache = Cache()
    run_as: str = ""


def read_specification(text: str) -> Specification:
    """Return a build specification. Raises BuildspecError, with the key and the line, for what it can't be."""
    root = read_document(text)
    members = root.structure("version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache")
    version = members["version"].text() if "version" in members else ""
    if version not in VERSIONS:
        raise members.get("version", root).refuse(f"The version is to be one of {', '.join(VERSIONS)}:")
    if "batch" in members:
        raise members["batch"].refuse("is not served here")
    if "proxy" in members:
        # Artifacts and logs go by this server, which no proxy of a build's stands before: either way they arrive.
        proxy = members["proxy"].structure("upload-artifacts", "logs")
        for each in proxy.values():
            each.flag()
    phases = _phases(members["phases"]) if "phases" in members else {}
    if not phases:
        raise root.refuse("There is to be at least one phase:")
    artifacts, secondary = _artifacts(members["artifacts"]) if "artifacts" in members else (None, {})
    return Specification(
        shares_shell=version != "0.1",
        environment=_environment(members["env"]) if "env" in members else Environment(),
        phases=phases,
        artifacts=artifacts,
        secondary_artifacts=secondary,
        reports=_reports(members["reports"]) if "reports" in members else {},
        cache=_cache(members["cache"]) if "cache" in members else Cache(),
        run_as=_text(members, "run-as"),
    )


def _text(members: dict[str, Place], name: str) -> str:
    return members[name].text() if name in members else ""


def _texts(members: dict[str, Place], name: str) -> tuple[str, ...]:
    return members[name].texts() if name in members else ()


def _flag(members: dict[str, Place], name: str) -> bool:
    return name in members and members[name].flag()


def _environment(place: Place) -> Environment:
    members = place.structure(
        "shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"
    )
    variables, parameters, secrets = (
        _variables(members[name]) if name in members else {}
        for name in ("variables", "parameter-store", "secrets-manager")
    )
    exported = _texts(members, "exported-variables")
    for name in exported:
        if not _NAME.fullmatch(name):
            raise members["exported-variables"].refuse(f"has {name!r}, which is no name of a variable")
    shell = _text(members, "shell")
    if shell and shell not in SHELLS:
        raise members["shell"].refuse(f"is to be one of {', '.join(SHELLS)}")
    return Environment(
        variables=variables,
        parameters=parameters,
        secrets={name: _secret(members["secrets-manager"], value) for name, value in secrets.items()},
        exported=exported,
        shell=shell,
        git_credential_helper=_flag(members, "git-credential-helper"),
    )


def _variables(place: Place) -> dict[str, str]:
    named = place.texts_by_name()
    for name in named:
        if not _NAME.fullmatch(name):
            raise place.refuse(f"has {name!r}, which is no name of a variable")
        if name.startswith("CODEBUILD_"):
            raise place.refuse(f"has {name}: names that begin with CODEBUILD_ are CodeBuild's own")
    return named


def secret_reference(text: str) -> SecretReference | None:
    """Return what `secret-id:json-key:version-stage:version-id` says, None when it can't be that.

    The id may be a whole ARN, which has colons of its own.
    """
    head, rest = "", text
    if text.startswith("arn:"):
        parts = text.split(":", _ARN_PARTS)
        if len(parts) < _ARN_PARTS:
            return None
        head, rest = ":".join(parts[: _ARN_PARTS - 1]) + ":", ":".join(parts[_ARN_PARTS - 1 :])
    secret_id, *further = rest.split(":")
    if not secret_id or len(further) >= _SECRET_PARTS:
        return None
    return SecretReference(head + secret_id, *further)


def _secret(place: Place, text: str) -> SecretReference:
    reference = secret_reference(text)
    if reference is None:
        raise place.refuse("has a value that is not of the form secret-id:json-key:version-stage:version-id")
    return reference


def _phases(place: Place) -> dict[str, Phase]:
    return {name: _phase(name, phase) for name, phase in place.structure(*PHASES).items()}


def _phase(name: str, place: Place) -> Phase:
    own = ("runtime-versions",) if name == INSTALL else ()
    members = place.structure("run-as", "on-failure", "commands", "finally", "steps", *own)
    if "steps" in members:
        raise members["steps"].refuse("is not served here")
    if "commands" not in members and "runtime-versions" not in members:
        raise place.refuse("is to have commands")
    runtimes = members["runtime-versions"].texts_by_name() if "runtime-versions" in members else {}
    return Phase(
        commands=_texts(members, "commands"),
        finally_commands=_texts(members, "finally"),
        on_failure=_on_failure(members["on-failure"]) if "on-failure" in members else AS_USUAL,
        run_as=_text(members, "run-as"),
        runtime_versions=runtimes,
    )


def _on_failure(place: Place) -> OnFailure:
    text = place.text()
    if text in {ABORT, CONTINUE}:
        return OnFailure(text)
    match = _RETRY.fullmatch(text)
    if match is None:
        raise place.refuse("is to be ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex or RETRY-count-regex")
    retries = int(match["count"]) if match["count"] is not None else RETRIES
    if not 0 <= retries <= RETRIES_MAX:
        raise place.refuse(f"is to be tried again at most {RETRIES_MAX} times")
    return OnFailure(RETRY, retries, match["pattern"] or "")


_FILES = ("files", "exclude-paths", "base-directory", "name", "discard-paths", "enable-symlinks", "s3-prefix")


def _artifacts(place: Place) -> tuple[Files | None, dict[str, Files]]:
    members = place.structure(*_FILES, "secondary-artifacts")
    secondary = members.pop("secondary-artifacts", None)
    first = _files(place, members) if members else None
    if secondary is None:
        if first is None:
            raise place.refuse("is to have files")
        return first, {}
    others = {name: _files(each, each.structure(*_FILES)) for name, each in secondary.members().items()}
    return first, others


def _files(place: Place, members: dict[str, Place]) -> Files:
    if not _texts(members, "files"):
        raise place.refuse("is to have files")
    return Files(
        files=_texts(members, "files"),
        excluded=_texts(members, "exclude-paths"),
        base_directory=_text(members, "base-directory"),
        name=_text(members, "name"),
        discard_paths=_flag(members, "discard-paths"),
        enable_symlinks=_flag(members, "enable-symlinks"),
        s3_prefix=_text(members, "s3-prefix"),
        file_format=_text(members, "file-format"),
    )


def _reports(place: Place) -> dict[str, Files]:
    reports = {}
    members_by_name = place.members()
    if len(members_by_name) > REPORTS_MAX:
        raise place.refuse(f"is to have at most {REPORTS_MAX} report groups")
    for name, each in members_by_name.items():
        members = each.structure("files", "base-directory", "discard-paths", "file-format")
        report = _files(each, members)
        if report.file_format and report.file_format.upper() not in FILE_FORMATS:
            raise members["file-format"].refuse(f"is to be one of {', '.join(FILE_FORMATS)}")
        reports[name] = report
    return reports


def _cache(place: Place) -> Cache:
    members = place.structure("paths", "key", "fallback-keys", "action")
    fallbacks = _texts(members, "fallback-keys")
    if len(fallbacks) > FALLBACK_KEYS_MAX:
        raise members["fallback-keys"].refuse(f"has more than {FALLBACK_KEYS_MAX} keys")
    actions = _texts(members, "action") or Cache().actions
    for action in actions:
        if action not in Cache().actions:
            raise members["action"].refuse("is to be restore or save")
    return Cache(
        paths=_texts(members, "paths"),
        key=_text(members, "key"),
        fallback_keys=fallbacks,
        actions=actions,
    )
